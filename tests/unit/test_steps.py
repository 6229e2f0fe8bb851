"""The steps from chains to draws, summary, verdict, predictive checks and comparison."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np
import pytest
import xarray as xr

from stanchion.draws.files import read_gated, read_messages, write_tree
from stanchion.draws.quantities import Quantities
from stanchion.errors import StepError
from stanchion.pictures.catalogue import pictures_of
from stanchion.stan.console import append_messages
from stanchion.stan.prior_switch import Densities
from stanchion.stan.program import Variable
from stanchion.stats.predictive import statistic
from stanchion.steps import collect_draws, generate_quantities
from stanchion.steps.prior import summarise_prior
from tests.project import REFERENCE
from tests.unit.draws_cases import job, read_whole, variables, write_chains, write_json
from tests.unit.steps_cases import (
    META,
    Y,
    chain,
    collect,
    collecting,
    compare,
    diagnose,
    fit,
    predict,
    read_csv,
)
from tests.unit.test_stats_convergence import autoregressive


def test_a_summary_holds_a_row_a_scalar(tmp_path: Path) -> None:
    """Parameters and transformed parameters, unrounded, by Stan's names."""
    chains = [chain(1), chain(2)]
    collect(tmp_path, chains)
    rows = read_csv(tmp_path / "summary.csv")
    assert [row["variable"] for row in rows] == ["mu", "twice"]
    joined = np.concatenate([some["mu"] for some in chains])
    assert float(rows[0]["mean"]) == pytest.approx(joined.mean(), rel=1e-14)
    assert rows[0]["mean"] == repr(float(rows[0]["mean"]))


def test_declared_parameters_narrow_and_order_the_summary(tmp_path: Path) -> None:
    """Generated quantities that are kept elsewhere may be asked for by name."""
    collect(tmp_path, [chain(1)], parameters=["log_lik", "mu"])
    names = [row["variable"] for row in read_csv(tmp_path / "summary.csv")]
    assert names == [*(f"log_lik[{index}]" for index in range(1, 13)), "mu"]
    with pytest.raises(StepError, match="declares no nu, xi"):
        collect(tmp_path, [chain(1)], parameters=["nu", "mu", "xi"])


def test_a_program_without_parameters_has_an_empty_summary(tmp_path: Path) -> None:
    """A simulation with fixed_param: the table has its header, and the verdict looks at lp__."""
    declared = variables(generated_quantities="real x")
    chains = [{"x": np.random.default_rng(seed).normal(size=200)} for seed in range(4)]
    collect(tmp_path, chains, variables=declared, predicted=None, observed=None, replicated=None)
    assert (tmp_path / "summary.csv").read_text().splitlines() == [
        "variable,label,mean,median,sd,mad,q5,q95,mcse_mean,mcse_sd,ess_bulk,ess_tail,rhat"
    ]
    assert diagnose(tmp_path)["verdict"] == "pass"


def test_the_same_chains_give_the_same_bytes(tmp_path: Path) -> None:
    """draws.nc, summary.csv, diagnostics, predictions and pictures: all of them."""
    results = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        collect(folder, [chain(seed) for seed in range(1, 5)])
        diagnose(folder)
        predict(folder)
        names = ["draws.nc", "summary.csv", "diagnostics.json", "predictive.json"]
        names += ["ranks.png", "posterior_predictive.png"]
        results.append([(folder / name).read_bytes() for name in names])
    assert results[0] == results[1]


def test_arviz_takes_the_file(tmp_path: Path) -> None:
    """Its summary finds the same numbers, and its loo runs on the log likelihood."""
    import arviz as az
    import xarray as xr

    fit(tmp_path)
    tree = xr.open_datatree(tmp_path / "draws.nc", engine="h5netcdf")
    theirs = az.summary(tree, round_to="none")
    ours = {row["variable"]: row for row in read_csv(tmp_path / "summary.csv")}
    for column, name in (
        ("mean", "mean"),
        ("sd", "sd"),
        ("ess_bulk", "ess_bulk"),
        ("r_hat", "rhat"),
    ):
        assert float(theirs.loc["mu", column]) == pytest.approx(float(ours["mu"][name]), rel=1e-9)
    rows, _ = compare(tmp_path.parent, tmp_path.name)
    assert az.loo(tree).elpd == pytest.approx(float(rows[0]["elpd"]), abs=0.01)
    assert az.diagnose(tree) is False


