"""Where chains start: at Pathfinder's draws, at points of superchains, with a metric of others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import xarray as xr

from stanchion.config import load
from stanchion.draws.attempts import Attempts
from stanchion.draws.columns import Span
from stanchion.draws.files import Scalars
from stanchion.draws.initial import initial_values
from stanchion.draws.naming import Naming
from stanchion.errors import ChainError, DeclarationError
from stanchion.methods.nuts import Nuts
from stanchion.plan.keys import seed_of
from stanchion.plan.planner import make_plan
from stanchion.sampling import metric as metrics
from stanchion.sampling.archive import Archive, read_archive
from stanchion.sampling.fit import Fit
from stanchion.sampling.metric import covariance, stan_name, variances
from stanchion.stan.points import Points
from stanchion.steps import sample_fit
from tests.unit.config_cases import changed, declared, fault
from tests.unit.draws_cases import variables
from tests.unit.steps_cases import CHECKS, chain, collect, diagnose
from tests.unit.test_plan import CONFIG, FACTS, keys
from tests.unit.test_sample_fit import NONE, cache, job  # noqa: F401

PATHS = """\
case "$*" in *method=pathfinder*)
  %s
  {
    printf '# method = pathfinder\\nlp_approx__,lp__,path__,mu\\n'
    for row in $(seq 25); do echo "-1,-2,1,$row.$seed"; done
    echo '#  Elapsed Time: 0.3 seconds (Total)'
  } > "$output"
  exit 0;;
