"""Scores of class probabilities, against arithmetic done row by row and against repetition."""

from __future__ import annotations

import csv
from math import exp, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import minimize_scalar

from stanchion.answers.compute import answer_of
from stanchion.answers.declared import DeclaredAnswer
from stanchion.answers.evaluate import Unanswerable
from stanchion.answers.sample import Mixture, Sample
from tests.unit.draws_cases import write_json
from tests.unit.steps_cases import Y, answer, approximate, chain, collect

ROWS, CLASSES = 24, 3


def declared(score: str = "p", observed: str = "y") -> DeclaredAnswer:
    return DeclaredAnswer(
        answer="held out",
        kind="score",
        expressions=(("score", score), ("observed", observed)),
        unit=None,
        rope=None,
        stacked=False,
    )


def drawn(seed: int, chains: int, draws: int) -> tuple[Any, Any]:
    """Return probabilities, `chain × draw × row × class`, about the same truth, and classes."""
    truth = np.random.default_rng(1)
    logits = truth.normal(0, 2, (ROWS, CLASSES))
    y = (logits + truth.gumbel(size=logits.shape)).argmax(axis=1) + 1
    noise = np.random.default_rng(seed).normal(0, 1, (chains, draws, ROWS, CLASSES))
    powers = np.exp(logits + noise)
    return powers / powers.sum(axis=-1, keepdims=True), y


def sample_of(*parts: tuple[str, Any]) -> tuple[Sample, list[str]]:
    """Return parts, `chain × draw × …`, beside one another, with the label of each element."""
    draws = next(x.shape[:2] for _, x in parts if x.ndim > 2)
    flat = [np.broadcast_to(x, (*draws, *x.shape[-1:])) if x.ndim == 1 else x for _, x in parts]
    flat = [x.reshape(*draws, -1).astype(float) for x in flat]
    labels = [name for (name, _), x in zip(parts, flat, strict=True) for _ in range(x.shape[2])]
    return Sample(np.concatenate(flat, axis=2), ess=float(np.prod(draws))), labels


def scored(*parts: tuple[str, Any], **rest: Any) -> dict[str, Any]:
    sample, labels = sample_of(*parts)
    sample = Sample(sample.values, sample.ess, **rest)
    return {row.label: row for row in answer_of(declared(), sample, labels, None).rows}


def by_hand(p: Any, y: Any) -> dict[str, float]:
    """Return the scores of one average, `row × class`, by sums over rows."""
    right, logs, brier, entropy = 0.0, 0.0, 0.0, 0.0
    bins: dict[int, list[float]] = {}
    for row, k in zip(p.tolist(), y.tolist(), strict=True):
        best = max(range(len(row)), key=row.__getitem__)
        right += best == k - 1
        logs += log(row[k - 1])
        brier += sum((q - (j == k - 1)) ** 2 for j, q in enumerate(row))
        entropy -= sum(q * log(q) for q in row)
        bins.setdefault(int(10 * row[best]), []).append(row[best] - (best == k - 1))
    n = len(y)
    return {
        "accuracy": right / n,
        "log score": logs / n,
        "Brier score": brier / n,
        "predictive entropy": entropy / n,
        "calibration error": sum(abs(sum(excess)) for excess in bins.values()) / n,
    }


def test_scores_are_of_the_average_of_the_draws() -> None:
    """Each score is that of sums over rows, of probabilities averaged over the draws first."""
    p, y = drawn(2, 4, 50)
    rows = scored(("score", p), ("observed", y))
    expected = by_hand(p.mean(axis=(0, 1)), y)
    entropies = -(p * np.log(p)).sum(axis=-1).mean()
    expected["mutual information"] = expected["predictive entropy"] - entropies
    assert {name: row.value for name, row in rows.items()} == pytest.approx(expected, rel=1e-12)


def test_errors_of_scores_are_those_of_repeated_samples() -> None:
    """Over 200 samples of 120 draws, the sd of each score is the error that it says.

    The sd of 200 numbers is known to 5 %, and the error that one sample says to some 5 %, of which
    the mean is taken: 4 of the former are 20 %. What changes by jumps says no error.
    """
    every = [
        scored(("score", p), ("observed", y)) for p, y in (drawn(s, 4, 30) for s in range(200))
    ]
    for name in ("log score", "Brier score", "predictive entropy", "mutual information"):
        sd = np.std([rows[name].value for rows in every], ddof=1)
        said = np.mean([rows[name].mcse for rows in every])
        assert said == pytest.approx(sd, rel=0.2), name
    for name in ("accuracy", "calibration error"):
        assert all(np.isnan(rows[name].mcse) for rows in every)