def test_a_verdict_is_written_whatever_it_is(tmp_path: Path) -> None:
    """Chains that disagree fail, and the step succeeds."""
    collect(tmp_path, [chain(1), chain(2), chain(3), chain(4, centre=3.0)])
    diagnostics = diagnose(tmp_path)
    assert (diagnostics["schema"], diagnostics["verdict"]) == ("stanchion/diagnostics/1", "fail")
    rhat = next(check for check in diagnostics["checks"] if check["check"] == "rhat")
    assert set(rhat) == {"check", "value", "threshold", "verdict", "where", "source"}
    assert set(rhat["where"]) == {"mu", "twice"}
    assert (tmp_path / "ranks.png").read_bytes().startswith(b"\x89PNG")
    waiver = {
        "fit": "a/d/m/nuts",
        "check": "rhat",
        "reason": "r",
        "who": "w",
        "until": "2027-01-01",
    }
    waivers = [waiver | {"check": name} for name in ("rhat", "ess_bulk", "ess_tail")]
    assert diagnose(tmp_path, waivers=waivers)["verdict"] == "waived"


def test_declared_parameters_do_not_narrow_the_gate(tmp_path: Path) -> None:
    """A transformed parameter that is not finite fails a fit that shows only mu."""
    chains = [chain(seed) for seed in range(1, 5)]
    chains[2]["twice"][3] = np.nan
    collect(tmp_path, chains, parameters=["mu"])
    diagnostics = diagnose(tmp_path, parameters=["mu"])
    assert [c["check"] for c in diagnostics["checks"] if c["verdict"] == "fail"] == ["finite"]


def test_predictive_checks_hold_what_they_promise(tmp_path: Path) -> None:
    """Statistics with tail probabilities, LOO-PIT, and a row for each new row."""
    predictive = predict(fit(tmp_path))
    assert (predictive["schema"], predictive["made"]) == ("stanchion/predictive/1", True)
    mean = predictive["statistics"][0]
    assert mean["observed"] == pytest.approx(Y.mean())
    assert mean["replicated_mean"] == pytest.approx(1, abs=0.1)
    assert 0.05 < mean["tail_probability"] < 0.95
    assert predictive["loo_pit"]["uniform"] is True
    assert predictive["loo_pit"]["khat_max"] < 0.5
    assert predictive["loo_pit"]["khat_bad"] == 0
    assert predictive["loo_pit_because"] is None
    rows = predictive["predictions"]["rows"]
    assert [row["row"] for row in rows] == ["p", "q"]
    assert rows[1]["mean"] == pytest.approx(3, abs=0.1)
    assert rows[0]["q5"] < rows[0]["mean"] < rows[0]["q95"]


def test_ties_of_a_loo_pit_are_broken_by_the_fits_seed(tmp_path: Path) -> None:
    """Whole numbers: the same seed gives the same p-value, another fit's another."""
    chains = [
        {name: np.round(x) if "y_rep" in name else x for name, x in chain(seed).items()}
        for seed in range(1, 5)
    ]
    collect(tmp_path, chains, data={"N": len(Y), "M": 2, "y": np.round(Y).tolist()})
    diagnose(tmp_path)
    first, again, other = (predict(tmp_path, seed=seed)["loo_pit"]["p"] for seed in (1, 1, 2))
    assert first == again != other


def test_declared_intervals_stand_with_each_prediction(tmp_path: Path) -> None:
    """Under the names that summary.csv has for them."""
    predictive = predict(fit(tmp_path), intervals={"prob": 0.5, "kind": "hdi"})
    assert {"hdi50_lower", "hdi50_upper"} < set(predictive["predictions"]["rows"][0])


