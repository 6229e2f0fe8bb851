"""What differs between two revisions, and how it is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from stanchion.errors import VersioningError
from stanchion.provenance import keyfile
from stanchion.provenance.stamps import contents
from stanchion.system.writing import write_whole
from stanchion.versions.diff.compare import Change, compare
from stanchion.versions.diff.revision import (
    AnswerKey,
    AnswerResult,
    Estimate,
    FitResult,
    Revision,
    _answers,
    _fits,
    _Untracked,
)
from stanchion.versions.diff.show import as_json, as_text

FIT = "means/points/wide/nuts"
PROGRAM = "model {\n  mu ~ normal(0, 10);\n}"


def revision(**changes: object) -> Revision:
    before = Revision(
        name="old",
        declaration={"seed": 1, "analyses": {"means": {"methods": {"nuts": {"draws": 500}}}}},
        data={"points": "sha256:aa"},
        programs={"wide": PROGRAM},
        fits={
            FIT: FitResult(
                "pass",
                {"mu": Estimate(1.0, 0.03), "tau": Estimate(2.0, 0.1)},
                {"version": "2.39.0", "numpy": "2.5.5"},
            )
        },
    )
    return replace(before, **changes)  # type: ignore[arg-type]


def with_fit(verdict: str, mu: Estimate, **versions: str) -> Revision:
    fit = revision().fits[FIT]
    estimates = {**fit.estimates, "mu": mu}
    return revision(fits={FIT: FitResult(verdict, estimates, {**fit.toolchain, **versions})})


def test_equal_revisions_do_not_differ() -> None:
    """Two revisions alike give one line that says so."""
    assert as_text(compare(revision(), revision(name="new"))) == "old → new: no difference"


def test_a_changed_key_is_named_with_both_values() -> None:
    """The declaration is compared leaf by leaf, defaults included."""
    after = revision(
        declaration={"seed": 1, "analyses": {"means": {"methods": {"advi": {"d": 1}}}}}
    )
    assert compare(revision(), after).declaration == (
        Change("analyses.means.methods.advi.d", None, 1),
        Change("analyses.means.methods.nuts.draws", 500, None),
    )


def test_a_changed_prior_shows_its_lines() -> None:
    """A program shows the lines that differ in its canonical form, and no others."""
    after = revision(programs={"wide": PROGRAM.replace("10", "1")})
    (changed,) = compare(revision(), after).programs
    assert changed.lines == ("-  mu ~ normal(0, 10);", "+  mu ~ normal(0, 1);")


def test_a_moved_value_is_told_in_monte_carlo_errors() -> None:
    """The difference is divided by the root of the sum of both squared errors: 0.5 / 0.05."""
    after = with_fit("pass", Estimate(1.5, 0.04))
    (fit,) = compare(revision(), after).results
    (value,) = fit.values
    assert (value.variable, fit.unchanged) == ("mu", 1)
    assert value.in_errors == pytest.approx(10.0)
    assert "1.00 ± 0.03" in as_text(compare(revision(), after))


def test_a_moved_value_has_its_label() -> None:
    """As text where either side knows it; in JSON beside Stan's name."""
    after = with_fit("pass", Estimate(1.5, 0.04, "mu[school=A]"))
    for changes in (compare(revision(), after), compare(after, revision())):
        assert "mu[school=A]  " in as_text(changes)
        assert changes.results[0].values[0].variable == "mu"


def test_a_large_mean_keeps_the_digits_that_its_error_supports() -> None:
    """1,234,567.8 ± 0.3 is not 1.235e+06."""
    after = with_fit("pass", Estimate(1234567.84, 0.31))
    assert "1234567.8 ± 0.3" in as_text(compare(revision(), after))


@pytest.mark.parametrize("mu", [Estimate(1.5, None), Estimate(None, None)])
def test_a_value_without_an_error_is_shown_without_one(mu: Estimate) -> None:
    """An approximation has no Monte Carlo error: old and new stand there, no ratio."""
    (fit,) = compare(revision(), with_fit("pass", mu)).results
    assert fit.values[0].in_errors is None


def test_a_changed_verdict_is_shown_even_with_equal_values() -> None:
    """A verdict that changed with a threshold is a difference."""
    after = with_fit("fail", Estimate(1.0, 0.03))
    assert f"{FIT}: pass → fail" in as_text(compare(revision(), after))


def test_a_fit_that_is_gone_is_shown() -> None:
    """A fit that one side lacks is named with the verdict it had."""
    assert f"{FIT}: pass → not there" in as_text(compare(revision(), revision(fits={})))