esac
for word; do case $word in init=*) init=${word#init=};; esac; done
start=$(sed -n 's/.*: \\([^}]*\\).*/\\1/p' "$init" 2>/dev/null | head -1)
{
  printf 'lp__,mu\\n'
  for row in $(seq 6); do echo "${start:-7},$row"; done
  echo '#  0.3 seconds (Total)'
} > "$output"
exit 0
"""
"""A program whose Pathfinder draws its seed, and whose chains write where they start."""
MU = replace(
    NONE,
    declared={
        "data": (),
        "transformed_parameters": (),
        "generated_quantities": (),
        "parameters": variables(parameters="real mu")["parameters"],
    },
)


def evaluated(points: np.ndarray | Path) -> Points:
    """Stand in for a program with one parameter, whose density is not finite at mu < 0."""
    mu = (
        np.array([[json.loads(points.read_text())["mu"]]])
        if isinstance(points, Path)
        else np.asarray(points)
    )
    lp = np.where(mu[:, 0] >= 0, -1.0, -np.inf)
    return Points(("mu",), mu, lp, lp, lp, lp, mu, mu, ("mu",), mu)


def sampled(
    folder: Path, before: str = PATHS % ":", jobs: int = 1, **settings: Any
) -> tuple[Archive, dict[str, Any]]:
    """Run the step of a small NUTS fit whose program is a script; return archive and notes."""
    method = Nuts(warmup=3, draws=6, **{"chains": 2, **settings})
    with (
        job(folder, before) as made,
        mock.patch.object(Fit, "evaluate", lambda _fit, points, **_: evaluated(points)),
        mock.patch.object(Fit, "unconstrained_size", lambda _fit: 1),
    ):
        arguments = replace(
            made.arguments, settings=method.settings, checks={}, jobs=jobs, variables=MU
        )
        made = replace(made, arguments=arguments)
        sample_fit.run(made)
    return read_archive(made.outputs["chains"], folder / "read"), made.notes


def starts_in(archive: Archive) -> list[float]:
    """The value that each chain started at, as the scripted program writes it into its rows."""
    return [float(path.read_text().splitlines()[1].split(",")[0]) for path in archive.chains]


def seed(path: int) -> int:
    return seed_of(1, "path", str(path))


def test_each_chain_starts_at_a_draw_of_a_path_of_its_own(tmp_path: Path) -> None:
    """The first usable draw of paths whose seeds follow from the fit's; and it is said."""
    archive, _ = sampled(tmp_path, init="pathfinder")
    assert starts_in(archive) == [float(f"1.{seed(path)}") for path in (1, 2)]
    tried = archive.attempts.tried
    assert tried[0].because == "the starts are draw 1 of path 1, draw 1 of path 2"
    assert archive.attempts.retries == ()
    assert archive.attempts.is_from_approximation


def test_a_start_that_could_not_be_looked_at_is_not_passed_over(tmp_path: Path) -> None:
    """Only the program's own refusal leads to the next draw: a kill ends the step."""
    killed = ChainError("the log density at given points was killed by SIGKILL, twice")
    with (
        mock.patch("tests.unit.test_starts.evaluated", side_effect=killed),
        pytest.raises(ChainError, match="killed by SIGKILL"),
    ):
        sampled(tmp_path, init="pathfinder")


def test_paths_that_fail_are_replaced(tmp_path: Path) -> None:
    """Others are run in their place, up to three for a start; the attempt says which failed."""
    fails = f'[ "$seed" = {seed(1)} ] && {{ echo "Optimization failed to start"; exit 1; }}'
    archive, notes = sampled(tmp_path, PATHS % fails, init="pathfinder")
    assert starts_in(archive) == [float(f"1.{seed(path)}") for path in (2, 3)]
    because = archive.attempts.tried[0].because
    assert "draw 1 of path 2, draw 1 of path 3; path 1: " in because
    assert "Optimization failed to start" in because
    assert [note["name"] for note in notes["runs"]][:3] == ["path 1", "path 2", "path 3"]


def test_too_few_paths_end_the_step_with_a_sentence(tmp_path: Path) -> None:
    """One sentence says how many starts there are, how many paths were run, and why one failed."""
    fails = f'[ "$seed" = {seed(2)} ] || {{ echo "no gradient"; exit 1; }}'
    with pytest.raises(ChainError) as caught:
        sampled(tmp_path, PATHS % fails, init="pathfinder")
    (only,) = caught.value.faults
    assert only.what.startswith("Pathfinder gave starts to 1 of 2, from 6 paths; path 6: ")
    assert "no gradient" in only.what and "init" in (only.todo or "")


def test_a_draw_on_a_boundary_is_passed_over(tmp_path: Path) -> None:
    """A draw without density is no start, and neither is one that is no number; the next one is."""
    boundary = (
        "{ printf '# method = pathfinder\\nlp_approx__,lp__,path__,mu\\n'; "
        "echo -1,-2,1,-4; echo -1,-2,1,nan"
        '; for row in $(seq 3 25); do echo "-1,-2,1,$row.$seed"; done; '
        "echo '#  Elapsed Time: 0.3 seconds (Total)'; } > \"$output\"; exit 0"
    )
    archive, _ = sampled(tmp_path, PATHS % boundary, init="pathfinder")
    assert starts_in(archive) == [float(f"3.{seed(path)}") for path in (1, 2)]
    assert "draw 3 of path 1" in archive.attempts.tried[0].because


def test_several_cores_start_chains_at_the_same_points(tmp_path: Path) -> None:
    """What is run at once decides nothing, nor does what the cache holds already."""
    archives = []
    for jobs, name in ((1, "one"), (4, "four")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "data.json").write_text("{}")
        archive, notes = sampled(
            tmp_path / name, jobs=jobs, chains=4, superchains=2, init="pathfinder"
        )
        archives.append(archive)
        assert all(("reused" in note) is (name == "four") for note in notes["runs"])
    one, four = archives
    assert [path.read_text() for path in one.chains] == [path.read_text() for path in four.chains]
    assert one.attempts == four.attempts


def test_chains_of_a_superchain_start_at_one_point(tmp_path: Path) -> None:
    """Points are drawn within ± init, by the fit's seed, until the program has a density there."""
    archive, _ = sampled(tmp_path, chains=6, superchains=3, init=0.5)
    values = starts_in(archive)
    expected = []
    for superchain in (1, 2, 3):
        generator = np.random.default_rng(seed_of(1, "superchain", str(superchain)))
        drawn = generator.uniform(-0.5, 0.5, size=100)
        expected += [drawn[drawn >= 0][0]] * 2
    assert values == pytest.approx(expected, rel=1e-15)
    assert "within ± 0.5" in archive.attempts.tried[0].because


def test_a_superchain_without_a_start_ends_the_step(tmp_path: Path) -> None:
    """After as many tries as CmdStan makes, one sentence."""
    nowhere = mock.patch("tests.unit.test_starts.np.where", return_value=np.array([-np.inf]))
    with nowhere, pytest.raises(ChainError, match="superchain 1 found no start: of 100 points"):
        sampled(tmp_path, chains=4, superchains=2)


def test_initial_values_are_the_parameters_as_stan_reads_them() -> None:
    """Rows of matrices, complex pairs, tuples by slot, arrays of tuples; nothing but parameters."""
    declared = variables(
        parameters="real mu; matrix[2,2] m; complex z; tuple[2] t; vector[K] none; "
        "matrix[K,2] gone",
        transformed_parameters="real twice",
    )
    columns = [
        *("lp__", "mu", "m.1.1", "m.2.1", "m.1.2", "m.2.2", "z.real", "z.imag"),
        *("t.1:1", "t.1:2.1", "t.1:2.2", "t.2:1", "t.2:2.1", "t.2:2.2", "twice"),
    ]
    row = [-1.0, 1e-300, 11, 21, 12, 22, 3, 4, 0.1, 0.2, 0.3, 1 / 3, 0.5, 0.6, 9]
    values = initial_values(columns, row, Naming.of({**declared}, {"K": 0}, {"sizes": {}}))
    assert values == {
        "mu": 1e-300,
        "m": [[11, 12], [21, 22]],
        "z": [3, 4],
        "t": [{"1": 0.1, "2": [0.2, 0.3]}, {"1": 1 / 3, "2": [0.5, 0.6]}],
        "none": [],
        "gone": [],
    }
    assert json.loads(json.dumps(values)) == values


def test_a_metric_is_regularised_as_stan_s() -> None:
    """n / (n + 5) s² + 5 / (n + 5) / 1000 on the diagonal; a parameter alone has a matrix too."""
    points = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]])
    np.testing.assert_allclose(variances(points), [3 / 8 * 4 + 5 / 8 * 1e-3, 5 / 8 * 1e-3])
    np.testing.assert_allclose(covariance(points), np.diag(variances(points)))
    np.testing.assert_allclose(covariance(points[:, :1]), [[variances(points)[0]]])
    few = np.random.default_rng(1).normal(size=(3, 10))
    np.linalg.cholesky(covariance(few))  # fewer draws than parameters


