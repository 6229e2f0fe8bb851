"""Pathfinder: draws of several paths, weighed together, held to k̂ and to each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stanchion.draws.files import open_draws, read_group, read_proposal
from stanchion.errors import ChainError
from stanchion.methods.advi import Advi
from stanchion.methods.pathfinder import Pathfinder
from stanchion.stan.process import check_csv
from stanchion.stan.rows import Rows
from stanchion.stats.importance import part_differences
from stanchion.steps import collect_draws
from tests.unit.config_cases import changed, declared, fault
from tests.unit.draws_cases import job, table, variables, write_json
from tests.unit.steps_cases import collecting, diagnose, verdicts_of

Floats = NDArray[np.float64]
DRAWS, PATHS = 500, 4
HEADER = "# method = pathfinder\n#   pathfinder\n#     num_paths = 4\n"
FOOTER = """\
#
# Elapsed Time: 0.009000 seconds (Pathfinders)
#               0.009000 seconds (Total)
#
"""
DECLARED = variables(parameters="real mu")


def path(number: int, centre: float = 0.0, shift: float = 0.5, draws: int = DRAWS) -> Floats:
    """Return lp_approx__, lp__, path__ and mu of a path to the normal distribution at a centre.

    The approximation is off by so many sds of the target, whose density is 0 elsewhere.
    """
    standard = np.random.default_rng(number).normal(size=draws)
    log_p = -0.5 * (shift + standard) ** 2
    mu = centre + shift + standard
    return np.column_stack([-0.5 * standard**2, log_p, np.full(draws, number), mu])


def write(folder: Path, rows: Floats) -> Path:
    """Write rows as CmdStan writes them for several paths."""
    names = ("lp_approx__", "lp__", "path__", "mu")
    file = folder / "pathfinder.csv"
    file.write_text(HEADER + table(dict(zip(names, rows.T, strict=True))) + FOOTER)
    return file


def collect(folder: Path, paths: Sequence[Floats], **settings: Any) -> dict[str, Any]:
    """Collect and diagnose the draws of these paths, of four that were declared."""
    declared = {"draws": DRAWS, "paths": PATHS, **settings}
    arguments = collecting(
        method="pathfinder",
        settings=Pathfinder.model_validate(declared).settings,
        variables=DECLARED,
        **dict.fromkeys(("observed", "replicated", "predicted")),
    )
    inputs: dict[str, Path | list[Path]] = {
        "chains": [write(folder, np.concatenate(paths))],
        "data": write_json(folder / "data.json", {}),
        "meta": write_json(folder / "meta.json", {"sizes": {}}),
    }
    outputs = {"draws": "draws.nc", "summary": "summary.csv"}
    collect_draws.run(job(folder, "collect_draws", arguments, inputs, outputs))
    return diagnose(folder, method="pathfinder")


def test_the_weights_take_the_draws_to_the_posterior(tmp_path: Path) -> None:
    """log p is `lp__`, log q `lp_approx__`: half an sd off, the resampled mean is the posterior's.

    The raw mean is 0.5, 22 of its standard errors of 1/√2000. That of the resampled is within 4 of
    the Monte Carlo error of the weights: their effective sample size is 2000 exp(−0.25) at least,
    and resampling adds at most 1/√(4 · 2000).
    """
    diagnostics = collect(tmp_path, [path(n) for n in range(1, PATHS + 1)])
    assert set(verdicts_of(diagnostics).values()) == {"pass"}
    assert diagnostics["weighting"] == "resampled"
    mean = read_group(tmp_path / "draws.nc", "posterior")["mu"].mean()
    size = PATHS * DRAWS
    assert abs(mean) < 4 * np.sqrt(np.exp(0.25) * 1.25 / size + 1 / (4 * size)) < 0.15


def test_an_approximation_that_is_the_posterior_passes(tmp_path: Path) -> None:
    """All ratios are equal up to rounding, so that there is no tail to fit: nothing is reweighted.

    Of one parameter that is normal, the optimiser's curvature is exact.
    """
    rows = [path(n, shift=0) for n in range(1, PATHS + 1)]
    for number, drawn in enumerate(rows):
        drawn[:, 1] += 1e-14 * np.random.default_rng(number).normal(size=DRAWS) - 3
    diagnostics = collect(tmp_path, rows)
    assert set(verdicts_of(diagnostics).values()) == {"pass"}
    assert diagnostics["weighting"] == "resampled"
    drawn = read_group(tmp_path / "draws.nc", "posterior")["mu"].ravel()
    np.testing.assert_array_equal(drawn, np.concatenate(rows)[:, 3])


def test_a_draw_says_which_path_it_is_from(tmp_path: Path) -> None:
    """In the proposal as drawn, in sample_stats as resampled, both whole numbers."""
    rows = [path(n) for n in range(1, PATHS + 1)]
    collect(tmp_path, rows)
    raw = read_proposal(tmp_path / "draws.nc")
    assert raw is not None and raw.paths is not None
    assert raw.paths.numbers.tolist() == np.repeat([1, 2, 3, 4], DRAWS).tolist()
    drawn = np.concatenate(rows)
    np.testing.assert_array_equal(raw.log_q, drawn[:, 0])
    np.testing.assert_array_equal(raw.log_p, drawn[:, 1])
    path_of = dict(zip(drawn[:, 3].tolist(), drawn[:, 2].tolist(), strict=True))
    with open_draws(tmp_path / "draws.nc", "posterior", "sample_stats") as tree:
        resampled = tree["sample_stats"]["path"].values.ravel()
        mu = tree["posterior"]["mu"].values.ravel()
    assert resampled.dtype == np.int64
    assert resampled.tolist() == [path_of[value] for value in mu.tolist()]


@pytest.mark.parametrize("shares", [(3, 1), (2, 2)])
def test_modes_that_the_paths_share_out_are_no_answer(
    tmp_path: Path, shares: tuple[int, int]
) -> None:
    """Each path fits its own mode, so that k̂ is good; nothing says how much each mode weighs."""
    centres = np.repeat([-10, 10], shares)
    rows = [path(n, centre) for n, centre in enumerate(centres, start=1)]
    diagnostics = collect(tmp_path, rows)
    checks = {check["check"]: check for check in diagnostics["checks"]}
    assert checks["khat"]["value"] < 0.7
    assert (diagnostics["verdict"], diagnostics["weighting"]) == ("fail", "unweighted")
    assert "the paths disagree: mu of path" in diagnostics["weighting_because"]
    assert checks["path_difference"]["verdict"] == "fail"
    assert checks["path_difference"]["value"] > 0.9
    raw = read_group(tmp_path / "draws.nc", "posterior")["mu"].ravel()
    np.testing.assert_array_equal(raw, np.concatenate(rows)[:, 3])


def test_a_path_that_counts_for_nothing_disturbs_nobody(tmp_path: Path) -> None:
    """One that is stuck where the posterior has e⁻²⁰ of its mass has no weight, nor a say."""
    stuck = path(4, centre=50)
    stuck[:, 1] -= 20
    diagnostics = collect(tmp_path, [path(1), path(2), path(3), stuck])
    assert set(verdicts_of(diagnostics).values()) == {"pass"}
    assert read_group(tmp_path / "draws.nc", "posterior")["mu"].max() < 10


def test_a_path_that_failed_is_said(tmp_path: Path) -> None:
    """CmdStan leaves its rows out: the draws of the others are taken, with a warning."""
    diagnostics = collect(tmp_path, [path(1), path(2), path(4)])
    checks = {check["check"]: check for check in diagnostics["checks"]}
    assert (checks["paths"]["value"], checks["paths"]["threshold"]) == (3, 4)
    assert (checks["paths"]["verdict"], checks["paths"]["where"]) == ("warn", ["path 3"])
    assert (diagnostics["verdict"], diagnostics["weighting"]) == ("warn", "resampled")
    assert read_group(tmp_path / "draws.nc", "posterior")["mu"].shape == (1, 3 * DRAWS)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([path(1), path(2)[:37]], "it holds 537 draws of 2000"),
        ([path(1)[:0]], "it holds 0 draws of 2000"),
        ([path(n) for n in range(1, 6)], "it holds 2500 draws of 2000"),
        ([path(1), path(2)[:300], path(3)[:200]], "path 2 gave 300 distinct draws of 500"),
        ([path(1), np.repeat(path(2)[:250], 2, axis=0)], "path 2 gave 250 distinct draws of 500"),
    ],
    ids=["cut", "none", "too many", "two cut", "written twice"],
)
def test_a_wrong_number_of_draws_is_no_fit(tmp_path: Path, rows: list[Floats], words: str) -> None:
    """Where generated quantities fail CmdStan ends a path early, and writes some draws again."""
    with pytest.raises(ChainError, match=words):
        collect(tmp_path, rows)


def test_the_chain_is_held_to_whole_paths(tmp_path: Path) -> None:
    """The step that runs it takes all draws of some paths, and of no other method fewer."""
    file = write(tmp_path, np.concatenate([path(1), path(2)]))
    check_csv(file, Rows(2000), chain="it", parts=4)
    for parts in (1, 3):
        with pytest.raises(ChainError, match="1000 draws of 2000") as caught:
            check_csv(file, Rows(2000), chain="it", parts=parts)
        (message,) = caught.value.faults
        assert message.todo is not None and "generated quantity" in message.todo
    without_footer = file.read_text().removesuffix(FOOTER)
    file.write_text(without_footer)
    with pytest.raises(ChainError, match="no footer"):
        check_csv(file, Rows(2000), chain="it", parts=4)


def test_without_weights_the_paths_cannot_be_compared(tmp_path: Path) -> None:
    """A density that is NaN leaves the check unknown, which fails."""
    broken = path(2)
    broken[7, 1] = np.nan
    diagnostics = collect(tmp_path, [path(1), broken, path(3), path(4)])
    verdicts = verdicts_of(diagnostics)
    assert verdicts["khat"] == verdicts["path_difference"] == "fail"


def test_part_differences_against_numbers_by_hand() -> None:
    """Two parts at 0 and 4 with equal weights: mean 2, sd 2, each 1 sd off, without any error.

    Half of the weights taken to a hundredth leave the other part alone with a say.
    """
    draws = np.array([[0.0, 7.0], [0.0, 7.0], [4.0, 7.0], [4.0, 7.0]])
    parts = np.array([0, 0, 1, 1])
    equal = part_differences(draws, np.full(4, 0.25), parts)
    np.testing.assert_allclose(equal, [[1, 0], [1, 0]])
    negligible = part_differences(draws, np.array([0.4999, 0.4999, 0.0001, 0.0001]), parts)
    assert negligible[1, 0] == 0
    spread = np.random.default_rng(1).normal(size=(400, 1))
    noise = part_differences(spread, np.full(400, 1 / 400), np.repeat(np.arange(4), 100))
    assert not noise.any()


def test_all_densities_are_computed_and_nothing_is_resampled_by_cmdstan() -> None:
    """Its own resampling would hide how the draws came; a density less, and there is no weight."""
    words = Pathfinder(paths=1, draws=77).command()
    assert {"psis_resample=0", "calculate_lp=1", "num_paths=1", "num_draws=77"} <= set(words)
    assert Pathfinder(paths=3, draws=50).rows() == Rows(150)
    assert (Pathfinder(paths=3).parts, Pathfinder(paths=3).size.draws) == (3, 3000)


def test_the_advice_is_the_methods_own() -> None:
    """What mends ADVI is no setting of Pathfinder, and the other way round."""
    for method in (Advi, Pathfinder):
        for words in method.advice.values():
            named = {word.strip("`,.") for word in words.split() if word.startswith("`")}
            named = {word.partition(":")[0] for word in named}
            assert named <= method.model_fields.keys(), named
    assert "`paths`" in Pathfinder.advice["khat"] and "fullrank" in Advi.advice["khat"]


def test_too_few_draws_are_counted_over_all_paths(tmp_path: Path) -> None:
    """Three paths of ten are enough for k̂; two are not, and the message says whose number it is."""
    declared(tmp_path, changed("nuts: {", "pathfinder: {paths: 3, draws: 10}\n      nuts: {"))
    text = changed("nuts: {", "pathfinder: {paths: 2, draws: 10}\n      nuts: {")
    refusal = fault(tmp_path, text)
    assert refusal.what == "20 draws are fewer than Pareto k̂ needs"
    assert (refusal.value, refusal.allowed) == (10, "30 or more, of all 2 together")


@pytest.mark.parametrize(
    ("setting", "what", "allowed"),
    [
        ("paths: 0", "out of bounds", "≥ 1"),
        ("tol_obj: -1.0", "out of bounds", "≥ 0"),
        ("num_paths: 4", "unknown key 'num_paths'; the nearest is 'paths'", "paths"),
        ("grad_samples: 4", "'grad_samples' is a setting of advi", "paths"),
    ],
)
def test_settings_that_it_has_not_are_refused(
    tmp_path: Path, setting: str, what: str, allowed: str
) -> None:
    """One message each: the key, what is wrong with it and what is allowed."""
    refusal = fault(tmp_path, changed("nuts: {", f"pathfinder: {{{setting}}}\n      nuts: {{"))
    assert refusal.key == f"analyses.coaching.methods.pathfinder.{setting.partition(':')[0]}"
    assert refusal.what == what and allowed in (refusal.allowed or "")