def test_toolchain_and_data_are_compared() -> None:
    """A changed package or dataset is named with both versions."""
    after = replace(with_fit("pass", Estimate(1.0, 0.03), numpy="2.6.0"), data={"points": "md5:b"})
    changes = compare(revision(), after)
    assert changes.toolchain == (Change("numpy", "2.5.5", "2.6.0"),)
    assert changes.data == (Change("points", "sha256:aa", "md5:b"),)


def test_json_holds_every_value() -> None:
    """The JSON has all values where the text shows the twenty that moved furthest."""
    many = {f"x[{i}]": Estimate(float(i), 1.0) for i in range(30)}
    moved = {f"x[{i}]": Estimate(2.0 * i + 1, 1.0) for i in range(30)}
    before = revision(fits={FIT: FitResult("pass", many, {})})
    changes = compare(before, revision(fits={FIT: FitResult("pass", moved, {})}))
    content = json.loads(as_json(changes))
    assert content["schema"] == "stanchion/diff/1"
    assert len(content["results"][0]["values"]) == 30
    text = as_text(changes)
    assert "x[29]" in text
    assert "x[0] " not in text
    assert "and 10 more" in text


@pytest.mark.parametrize(
    "name", ["summary.csv", "diagnostics.json", "records/collect_draws/1.json"]
)
def test_an_altered_result_is_compared_with_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Garbage of the same size in the working tree's results is named; none of it is shown."""
    monkeypatch.chdir(tmp_path)
    fit = Path("results") / FIT
    content = {
        "summary.csv": "variable,mean,mcse_mean\nmu,4.47,0.1\n",
        "diagnostics.json": '{"verdict": "fail"}',
        "records/collect_draws/1.json": '{"state": "started"}',
    }
    for file, text in content.items():
        write_whole(fit / file, text)
    outputs = {"summary": str(fit / "summary.csv"), "diagnostics": str(fit / "diagnostics.json")}
    write_whole(fit / ".keys/both", keyfile.line_of("a" * 64, contents(outputs, "nowhere/stamps")))
    ((actual, result),) = _fits({"means": None}, _Untracked())
    assert (actual, result.verdict, result.estimates["mu"].mean) == (FIT, "fail", 4.47)
    (fit / name).write_bytes(b"\xff" * len(content[name]))
    with pytest.raises(VersioningError, match=f"{name}: this file"):
        list(_fits({"means": None}, _Untracked()))


ASKED = AnswerKey("means", "Is mu positive?", FIT.removeprefix("means/"), "")


def answered(value: float | None, mcse: float | None, verdict: str = "pass") -> Revision:
    result = AnswerResult(Estimate(value, mcse), "points", verdict)
    return revision(name="new", answers={ASKED: result})


def test_answers_that_changed_are_shown() -> None:
    """With value, error and difference in errors; what is equal is no difference."""
    before, after = answered(1.0, 0.03), answered(1.5, 0.04)
    assert compare(before, before).answers == ()
    changes = compare(before, after)
    text = as_text(changes)
    assert "answers\n  means: Is mu positive?" in text
    assert "points/wide/nuts" in text and "1.00 ± 0.03 points" in text and "+10.0" in text
    (change,) = json.loads(as_json(changes))["answers"]
    assert change["key"]["answer"] == "Is mu positive?" and change["new"]["value"]["mean"] == 1.5


def test_answers_that_come_go_or_fail_are_shown() -> None:
    """A side without the question says so; one without a value has none, and its verdict."""
    both = answered(1.0, 0.03), revision(name="new")
    for old, new in (both, both[::-1]):
        assert "not there" in as_text(compare(old, new))
    text = as_text(compare(answered(1.0, 0.03), answered(None, None, "fail")))
    assert "(pass → fail)" in text and "none" in text


def test_answers_are_read_where_they_are_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """answers.csv that an earlier declaration left behind is compared with nothing."""
    monkeypatch.chdir(tmp_path)
    head = "dataset,model,method,answer,label,value,lower,upper,mcse,unit,verdict"
    rows = [
        "points,wide,nuts,Is mu positive?,,0.5,,,0.01,,pass",
        "points,stacked,,Next?,,,,,,,fail",
    ]
    write_whole(tmp_path / "results/means/answers.csv", "\n".join([head, *rows]) + "\n")
    asked, silent = SimpleNamespace(answers={"a": 1}), SimpleNamespace(answers={})
    read = dict(_answers({"means": asked}, _Untracked()))
    assert read[ASKED] == AnswerResult(Estimate(0.5, 0.01), "", "pass")
    assert read[AnswerKey("means", "Next?", "points/stacked", "")].value == Estimate(None, None)
    assert dict(_answers({"means": silent}, _Untracked())) == {}