@pytest.mark.parametrize(
    ("scalar", "header"),
    [("mu", "mu"), ("x[1,2]", "x.1.2"), ("x[1].2[3]", "x.1:2.3"), ("z[1,real]", "z.1.real")],
)
def test_names_go_back_to_those_of_a_stan_csv(scalar: str, header: str) -> None:
    """What the draws call a scalar is written as CmdStan writes it."""
    assert stan_name(scalar) == header


def metric_of(folder: Path, draws: Any, unconstrained: Any = None) -> dict[str, Any]:
    """Return the metric that one chain has started with whose source drew these values of mu."""
    (folder / "source.nc").touch()
    values = np.asarray(draws, dtype=float)
    scalars = Scalars(
        ["lp__", "mu"],
        np.stack([0 * values, values], axis=2),
        [Span(0, 1, (), sampled=False), Span(1, 2, (), sampled=True)],
    )
    copied = folder / "metric.json"
    program = f'for word; do case $word in metric_file=*) cp "${{word#*=}}" {copied};; esac; done'
    points = values.reshape(-1, 1) if unconstrained is None else unconstrained
    method = Nuts(warmup=3, draws=6, chains=2, metric_from="advi")
    with (
        job(folder, program) as made,
        mock.patch.object(metrics, "read_gated", return_value=scalars),
        mock.patch.object(Fit, "evaluate", lambda *_: replace(evaluated(points))),
    ):
        inputs = {**made.inputs, "source": folder / "source.nc"}
        arguments = replace(made.arguments, settings=method.settings)
        made = replace(made, arguments=arguments, inputs=inputs)
        sample_fit.run(made)
    archive = read_archive(made.outputs["chains"], folder / "read")
    assert "whatever its checks say" in archive.attempts.tried[0].because
    metric: dict[str, Any] = json.loads(copied.read_text())
    return metric