def test_what_is_not_declared_is_not_made(tmp_path: Path) -> None:
    """Predictions alone give no checks, and checks alone no predictions."""
    fit(tmp_path)
    alone = predict(tmp_path, posterior_predictive=None)
    assert (alone["statistics"], alone["loo_pit"]) == ([], None)
    assert alone["predictions"]["variable"] == "y_new"
    assert predict(tmp_path, predict=None)["predictions"] is None


def test_without_log_lik_the_file_says_why_there_is_no_pit(tmp_path: Path) -> None:
    """The other checks are made."""
    chains = [{k: v for k, v in chain(seed).items() if "log_lik" not in k} for seed in range(4)]
    declared = variables(
        parameters="real mu; real twice", generated_quantities="real[N] y_rep; real[M] y_new"
    )
    collect(tmp_path, chains, variables=declared)
    diagnose(tmp_path)
    predictive = predict(tmp_path)
    assert predictive["loo_pit"] is None
    assert "log_lik" in predictive["loo_pit_because"]
    assert len(predictive["statistics"]) == 2


def test_nothing_is_predicted_from_a_failed_fit_that_stops(tmp_path: Path) -> None:
    """predictive.json and the picture say why; with `flag` they are made."""
    collect(tmp_path, [chain(1), chain(2), chain(3), chain(4, centre=3.0)])
    diagnose(tmp_path)
    predictive = predict(tmp_path)
    assert set(predictive) == {"schema", "made", "because"}
    assert "R-hat" in predictive["because"]
    assert (tmp_path / "posterior_predictive.png").read_bytes().startswith(b"\x89PNG")
    assert predict(tmp_path, on_fail="flag")["made"] is True


def test_a_replication_of_another_shape_is_refused(tmp_path: Path) -> None:
    """Observed and replicated data must match, observation by observation."""
    data = {"N": 11, "M": 2, "y": Y.tolist()[:11]}
    collect(tmp_path, [chain(seed) for seed in range(4)], data=data)
    diagnose(tmp_path)
    with pytest.raises(StepError, match="y_rep has the shape"):
        predict(tmp_path)