def test_a_temperature_is_fitted_to_other_rows_and_applied_to_these() -> None:
    """The temperature is the one that SciPy finds best for them, and tempers what is scored."""
    p, y = drawn(3, 4, 50)
    sharp = p**3 / (p**3).sum(axis=-1, keepdims=True)
    tuned, classes = sharp[:, :, :20], y[:20]
    rows = scored(
        ("score", sharp[:, :, 20:]),
        ("observed", y[20:]),
        ("temperature", tuned),
        ("temperature observed", classes),
    )
    average = tuned.mean(axis=(0, 1))

    def at(temperature: float, q: Any) -> Any:
        powers = q ** (1 / temperature)
        return powers / powers.sum(axis=-1, keepdims=True)

    def loss(log_temperature: float) -> float:
        return -by_hand(at(exp(log_temperature), average), classes)["log score"]

    best = exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-9}).x)
    assert rows["temperature"].value == pytest.approx(best, rel=1e-5)
    after = by_hand(at(best, sharp[:, :, 20:].mean(axis=(0, 1))), y[20:])
    for name in ("log score", "Brier score", "calibration error"):
        assert rows[f"{name}, tempered"].value == pytest.approx(after[name], rel=1e-5)


def test_the_error_of_a_temperature_is_that_of_repeated_samples() -> None:
    """As of the other scores, of 100 samples: 4 times 7 % of their sd."""
    values, errors = [], []
    for seed in range(100):
        p, y = drawn(seed, 4, 30)
        row = scored(
            ("score", p), ("observed", y), ("temperature", p), ("temperature observed", y)
        )["temperature"]
        values.append(row.value)
        errors.append(row.mcse)
    assert np.mean(errors) == pytest.approx(np.std(values, ddof=1), rel=0.28)


def test_intervals_of_scores_are_over_rows() -> None:
    """Wilson's of the accuracy, as its formula has it, and the normal's of a mean."""
    p, y = drawn(4, 4, 50)
    rows = scored(("score", p), ("observed", y))
    z, share = 1.6448536269514722, rows["accuracy"].value
    for end in (rows["accuracy"].lower, rows["accuracy"].upper):
        assert (share - end) ** 2 == pytest.approx(z**2 * end * (1 - end) / ROWS)
    logs = np.log(p.mean(axis=(0, 1))[np.arange(ROWS), y - 1])
    half = z * logs.std(ddof=1) / sqrt(ROWS)
    assert rows["log score"].upper == pytest.approx(logs.mean() + half)
    assert np.isnan(rows["calibration error"].lower)


def test_one_probability_a_row_is_that_of_one_against_zero() -> None:
    """The scores are those of both classes."""
    p, y = drawn(5, 4, 50)
    one, zero = p[..., 0], y % 2
    alone = scored(("score", one), ("observed", zero))
    both = scored(("score", np.stack([1 - one, one], axis=-1)), ("observed", zero + 1))
    for name, row in both.items():
        assert alone[name].value == pytest.approx(row.value, rel=1e-12)


def test_a_point_has_scores_without_error_or_mutual_information() -> None:
    """A mode's probabilities are scored as they are."""
    p, y = drawn(6, 1, 1)
    rows = scored(("score", p), ("observed", y), has_errors=False, is_point=True)
    assert rows["log score"].value == pytest.approx(by_hand(p[0, 0], y)["log score"])
    assert "mutual information" not in rows
    assert all(np.isnan(row.mcse) for row in rows.values())


def test_a_probability_of_zero_of_what_happened_is_a_failure() -> None:
    """No temperature mends it, and a score of minus infinity would read as one that is missing."""
    certain = np.broadcast_to([1.0, 0.0], (4, 50, ROWS, 2))
    fair = np.broadcast_to([0.5, 0.5], (4, 50, ROWS, 2))
    y = np.ones(ROWS)
    y[0] = 2
    for p, q, part in ((certain, fair, "score"), (fair, certain, "temperature")):
        with pytest.raises(
            Unanswerable, match=f"`{part}` gives the class of 1 of {ROWS} rows"
        ) as e:
            scored(("score", p), ("observed", y), ("temperature", q), ("temperature observed", y))
        assert e.value.is_failure


def test_probabilities_may_have_the_rounding_of_single_precision() -> None:
    """What is left of 1 may be a trifle below 0; six digits of three classes miss 1 by 1e-6."""
    p, y = drawn(9, 2, 20)
    exact = scored(("score", p), ("observed", y))
    rounded = p.round(6)
    rounded[0, 0, 0] = [1 + 2e-16, -2e-16, 0]
    rows = scored(("score", rounded), ("observed", y))
    assert rows["Brier score"].value == pytest.approx(exact["Brier score"].value, abs=0.05)