def test_a_metric_is_that_of_the_source_s_draws(tmp_path: Path) -> None:
    """Every chain starts its adaptation from the variances on the unconstrained scale."""
    draws = np.random.default_rng(2).normal(0, 30, size=(4, 100))
    metric = metric_of(tmp_path, draws)
    assert metric == {"inv_metric": pytest.approx(variances(draws.reshape(-1, 1)))}


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_source_that_is_not_finite_ends_the_step(tmp_path: Path, value: float) -> None:
    """A draw that is no number, or has no place on the unconstrained scale, gives no metric."""
    draws = np.zeros((1, 10))
    with pytest.raises(ChainError, match="advi gives no metric to start from: its draws on the"):
        metric_of(tmp_path, draws, np.full((10, 1), value))
    draws[0, 3] = value
    with pytest.raises(ChainError, match="advi gives no metric to start from: its draws are not"):
        metric_of(tmp_path, draws)


@pytest.mark.parametrize(
    ("nuts", "key", "what"),
    [
        ("superchains: 4", "superchains", "4 chains are not 4 superchains of two chains or more"),
        ("superchains: 1", "superchains", "out of bounds"),
        ("chains: 9, superchains: 2", "superchains", "9 chains are not 2 superchains"),
        ("chains: 8, superchains: 2, init: 0", "init", "this init is one point"),
        ("chains: 8, superchains: 2, init: a.json", "init", "this init is one point"),
        ("metric: unit_e, metric_from: advi", "metric_from", "the unit metric is not adapted"),
        ("metric_from: avdi", "metric_from", "'avdi' is not a method of this analysis"),
        ("metric_from: nuts", "metric_from", "'nuts' would wait for itself: nuts ← nuts"),
        ("metric_from: sim", "metric_from", "'sim' draws from no posterior"),
        ("metric_from: later", "metric_from", "'later' draws no parameters of its own"),
        ("metric_from: narrow", "metric_from", "does not fit the model 'partial'"),
        ("init: pathfindr", "init", "not an initial value"),
    ],
)
def test_starts_that_cannot_be_are_refused(tmp_path: Path, nuts: str, key: str, what: str) -> None:
    """One message each, with the key; the method that was meant is suggested."""
    text = changed("    compare: {by: loo}\n", "")
    text = changed(
        "nuts: {chains: 4, warmup: 1000, draws: 1000, adapt_delta: 0.95}", f"nuts: {{{nuts}}}", text
    )
    more = "\n      sim: {method: fixed_param}\n      narrow: {method: advi, models: [pooled]}"
    more += "\n      later: {method: gq, of: advi, program: later.stan}"
    refusal = fault(tmp_path, changed("on_fail: flag}", "on_fail: flag}" + more, text))
    assert refusal.key == f"analyses.coaching.methods.nuts.{key}"
    assert what in refusal.what
    if "avdi" in what:
        assert (refusal.todo, refusal.allowed) == ("write advi", "advi")


def test_a_circle_of_metrics_is_refused(tmp_path: Path) -> None:
    """Two samplers cannot wait for each other's draws."""
    text = changed("adapt_delta: 0.95}", "metric_from: hmc}\n      hmc: {metric_from: nuts}")
    with pytest.raises(DeclarationError) as caught:
        declared(tmp_path, text)
    whats = [entry.what for entry in caught.value.faults]
    assert whats == [
        "'nuts' would wait for itself: nuts ← hmc ← nuts",
        "'hmc' would wait for itself: hmc ← nuts ← hmc",
    ]


def planned(folder: Path, methods: str) -> Any:
    path = folder / "config.yaml"
    path.write_text(CONFIG.replace("      nuts: {chains: 2}\n      advi: {}\n", methods))
    return make_plan(load(path), FACTS)


def test_the_source_s_settings_stale_the_fit_and_nothing_more(tmp_path: Path) -> None:
    """Its draws come first, whatever the order of declaration; no other fit waits for them."""
    methods = "      hmc: {chains: 2}\n      nuts: {metric_from: advi}\n      advi: {}\n"
    before = planned(tmp_path, methods)
    after = planned(tmp_path, methods.replace("advi: {}", "advi: {eta: 0.5}"))
    stale = [step for step in after if step.key not in keys(before)]
    fits = {step.wildcards["method"] for step in stale if "method" in step.wildcards}
    assert fits == {"nuts", "advi"}
    sampling = {(s.rule, s.wildcards["method"]) for s in stale if s.rule.startswith("sample")}
    assert sampling == {("sample_fit", "nuts"), ("sample_chain", "advi")}
    steps = list(before)
    for step in steps:
        assert all(steps.index(upstream) < steps.index(step) for upstream in step.upstream)