def prior(
    folder: Path,
    chains: list[dict[str, Any]],
    result: Densities | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Summarise chains of the prior and return what was written."""
    inputs: dict[str, Path | list[Path]] = {
        "data": write_json(folder / "data.json", {"N": len(Y), "M": 2, "y": Y.tolist()}),
        "meta": write_json(folder / "meta.json", META),
    }
    outputs = {"prior": "prior.nc", "checks": "prior.json", **pictures_of("sample_prior")}
    arguments = {"sampler": {}, "seed": 5, "variables": collecting(**options)["variables"]}
    step = job(folder, "sample_prior", arguments, inputs, outputs)
    summarise_prior(step, read_whole(write_chains(folder, chains)), result)
    content: dict[str, Any] = json.loads((folder / "prior.json").read_text())
    return content


def test_a_prior_has_draws_checks_and_a_picture(tmp_path: Path) -> None:
    """A proper prior passes."""
    judgement = prior(tmp_path, [chain(seed) for seed in range(1, 5)])
    assert (judgement["schema"], judgement["verdict"], judgement["draws"]) == (
        "stanchion/prior/1",
        "pass",
        2000,
    )
    assert (tmp_path / "prior_predictive.png").read_bytes().startswith(b"\x89PNG")


def test_a_prior_without_declared_replication_has_no_predictions(tmp_path: Path) -> None:
    """The picture says so."""
    arguments = {"observed": None, "replicated": None, "predicted": None}
    assert prior(tmp_path, [chain(seed) for seed in range(1, 5)], **arguments)["verdict"] == "pass"
    assert (tmp_path / "prior_predictive.png").exists()


def test_the_draws_of_a_fit_hold_those_of_its_prior(tmp_path: Path) -> None:
    """As they stand in prior.nc; where these are no draws of the prior they are left out."""
    prior(tmp_path, [chain(seed) for seed in range(1, 5)])
    draws = tmp_path / "draws.nc"
    job = collect(tmp_path, [chain(seed) for seed in range(5, 9)], prior=True)
    with xr.open_datatree(draws) as tree, xr.open_datatree(tmp_path / "prior.nc") as ours:
        assert [name for name in tree.children if "prior" in name] == [
            "prior",
            "prior_predictive",
            "sample_stats_prior",
        ]
        for name in ("prior", "prior_predictive", "sample_stats_prior"):
            xr.testing.assert_identical(tree[name].to_dataset(), ours[name].to_dataset())
            assert list(tree[name].data_vars) == list(ours[name].data_vars)
    assert "prior" not in job.notes
    assert diagnose(tmp_path)["verdict"] == "pass"
    assert read_gated(draws).names == ["lp__", "mu", "twice"]
    same = [float(x) for x in range(20)]
    prior(tmp_path, [chain(1)], Densities(same, [x + 1 for x in same]))
    job = collect(tmp_path, [chain(seed) for seed in range(5, 9)], prior=True)
    with xr.open_datatree(draws) as tree:
        assert not {"prior", "prior_predictive", "sample_stats_prior"} & set(tree.children)
    assert job.notes["prior"].startswith("left out")


def test_a_program_that_stops_at_a_prior_draw_costs_the_fit_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quantity of the fit stays, and why it is not known of the prior stands with it."""
    chains = [chain(seed) for seed in range(1, 5)]
    prior(tmp_path, chains)
    collect(tmp_path, chains, prior=True)

    def stopped(*_: object) -> NoReturn:
        raise StepError("x is infinite", where="a/d/m/nuts", todo="look at the prior")

    monkeypatch.setattr(generate_quantities, "_each_chain", stopped)
    fitted = Quantities(("mu_new.1",), np.ones((4, 500, 1)))
    parameters = (Variable("mu", "real", 0, ()),)
    step = SimpleNamespace(
        inputs={"source": tmp_path / "draws.nc"},
        path=lambda name: tmp_path / "draws.nc",
        arguments=SimpleNamespace(parameters=parameters),
        notes={},
    )
    result = generate_quantities._with_prior(fitted, step, "mu_new", 25, tmp_path)
    result.write(tmp_path / "effects.npz")
    read = Quantities.read(tmp_path / "effects.npz")
    assert (read.prior, read.prior_because) == (None, "x is infinite")
    np.testing.assert_array_equal(read.values, fitted.values)


def test_an_improper_prior_is_a_warning(tmp_path: Path) -> None:
    """Draws that wander off are no reason to stop, and a reason to look."""
    chains = [chain(seed) for seed in range(1, 5)]
    chains[0]["mu"] *= 1e15
    judgement = prior(tmp_path, chains)
    assert judgement["verdict"] == "warn"
    assert "extent" in [c["check"] for c in judgement["checks"] if c["verdict"] == "warn"]


def test_cmdstan_s_eight_schools(tmp_path: Path) -> None:
    """Four chains as CmdStan wrote them: its own thetas, named by school."""
    folder = REFERENCE / "cmdstan"
    declared = variables(
        parameters="real mu; real tau; real[J] theta_raw",
        transformed_parameters="real[J] theta",
        generated_quantities="real[J] log_lik; real[J] y_rep",
    )
    data = json.loads((folder / "data" / "eight_schools.json").read_text())
    labels = list("ABCDEFGH")
    inputs: dict[str, Path | list[Path]] = {
        "chains": [
            folder / "expected" / "sample_four_chains" / f"out_{n}.csv" for n in (1, 2, 3, 4)
        ],
        "data": write_json(tmp_path / "data.json", data),
        "meta": write_json(
            tmp_path / "meta.json", {"sizes": {"J": {"dim": "school", "labels": labels}}}
        ),
    }
    arguments = collecting(variables=declared, predicted=None, settings={"draws": 150})
    outputs = {"draws": "draws.nc", "summary": "summary.csv"}
    collect_draws.run(job(tmp_path, "collect_draws", arguments, inputs, outputs))
    rows = {row["variable"]: row for row in read_csv(tmp_path / "summary.csv")}
    assert set(rows) >= {"mu", "tau", "theta[8]"}
    assert float(rows["mu"]["mean"]) == pytest.approx(4.4, abs=1.5)  # the literature's posterior
    diagnostics = diagnose(tmp_path)
    assert [check["check"] for check in diagnostics["checks"]] == [
        "finite", "constant", "chains", "rhat", "ess_bulk", "ess_tail", "divergences", "ebfmi",
        "treedepth", "generated",
    ]  # fmt: skip
    assert predict(tmp_path, predict=None, on_fail="flag")["loo_pit"]["observations"] == 8


@pytest.mark.parametrize("step", ["collect_draws", "compare_models"])
def test_a_fork_finds_arviz_imported(step: str) -> None:
    """It comes with the step's module, which the warm process imports once: a second a step."""
    assert imported_with(f"stanchion.steps.{step}") >= {"arviz_stats", "scipy"}


def test_what_needs_no_statistics_imports_none() -> None:
    """A command, the Snakefile's top, a chain and a report do not wait for ArviZ."""
    light = ("cli", "runs.graph", "steps.sample_chain", "steps.write_report")
    imported = imported_with(", ".join(f"stanchion.{module}" for module in light))
    assert not imported & {"arviz_stats", "scipy"}


def imported_with(modules: str) -> set[str]:
    """Return the packages that a fresh process holds once it has imported modules."""
    script = f"import sys, {modules}; print(*{{m.split('.')[0] for m in sys.modules}})"
    completed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(completed.stdout.split())


def failing(share: float, seed: int) -> dict[str, Any]:
    """Return a chain whose generated quantities have no value in a share of its draws."""
    columns = chain(seed)
    for name, values in columns.items():
        if name not in ("mu", "twice"):
            values[: round(share * len(values))] = np.nan
    return columns


@pytest.mark.parametrize(("share", "shown"), [(1.0, "100 %"), (0.46, "46 %"), (0.002, "0.2 %")])
def test_replications_without_value_fail_and_give_no_numbers(
    tmp_path: Path, share: float, shown: str
) -> None:
    """One draw in 500 is enough: no mean, no tail probability and no PIT of the others."""
    collect(tmp_path, [failing(share, seed) for seed in range(1, 5)])
    diagnostics = diagnose(tmp_path, uses=["y_new", "y_rep"])
    check = next(check for check in diagnostics["checks"] if check["check"] == "generated")
    assert (diagnostics["verdict"], check["verdict"]) == ("fail", "fail")
    assert check["value"] == pytest.approx(share)
    assert check["where"][0].endswith(f": {shown}")
    assert "log_lik" not in check["where"][0]
    assert "generated" in predict(tmp_path)["because"]
    predictive = predict(tmp_path, on_fail="flag")
    assert (predictive["statistics"], predictive["loo_pit"]) == ([], None)
    reason = f"y_rep has no finite value in {shown} of the draws"
    assert predictive["statistics_because"] == predictive["loo_pit_because"] == reason
    assert predictive["predictions"]["because"] == reason.replace("y_rep", "y_new")
    assert {
        row[column] for row in predictive["predictions"]["rows"] for column in ("mean", "q5")
    } == {None}


def test_generated_quantities_that_nothing_uses_are_a_warning(tmp_path: Path) -> None:
    """With their share: a fit whose parameters are sound goes on, and is no `pass`."""
    collect(tmp_path, [failing(0.46, seed) for seed in range(1, 5)])
    diagnostics = diagnose(tmp_path)
    check = next(check for check in diagnostics["checks"] if check["check"] == "generated")
    assert (diagnostics["verdict"], check["verdict"]) == ("warn", "warn")


def test_integers_that_were_never_assigned_have_no_value(tmp_path: Path) -> None:
    """Stan fills them with the least integer of 32 bits."""
    declared = variables(parameters="real mu", generated_quantities="int[N] count")
    chains = [{"mu": chain(s)["mu"]} for s in range(1, 5)]
    for columns in chains:
        columns |= {"count.1": np.ones(500), "count.2": np.full(500, -(2.0**31))}
    collect(tmp_path, chains, {"N": 2}, variables=declared, predicted=None)
    check = diagnose(tmp_path, uses=["count"])["checks"][-1]
    assert (check["verdict"], check["where"]) == ("fail", ["count[2]: 100 %"])


def test_an_integer_without_value_in_a_draw_has_no_number(tmp_path: Path) -> None:
    """The least integer of 32 bits is no value: no mean and no quantile is made of it."""
    declared = variables(parameters="real mu", generated_quantities="int[N] count")
    chains = [{"mu": chain(s)["mu"]} for s in range(1, 5)]
    for columns in chains:
        columns |= {"count.1": np.ones(500), "count.2": np.ones(500)}
    chains[0]["count.2"][7] = -(2.0**31)
    arguments = {"variables": declared, "predicted": None, "parameters": ["mu", "count"]}
    collect(tmp_path, chains, {"N": 2}, **arguments)
    mu, first, second = read_csv(tmp_path / "summary.csv")
    assert "" not in mu.values()
    assert first["mean"] == "1.0"
    assert {value for name, value in second.items() if name not in ("variable", "label")} == {""}


def test_an_observation_without_value_has_no_place_among_its_replications(tmp_path: Path) -> None:
    """As of a program that skips NaN: neither a statistic's tail nor LOO-PIT is made of it."""
    data = {"N": len(Y), "M": 2, "y": ["NaN", *Y.tolist()[1:]]}
    collect(tmp_path, [chain(seed) for seed in range(1, 5)], data)
    diagnose(tmp_path)
    predictive = predict(tmp_path)
    assert {entry["tail_probability"] for entry in predictive["statistics"]} == {None}
    assert predictive["loo_pit"] is None
    assert predictive["loo_pit_because"] == "1 of 12 observations are NaN"


def test_without_observations_or_new_rows_the_file_says_so(tmp_path: Path) -> None:
    """A fit to no data has draws, and nothing to hold them to."""
    chains = [{name: chain(seed)[name] for name in ("mu", "twice")} for seed in range(1, 5)]
    collect(tmp_path, chains, {"N": 0, "M": 0, "y": []})
    diagnose(tmp_path)
    predictive = predict(tmp_path)
    assert (predictive["statistics"], predictive["loo_pit"]) == ([], None)
    assert (
        predictive["statistics_because"] == predictive["loo_pit_because"] == "y has no observations"
    )
    assert predictive["predictions"]["rows"] == []
    assert predictive["predictions"]["because"] == "y_new has no elements"


@pytest.mark.filterwarnings("error")
def test_one_observation_has_no_standard_deviation() -> None:
    """The statistic is undefined, without a word of NumPy's on the terminal."""
    result = statistic("sd", np.array([1.0]), np.ones((5, 1)))
    assert np.isnan(result.observed)
    assert (result.undefined, result.replicated.size) == (5, 0)


def test_what_the_sampler_said_reaches_the_verdict(tmp_path: Path) -> None:
    """Messages at the end of a chain's CSV stand with the check of generated quantities."""
    chains = [failing(0.46, seed) for seed in range(1, 5)]
    for number, path in enumerate(write_chains(tmp_path, chains), start=1):
        append_messages(path, [f"{number} times: normal_rng: Scale parameter is -1"])
    messages = read_whole(sorted(tmp_path.glob("chain_*.csv"))).messages
    assert messages[1] == "chain 2, 2 times: normal_rng: Scale parameter is -1"
    write_tree(xr.DataTree.from_dict({"posterior": xr.Dataset()}), tmp_path / "some.nc", messages)
    assert read_messages(tmp_path / "some.nc") == list(messages)


def test_no_number_is_made_of_draws_without_value(tmp_path: Path) -> None:
    """A sort takes NaN for the largest number: one of them leaves a row of the summary empty."""
    chains = [chain(seed) for seed in range(1, 5)]
    chains[0]["twice"][7] = np.nan
    collect(tmp_path, chains, intervals={"prob": 0.5, "kind": "hdi"})
    mu, twice = read_csv(tmp_path / "summary.csv")
    assert "" not in mu.values()
    assert {value for name, value in twice.items() if name not in ("variable", "label")} == {""}


def test_draws_of_the_posterior_are_no_prior(tmp_path: Path) -> None:
    """Where `prior_only` does nothing, the check fails, and the picture says so in its place."""
    chains = [chain(seed) for seed in range(1, 5)]
    same = [float(x) for x in range(20)]
    judgement = prior(tmp_path, chains, Densities(same, [x + 1 for x in same]))
    failed = [check["check"] for check in judgement["checks"] if check["verdict"] == "fail"]
    assert (judgement["verdict"], failed) == ("fail", ["prior_only"])
    without = (tmp_path / "prior_predictive.png").read_bytes()
    judgement = prior(tmp_path, chains, Densities(same, [x * x for x in same]))
    assert judgement["verdict"] == "pass"
    assert (tmp_path / "prior_predictive.png").read_bytes() != without


@pytest.mark.parametrize(("phi", "verdict"), [(0.5, "pass"), (0.97, "warn")])
def test_a_prior_is_not_held_to_a_summary_s_precision(
    tmp_path: Path, phi: float, verdict: str
) -> None:
    """1,000 draws with an ESS of 333, as NUTS gives, are enough; 15 are not."""
    moved = autoregressive(phi, 4, 250, seed=3)
    chains = [{"mu": some, "twice": 2 * some} for some in moved]
    declared = variables(parameters="real mu", transformed_parameters="real twice")
    arguments = {"variables": declared, "observed": None, "replicated": None, "predicted": None}
    judgement = prior(tmp_path, chains, **arguments)
    assert judgement["verdict"] == verdict
    values = {check["check"]: check["value"] for check in judgement["checks"]}
    assert phi > 0.9 or 200 < values["ess_bulk"] < 400


def test_a_fit_whose_chains_never_moved_fails(tmp_path: Path) -> None:
    """All chains at one point, log density and energy with them: stuck, and nothing to judge."""
    declared = variables(parameters="real mu; real[2,2] L", transformed_parameters="real twice")
    mu, corner_of = declared["parameters"]
    declared["parameters"] = (mu, replace(corner_of, kind="cholesky_factor_corr"))
    corner = {"L.1.1": 1.0, "L.2.1": 0.6, "L.1.2": 0.0, "L.2.2": 0.8}
    rest = {"mu": 0.5, **corner, "twice": 1.0}
    chains = [{name: np.full(200, value) for name, value in rest.items()} for _ in range(4)]
    settings = {"draws": 200}
    arguments: dict[str, Any] = {"variables": declared, "predicted": None, "settings": settings}
    inputs: dict[str, Path | list[Path]] = {
        "chains": write_chains(tmp_path, chains, lp__=-1.0, energy__=2.0),
        "data": write_json(tmp_path / "data.json", {}),
        "meta": write_json(tmp_path / "meta.json", {"sizes": {}}),
    }
    outputs = {"draws": "draws.nc", "summary": "summary.csv"}
    collect_draws.run(job(tmp_path, "collect_draws", collecting(**arguments), inputs, outputs))
    diagnostics = diagnose(tmp_path)
    failed = {
        check["check"]: check for check in diagnostics["checks"] if check["verdict"] == "fail"
    }
    assert set(failed) == {"constant", "rhat", "ess_bulk", "ess_tail", "ebfmi"}
    assert set(failed["constant"]["where"]) == {"mu", *(f"L[{i},{j}]" for i in "12" for j in "12")}
    for seed, columns in enumerate(chains):
        moving = np.random.default_rng(seed).normal(size=200)
        columns |= {"mu": moving, "twice": 2 * moving, "L.2.1": np.tanh(moving)}
        columns["L.2.2"] = np.sqrt(1 - columns["L.2.1"] ** 2)
    inputs["chains"] = write_chains(tmp_path, chains)
    collect_draws.run(job(tmp_path, "collect_draws", collecting(**arguments), inputs, outputs))
    assert diagnose(tmp_path)["verdict"] == "pass"
