"""Answers on the page: their sentences, digits and pictures, from answers.json."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from stanchion.report.answers import Answer, probability_text, read_answers
from stanchion.report.densities import pictures
from stanchion.report.metrics import metrics
from stanchion.report.page import build
from stanchion.report.render import render
from tests.report_inputs import Declared, FitCase, nuts_checks, report_job

NOTHING = dict.fromkeys(("lower", "upper", "sd", "rhat", "loss", "loss_mcse", "density"))
BELL = {"x": [-2, 0, 2, 4, 6], "y": [0.05, 0.2, 0.3, 0.2, 0.05], "discrete": False}


def row(value: float, mcse: float | None, **more: Any) -> dict[str, Any]:
    return {"label": "", "value": value, "mcse": mcse, **NOTHING, **more}


def fit(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        **{"dataset": "schools", "model": "partial", "method": "nuts", "verdict": "pass"},
        **{"because": None, "fit_failed": False, "rows": list(rows), "ropes": [], "choice": None},
        **more,
    }


def answer(kind: str, *fits: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        **{"answer": "Is it so?", "kind": kind, "unit": None, "stacked": False},
        **{"expressions": {"": "mu > 0"}, "rope": None, "fits": list(fits), **more},
    }


def content(*answers: dict[str, Any]) -> dict[str, Any]:
    interval = {"prob": 0.9, "kind": "equal_tailed"}
    return {"schema": "stanchion/answers/1", "interval": interval, "answers": list(answers)}


def read(folder: Path, *answers: dict[str, Any]) -> tuple[Answer, ...]:
    (folder / "answers.json").write_text(json.dumps(content(*answers)))
    return read_answers(folder / "answers.json")


def sentence(folder: Path, one: dict[str, Any]) -> str:
    return read(folder, one)[0].fits[0].sentence


def test_a_quantity_in_words(tmp_path: Path) -> None:
    """Digits end where the error begins; ends have the error of a quantile; the rope in words.

    With sd 3 and error 0.06 there are 2,500 effective draws; the error of the 5 % quantile is then
    √(0.05 × 0.95 / 2500) / (φ(1.645) / 3) = 0.127, which touches the first decimal.
    """
    told = row(2.3456, 0.06, lower=-2.4567, upper=7.5432, sd=3.0)
    shares = {"below": 0.1234, "within": 0.2345, "above": 0.6421}
    ropes = [{"label": "", **shares, "mcse": 0.009, "mcse_below": 0.009, "mcse_above": 0.02}]
    one = answer("quantity", fit(told, ropes=ropes), unit="points", rope=[-1, 1])
    assert sentence(tmp_path, one) == (
        "2.35 points, 90 % interval from −2.5 to 7.5 points (Monte Carlo error 0.060). "
        "Within [−1, 1] with probability 0.234, below 0.123, above 0.64."
    )


def test_a_quantity_without_spread_is_a_number_alone(tmp_path: Path) -> None:
    """In the digits that it has, and without an interval of no width."""
    exactly = row(8.430871646, None, lower=8.430871646, upper=8.430871646, sd=0.0)
    assert sentence(tmp_path, answer("quantity", fit(exactly), unit="days")) == "8.4308716 days."


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.91025, 0.0054, "0.910"),
        (1.0, 0.0007, "> 0.9993"),
        (1.0, 0.02, "> 0.98"),
        (0.0, 0.0007, "< 0.0007"),
        (0.5, float("nan"), "0.50"),
        (1.0, float("nan"), "> 0.99"),
        (0.00001, float("nan"), "< 0.01"),
        (0.99975, 0.00025, "0.9998"),
        (0.997, 0.011, "> 0.98"),
        (0.003, 0.011, "< 0.02"),
        (0.7 + 0.2 + 0.1, 0.0007, "> 0.9992"),
        (1.0, 0.43, "> 0.5"),
    ],
)
def test_a_probability_is_never_certain(value: float, error: float, text: str) -> None:
    """Draws that all agree leave a bound, on the side that is true."""
    assert probability_text(value, error) == text


def test_what_comes_first_in_words(tmp_path: Path) -> None:
    """A lead below two Monte Carlo errors is said not to be one."""
    rows = [row(0.41, 0.01, label="school=A"), row(0.39, 0.01, label="school=B")]
    choice = {"label": "school=A", "second": "school=B", "difference": 0.02, "mcse": 0.018}
    one = answer("argmax", fit(*rows, choice=choice))
    assert sentence(tmp_path, one) == (
        "These draws do not tell school=A and school=B apart. They are the largest with "
        "probability 0.41 and 0.39 (Monte Carlo error of the difference 0.018)."
    )
    clear = answer("argmax", fit(*rows, choice={**choice, "mcse": 0.004}))
    assert sentence(tmp_path, clear) == (
        "school=A is the largest with probability 0.41, 0.020 more than school=B "
        "(Monte Carlo error 0.0040)."
    )
    rows = [
        row(14.6, 0.5, label="go", sd=5.0, loss=7.123, loss_mcse=0.02),
        row(0.0, None, label="stay", sd=0.0, loss=21.72, loss_mcse=0.5),
    ]
    choice = {"label": "go", "second": "stay", "difference": 14.6, "mcse": 0.5}
    decided = answer("decide", fit(*rows, choice=choice), unit="dollars")
    assert sentence(tmp_path, decided) == (
        "go has the largest expected utility, 14.6 dollars, 14.6 more than stay (Monte Carlo error "
        "0.50). The expected loss of go, against knowing the truth, is 7.12 dollars."
    )
    assert [element.loss for element in read(tmp_path, decided)[0].fits[0].elements] == [
        "7.12",
        "21.7",
    ]


def test_scores_are_said_by_what_a_classifier_is_known_by(tmp_path: Path) -> None:
    """Accuracy with its interval over rows, log score and calibration error; no HDI of rows."""
    rows = [
        row(0.85, None, label="accuracy", sd=0.046, lower=0.7586, upper=0.9108),
        row(-0.40051, 0.0042, label="log score", sd=0.05, lower=-0.48, upper=-0.32),
        row(0.08123, 0.002, label="calibration error", sd=None),
    ]
    assert sentence(tmp_path, answer("score", fit(*rows))) == (
        "Accuracy 0.850 (90 % interval over such rows from 0.759 to 0.911), log score −0.401, "
        "calibration error 0.081."
    )


def test_choices_that_are_alike_are_not_told_apart(tmp_path: Path) -> None:
    """Utilities that are equal in all draws have no error, and no first."""
    rows = [row(0.1, None, label=name, sd=0.0, loss=0.0) for name in ("go", "stay")]
    choice = {"label": "go", "second": "stay", "difference": 0.0, "mcse": None}
    decided = answer("decide", fit(*rows, choice=choice), unit="euros")
    text = sentence(tmp_path, decided)
    assert text == (
        "These draws do not tell go and stay apart. Their expected utilities are 0.1 and 0.1 "
        "euros. The expected loss of go, against knowing the truth, is 0 euros."
    )


def test_a_lead_of_rounding_is_none(tmp_path: Path) -> None:
    """Utilities that differ in the last place are alike; ones that differ by more are not."""
    rows = [row(value, None, label=n) for n, value in (("go", 0.1 + 0.2), ("stay", 0.3))]
    tied = {"label": "go", "second": "stay", "difference": 0.1 + 0.2 - 0.3, "mcse": None}
    text = sentence(tmp_path, answer("decide", fit(*rows, choice=tied)))
    assert text.startswith("These draws do not tell go and stay apart")
    rows[1]["value"] = 0.2999
    ahead = {**tied, "difference": 0.0001}
    assert sentence(tmp_path, answer("decide", fit(*rows, choice=ahead))).startswith("go has the")


def test_a_sure_first_is_not_certain(tmp_path: Path) -> None:
    """Neither its probability nor its lead reads as one."""
    rows = [row(1.0, 0.0005, label="a"), row(0.0, 0.0005, label="b")]
    choice = {"label": "a", "second": "b", "difference": 1.0, "mcse": 0.0005}
    assert sentence(tmp_path, answer("argmax", fit(*rows, choice=choice))) == (
        "a is the largest with probability > 0.9995, > 0.9995 more than b "
        "(Monte Carlo error 0.00050)."
    )


def test_a_model_may_be_called_stacked(tmp_path: Path) -> None:
    """All models together are known by their having no method."""
    one = answer("quantity", fit(row(1.0, 0.1), model="stacked"))
    assert read(tmp_path, one)[0].fits[0].name == "stacked · nuts"
    one = answer("quantity", fit(row(1.0, 0.1), model="stacked", method=""))
    assert read(tmp_path, one)[0].fits[0].name == "all models, stacked"


def test_positions_stand_in_brackets(tmp_path: Path) -> None:
    """Of what has no labels; a choice that is called 3 keeps its name."""
    rows = [row(0.6, 0.01, label="3"), row(0.2, 0.01, label="1, 2")]
    choice = {"label": "3", "second": "1, 2", "difference": 0.4, "mcse": 0.01}
    largest = answer("argmax", fit(*rows, choice=choice))
    assert sentence(tmp_path, largest).startswith("[3] is the largest with probability 0.60, 0.40")
    assert "more than [1, 2] (" in sentence(tmp_path, largest)
    decided = answer("decide", fit(*rows, choice=choice))
    assert sentence(tmp_path, decided).startswith("3 has the largest expected utility")


@pytest.mark.parametrize(("elements", "is_open"), [(8, True), (9, False)])
def test_a_few_elements_are_seen_at_once(tmp_path: Path, elements: int, is_open: bool) -> None:
    """The numbers of a short quantity are not behind a fold: they are its answer."""
    rows = [row(2.0, 0.06, label=str(n), lower=0.0, upper=4.0, sd=1.0) for n in range(elements)]
    shown = page(tmp_path, answer("quantity", fit(*rows)))
    assert (f"<details open><summary>{elements} elements" in shown) is is_open


def test_chains_that_disagree_on_a_quantity_are_named(tmp_path: Path) -> None:
    """The gate does not look at generated quantities; their answers do."""
    one = answer("quantity", fit(row(1.0, 0.1, sd=1.0, rhat=1.08)))
    assert sentence(tmp_path, one).endswith("Its chains do not agree on it: R-hat 1.080.")


FAILED = fit(verdict="fail", because="the fit failed its checks: R-hat", fit_failed=True)
OTHER = fit(model="none", because="its program has no `mu`")


def page(folder: Path, *answers: dict[str, Any]) -> str:
    fits = [FitCase("partial", "nuts", checks=nuts_checks())]
    job = report_job(folder / "report", fits, Declared(answers=content(*answers)))
    return render(build(job))


def test_answers_stand_before_all(tmp_path: Path) -> None:
    """Between the question and the estimates, with verdicts; a failure gives its reason alone."""
    good = fit(row(0.91, 0.005))
    html = page(tmp_path, answer("probability", good, FAILED, OTHER))
    assert html.index("<h1>") < html.index('id="answers"') < html.index('id="verdict"')
    section = html.split('id="answers"')[1].split("</section>")[0]
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", section))
    assert "Probability 0.910 (Monte Carlo error 0.0050)." in text
    assert "No value: the fit failed its checks: R-hat." in text
    assert "Not asked of none · nuts: its program has no mu" in text
    assert text.count("computation: pass") == 2 and "✓ pass" not in text
    assert section.count('class="badge pass"') == 2 and section.count('class="badge fail"') == 1


def test_names_are_no_markup(tmp_path: Path) -> None:
    """A question, a unit or a label is text, whatever it holds."""
    bad = "<script>alert(1)</script>"
    rows = [row(0.6, 0.01, label=bad), row(0.4, 0.01, label="b")]
    choice = {"label": bad, "second": "b", "difference": 0.2, "mcse": 0.01}
    html = page(tmp_path, answer("argmax", fit(*rows, choice=choice), answer=bad))
    assert "<script" not in html and "&lt;script&gt;" in html


def test_pictures_share_a_scale(tmp_path: Path) -> None:
    """The same value stands at the same place in the pictures of one answer; zero is marked."""
    narrow = {"x": [1.0, 2.0, 3.0], "y": [0.1, 0.5, 0.1], "discrete": False}
    fits = [
        fit(row(2.0, 0.1, lower=0.0, upper=4.0, sd=1.0, density=BELL)),
        fit(row(2.0, 0.1, lower=1.5, upper=2.5, sd=0.3, density=narrow), method="advi"),
    ]
    (one,) = read(tmp_path, answer("quantity", *fits, rope=[-1, 1]))
    wide, small = pictures(one).values()
    at_two = [re.findall(r"L?(-?[\d.]+) 2\.0", picture.path) for picture in (wide, small)]
    assert at_two[0] == at_two[1] == ["110.0"]
    assert wide.zero == small.zero == pytest.approx(1 + 218 / 4, abs=0.1)
    assert wide.rope is not None and wide.rope.width == pytest.approx(218 / 4, abs=0.15)
    assert "90 % interval from" in wide.alt


def test_answers_are_metrics(tmp_path: Path) -> None:
    """Value and error of each element, by fit and answer: what `dvc metrics diff` compares."""
    told = Declared(answers=content(answer("probability", fit(row(0.91, 0.005)), FAILED)))
    fits = [FitCase("partial", "nuts", checks=nuts_checks())]
    of_fit = metrics(report_job(tmp_path, fits, told))["schools/partial/nuts"]
    assert of_fit["answers"] == {"Is it so?": {"value": {"value": 0.91, "mcse": 0.005}}}