def test_a_source_is_held_to_samplers_that_take_from_none(tmp_path: Path) -> None:
    """No two fits wait for each other: a cluster runs the steps after sampling as one job."""
    methods = (
        "      advi: {}\n      full: {method: advi, algorithm: fullrank}\n"
        "      nuts: {metric_from: advi}\n      other: {method: nuts, metric_from: full}\n"
        "      plain: {method: nuts}\n      third: {method: advi, seed: 1}\n"
    )
    plan = planned(tmp_path, methods)
    references = {
        fit.method: tuple(plan.of(fit, "diagnose_fit").arguments["references"])
        for fit in plan.fits
        if fit.model == "wide"
    }
    assert references["advi"] == references["full"] == ("plain",)
    assert references["third"] == ("nuts", "other", "plain")


def test_a_fit_without_these_settings_keeps_its_keys(tmp_path: Path) -> None:
    """None of them enters the settings of a fit that does not declare it."""
    assert not {"superchains", "metric_from", "init_tries"} & Nuts().settings.keys()
    assert Nuts().procedure is None and Nuts(init=0.5).procedure is None
    for settings in ({"init": "pathfinder"}, {"chains": 4, "superchains": 2}):
        assert Nuts.model_validate(settings).procedure == "hamiltonian"


def attempts_of(method: Nuts) -> str:
    return Attempts(
        method="nuts", method_version=Nuts.version, settings=method.settings, tried=()
    ).as_json()


def diagnosed(folder: Path, chains: Sequence[Any], method: Nuts) -> dict[str, Any]:
    """Return the checks of chains that a procedure sampled with these settings, by name."""
    collect(folder, list(chains))
    tree = xr.open_datatree(folder / "draws.nc", engine="h5netcdf").load()
    tree.close()
    tree["posterior"].attrs["attempts"] = attempts_of(method)
    (folder / "draws.nc").unlink()
    tree.to_netcdf(folder / "draws.nc", engine="h5netcdf")
    return {check["check"]: check for check in diagnose(folder, checks=CHECKS)["checks"]}


def test_superchains_are_held_to_nested_rhat(tmp_path: Path) -> None:
    """In place of R-hat, by the limit of R-hat: superchains that disagree fail."""
    method = Nuts(chains=4, superchains=2, draws=500)
    same = diagnosed(tmp_path / "same", [chain(seed) for seed in range(4)], method)
    assert "rhat" not in same
    assert same["nested_rhat"]["verdict"] == "pass"
    assert same["nested_rhat"]["threshold"] == 1.01
    apart = [chain(seed, centre=1 + 0.3 * (seed > 1)) for seed in range(4)]
    checks = diagnosed(tmp_path / "apart", apart, method)
    assert checks["nested_rhat"]["verdict"] == "fail"
    assert "mu" in checks["nested_rhat"]["where"]


def test_rhat_says_where_it_is_weaker_evidence(tmp_path: Path) -> None:
    """Chains from Pathfinder's draws: a note with its source, and no failure."""
    chains = [chain(seed) for seed in range(4)]
    checks = diagnosed(tmp_path / "p", chains, Nuts(init="pathfinder"))
    assert checks["rhat"]["verdict"] == "pass"
    assert "weaker evidence" in checks["rhat"]["note"]
    assert "10.1214/ss/1177011136" in checks["rhat"]["note"]
    method = Nuts(chains=4, superchains=2, init="pathfinder")
    nested = diagnosed(tmp_path / "n", chains, method)
    assert nested["nested_rhat"]["note"] == checks["rhat"]["note"]
    plain = diagnosed(tmp_path / "q", chains, Nuts(init_tries=2))
    assert "note" not in plain["rhat"]


def test_a_superchain_counts_as_a_chain_for_the_least_ess() -> None:
    """100 effective draws a superchain where no limit is declared."""
    assert Nuts(chains=32, superchains=4).size.chains == 4
    assert Nuts(chains=32).size.chains == 32