def test_an_accuracy_of_one_keeps_its_interval() -> None:
    """Wilson's interval of 24 of 24 is not a point, and the report shows it."""
    p = np.broadcast_to([0.9, 0.1], (4, 50, ROWS, 2))
    row = scored(("score", p), ("observed", np.ones(ROWS)))["accuracy"]
    assert (row.value, row.upper) == pytest.approx((1, 1))
    z2 = 1.6448536269514722**2
    assert row.lower == pytest.approx(ROWS / (ROWS + z2), rel=1e-9)
    assert row.sd > 0


def test_models_that_are_stacked_are_scored_by_their_mixture() -> None:
    """Probabilities are averaged over models, with their weights, before they are scored."""
    first, labels = sample_of(*zip(("score", "observed"), drawn(7, 4, 50), strict=True))
    second, _ = sample_of(*zip(("score", "observed"), drawn(8, 4, 50), strict=True))
    rows = answer_of(declared(), Mixture([(0.25, first), (0.75, second)]), labels, None).rows
    (p, y), (q, _) = drawn(7, 4, 50), drawn(8, 4, 50)
    average = 0.25 * p.mean(axis=(0, 1)) + 0.75 * q.mean(axis=(0, 1))
    value = {row.label: row.value for row in rows}
    assert value["log score"] == pytest.approx(by_hand(average, y)["log score"], rel=1e-12)
    entropies = [-(x * np.log(x)).sum(axis=-1).mean() for x in (p, q)]
    information = by_hand(average, y)["predictive entropy"] - np.average(
        entropies, weights=[0.25, 0.75]
    )
    assert value["mutual information"] == pytest.approx(information, rel=1e-12)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda p, y: (p * 0.9, y), "do not sum to 1"),
        (lambda p, y: (2 * p - 0.5, y), "are not all from 0 to 1"),
        (lambda p, y: (p, y + 1), "values that are not from 1 to 3"),
        (lambda p, y: (p, y - 1), "values that are not from 1 to 3"),
        (lambda p, y: (p[..., 0], y), "values that are not from 0 to 1"),
    ],
)
def test_what_is_no_probability_or_class_has_no_score(change: Any, reason: str) -> None:
    """It fails with the reason."""
    p, y = change(*drawn(9, 4, 50))
    with pytest.raises(Unanswerable, match=reason):
        scored(("score", p), ("observed", y))


def test_classes_that_are_drawn_are_refused() -> None:
    """Rows are scored by data, and not by what a program generates."""
    p, y = drawn(10, 4, 50)
    classes = np.broadcast_to(y, (4, 50, ROWS)).copy()
    classes[0, 0, 0] = 1 + classes[0, 0, 0] % 3
    with pytest.raises(Unanswerable, match="not the same in all draws"):
        scored(("score", p), ("observed", classes))


def asked(folder: Path, fit: str) -> dict[str, dict[str, str]]:
    """Return the rows of a score of replications, as probabilities of an outcome above 1."""
    write_json(folder / fit / "diagnostics.json", {"verdict": "pass", "checks": []})
    step = answer(folder, fit, answers=[declared("inv_logit(y_rep)", "y > 1")])
    with step.outputs["answers"].open(newline="") as file:
        return {row["label"]: row for row in csv.DictReader(file)}


def replicated(folder: Path) -> Any:
    """Return the average probability of each row in a draws.nc."""
    tree = xr.open_datatree(folder / "draws.nc", engine="h5netcdf")
    group = tree["posterior_predictive"]
    (variable,) = group.data_vars.values()
    return (1 / (1 + np.exp(-variable.to_numpy()))).mean(axis=(0, 1))


def test_a_fit_is_scored_from_its_file(tmp_path: Path) -> None:
    """Draws of chains and resampled ones: what stands in answers.csv is of the file's draws."""
    chains = [chain(seed) for seed in range(4)]
    collect(tmp_path / "m", chains)
    draws = {name: values[:400] for name, values in chain(3, draws=400).items()}
    density = -0.5 * len(Y) * (draws["mu"] - 1) ** 2
    wider = -0.5 * len(Y) * (draws["mu"] - 1.05) ** 2
    approximate(tmp_path / "m@advi", {**draws, "log_p__": wider, "log_g__": density})
    for fit in ("m", "m@advi"):
        rows, p = asked(tmp_path, fit), replicated(tmp_path / fit)
        expected = by_hand(np.stack([1 - p, p], axis=1), (Y > 1) + 1)
        for name, value in expected.items():
            assert float(rows[name]["value"]) == pytest.approx(value, rel=1e-9), (fit, name)
        assert float(rows["log score"]["mcse"]) > 0
        assert rows["log score"]["unit"] == "" and rows["accuracy"]["mcse"] == ""
