"""Generated quantities at the draws of another fit: declared, planned, collected, judged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from stanchion.config import load
from stanchion.draws.columns import containers, stan_headers
from stanchion.draws.files import read_group, read_parameters
from stanchion.draws.quantities import Quantities
from stanchion.errors import DeclarationError, Fault
from stanchion.plan.model import Facts, Plan, Step
from stanchion.plan.planner import make_plan
from stanchion.runs.check import check_plan
from stanchion.sampling.taken import unlike
from stanchion.stan.program import Program, Variable
from stanchion.steps import collect_draws, generate_quantities
from tests.unit.draws_cases import job, variables, write_chains, write_json
from tests.unit.steps_cases import chain, collect, collecting, diagnose, fit, predict, read_csv

CONFIG = """\
seed: 3
datasets:
  points: {path: data/points.csv, stan: {N: nrow(), y: y, H: 4}}
  more: {path: data/more.csv, stan: {N: nrow(), y: y, H: 4}}
models:
  m: {program: stan/m.stan}
  other: {program: stan/other.stan}
analyses:
  a:
    datasets: [points, more]
    models: [m, other]
    methods:
      forecast: {method: gq, of: nuts, program: stan/forecast.stan, models: [m]}
      nuts: {chains: 2}
      advi: {on_fail: flag}
      again: {method: gq, of: advi, on_fail: flag}
    posterior_predictive: {observed: y, replicated: y_rep}
    compare: {by: loo}
"""
N, Y = Variable("N", "int", 0, (), "int", "0"), Variable("y", "vector", 1, ("N",))
H, AHEAD = replace(N, name="H"), Variable("ahead", "real", 1, ("H",))
THETA = Variable("theta", "vector", 1, ("3",))


def program(path: str, **blocks: tuple[Variable, ...]) -> Program:
    described = Program(
        path=path,
        canonical=f"// {path}",
        data=(N, Y),
        parameters=(Variable("mu", "real", 0, ()), THETA),
        transformed_parameters=(),
        generated_quantities=(replace(Y, name="log_lik"), replace(Y, name="y_rep")),
        includes=(),
    )
    return replace(described, **blocks)  # type: ignore[arg-type]


FORECAST = program(
    "stan/forecast.stan", data=(H,), parameters=(THETA,), generated_quantities=(AHEAD,)
)
FACTS = Facts(
    programs={name: program(f"stan/{name}.stan") for name in ("m", "other")},
    files={"data/points.csv": "0" * 64, "data/more.csv": "1" * 64},
    compilers={"m": {}, "other": {}},
    toolchain={},
    waivers={},
    own_programs={"stan/forecast.stan": FORECAST},
)
Planned = Callable[..., Plan]


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Planned:
    """Plan the declaration, a text of it exchanged, with another forecast."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in ("points", "more"):
        (tmp_path / f"data/{name}.csv").write_text("y\n4\n8\n")

    def make(old: str = "", new: str = "", forecast: Program = FORECAST) -> Plan:
        assert old in CONFIG
        (tmp_path / "config.yaml").write_text(CONFIG.replace(old, new, 1) if old else CONFIG)
        facts = replace(FACTS, own_programs={"stan/forecast.stan": forecast})
        return make_plan(load(tmp_path / "config.yaml"), facts)

    return make


def refusal(planned: Planned, old: str = "", new: str = "", **more: Any) -> Fault:
    with pytest.raises(DeclarationError) as caught:
        planned(old, new, **more)
    (fault,) = caught.value.faults
    return fault


def steps_of(plan: Plan, method: str, dataset: str = "points", model: str = "m") -> dict[str, Step]:
    names = {"dataset": dataset, "model": model, "method": method}
    return {s.rule: s for s in plan if names.items() <= s.wildcards.items()}


def test_nothing_is_sampled_for_it(planned: Planned) -> None:
    """Its steps read the draws of the other fit, its verdict, and the data of its own program."""
    plan = planned()
    steps = steps_of(plan, "forecast")
    assert list(steps) == ["generate_quantities", "collect_draws", "diagnose_fit"]
    generating = steps["generate_quantities"]
    source = steps_of(plan, "nuts")
    assert generating.inputs["source"] == source["collect_draws"].outputs["draws"]
    assert generating.inputs["diagnostics"] == source["diagnose_fit"].outputs["diagnostics"]
    assert generating.inputs["data"] == "results/a/points/m/data.for-forecast.json"
    compiled = [s.unkeyed["program"] for s in plan if s.rule == "compile_program"]
    assert sorted(compiled) == ["stan/forecast.stan", "stan/m.stan", "stan/other.stan"]
    again = steps_of(plan, "again")
    assert list(again) == [*steps, "predict_outcomes"]
    assert again["generate_quantities"].inputs["data"] == "results/a/points/data.m.json"
    assert not steps_of(plan, "forecast", model="other")


def test_an_edit_of_its_program_stales_its_own(planned: Planned) -> None:
    """Another text of the forecast compiles it and generates anew, and leaves its source alone."""
    keys = {step.key for step in planned()}
    after = planned(forecast=replace(FORECAST, canonical="// another"))
    stale = [step for step in after if step.key not in keys]
    assert {step.wildcards.get("method") for step in stale} == {"forecast", None}
    assert {step.rule for step in stale} == {
        "compile_program",
        "generate_quantities",
        "collect_draws",
        "diagnose_fit",
        "write_report",
        "check_verdicts",
    }


def test_new_rows_are_in_its_data_where_it_takes_them(planned: Planned) -> None:
    """A program that declares none of them has data that no edit of them stales."""
    rows = "stan: {N: nrow(), y: y, H: 4, N_new: more.N}}"
    head, _, tail = CONFIG.partition("stan: {N: nrow(), y: y, H: 4}}")
    text = f"{head}{rows}{tail}".replace("[points, more]", "[points]")
    text = text.replace(
        "    compare:", "    predict: {variable: y_rep, dataset: more}\n    compare:"
    )
    for data, read in (((H,), {"points"}), ((H, replace(N, name="N_new")), {"points", "more"})):
        plan = planned(CONFIG, text, replace(FORECAST, data=data))
        (prepared,) = [s for s in plan if s.wildcards.get("purpose") == "for-forecast"]
        assert set(prepared.inputs) == read


def test_a_source_that_changes_stales_it(planned: Planned) -> None:
    """More draws of the other fit are more of its own."""
    keys = {step.key for step in planned()}
    after = planned("nuts: {chains: 2}", "nuts: {chains: 2, draws: 2000}")
    assert steps_of(after, "forecast")["generate_quantities"].key not in keys
    after = planned("advi: {on_fail: flag}", "advi: {on_fail: flag, draws: 500}")
    assert steps_of(after, "forecast")["generate_quantities"].key in keys
    assert steps_of(after, "again")["generate_quantities"].key not in keys


def test_it_takes_no_part_in_a_comparison(planned: Planned) -> None:
    """Its densities are those of its source, which is compared."""
    (compared,) = [step for step in planned() if step.rule == "compare_models"]
    assert {fit["method"] for fit in compared.arguments["fits"]} == {"nuts", "advi"}


def test_it_stops_where_its_source_stops(planned: Planned) -> None:
    """`flag` of its own holds for its own checks, where its source goes on after a failure."""

    def of(plan: Plan) -> dict[str, str]:
        (judging, *_) = [step for step in plan if step.rule == "check_verdicts"]
        return {fit["method"]: fit["on_fail"] for fit in judging.arguments["fits"]}

    assert of(planned()) == {"nuts": "stop", "forecast": "stop", "advi": "flag", "again": "flag"}
    stopping = planned("advi: {on_fail: flag}", "advi: {on_fail: stop}")
    assert of(stopping)["again"] == "stop"


def test_it_may_take_what_another_of_its_kind_has_taken(planned: Planned) -> None:
    """Each comes behind the one whose draws it takes, however they are declared."""
    plan = planned("      forecast:", "      later: {method: gq, of: again}\n      forecast:")
    rules = [(s.rule, s.wildcards.get("method")) for s in plan]
    assert rules.index(("diagnose_fit", "again")) < rules.index(("generate_quantities", "later"))
    collected = steps_of(plan, "later")["collect_draws"]
    assert collected.arguments["method"] == "advi"


@pytest.mark.parametrize(
    ("of", "what"),
    [
        ("hmc", "'hmc' is not a method of this analysis"),
        ("forecast", "'forecast' would wait for itself: forecast ← forecast"),
        ("circle", "'forecast' would wait for itself: forecast ← circle ← forecast"),
    ],
)
def test_a_source_that_is_none(planned: Planned, of: str, what: str) -> None:
    """Unknown, itself, or a circle: a fault that names the methods that are some."""
    circle = "      circle: {method: gq, of: forecast, models: [m]}\n" if of == "circle" else ""
    with pytest.raises(DeclarationError) as caught:
        planned(
            "      forecast: {method: gq, of: nuts",
            f"{circle}      forecast: {{method: gq, of: {of}",
        )
    fault = caught.value.faults[-1]
    assert fault.what == what
    assert fault.key == "analyses.a.methods.forecast.of"
    assert fault.allowed is not None and fault.allowed.startswith("nuts, advi")


def test_a_source_of_other_models(planned: Planned) -> None:
    """It has no draws of a model that it does not fit."""
    fault = refusal(planned, "advi: {on_fail: flag}", "advi: {on_fail: flag, models: [m]}")
    assert fault.what == "'advi' does not fit the model 'other', which 'again' fits"
    assert fault.todo == "add other to the models of advi, or limit again by models"


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ((Variable("nu", "real", 0, ()),), "declares a parameter `nu` that nuts does not draw"),
        ((Variable("theta", "real", 0, ()),), "declares `theta` as real, and nuts draws vector[3]"),
        (
            (replace(THETA, sizes=("4",)),),
            "declares `theta` as vector[4], and nuts draws vector[3]",
        ),
        ((), "has no parameters"),
    ],
)
def test_parameters_that_are_others(
    planned: Planned, parameters: tuple[Variable, ...], says: str
) -> None:
    """Missing, of another type, dimension or size: found before anything runs."""
    fault = refusal(planned, forecast=replace(FORECAST, parameters=parameters))
    assert fault.what.startswith(f"stan/forecast.stan {says}")


def test_a_program_that_generates_nothing(planned: Planned) -> None:
    """There would be nothing to show."""
    fault = refusal(planned, forecast=replace(FORECAST, generated_quantities=()))
    assert "has no generated quantities: there is nothing to generate" in fault.what


def test_a_conjugate_model_gives_it_no_data(
    planned: Planned, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mapping of such a model is of its family: the models are named that it can be used on."""
    other = replace(FACTS.programs["other"], family="beta_binomial")
    programs = {**FACTS.programs, "other": other}
    monkeypatch.setitem(globals(), "FACTS", replace(FACTS, programs=programs))
    with pytest.raises(DeclarationError) as caught:
        planned(", models: [m]}", "}")
    (fault,) = [f for f in caught.value.faults if f.key == "analyses.a.methods.forecast"]
    assert "is conjugate, and has no program that this method could run" in fault.what
    assert fault.todo is not None and "limit it by `models: [m]`" in fault.todo


def test_data_that_its_program_lacks(planned: Planned) -> None:
    """`check` names the program, the variable and the key that would give it."""
    check_plan(planned("forecast: {method", "forecast: {method"))
    horizon = replace(FORECAST, data=(H, replace(H, name="S")))
    with pytest.raises(DeclarationError) as caught:
        check_plan(planned(forecast=horizon))
    first = caught.value.faults[0]
    assert first.what == "stan/forecast.stan's data `S` (int) is not supplied"
    assert first.key == "datasets.points.stan.S"


MU = variables(parameters="real mu", generated_quantities="real ahead; int count")


def generated(
    folder: Path,
    source: Path,
    quantities: Quantities,
    declared: dict[str, tuple[Variable, ...]] = MU,
    **arguments: Any,
) -> None:
    """Collect quantities that were generated at the draws of another folder."""
    folder.mkdir()
    quantities.write(folder / "quantities.npz")
    inputs: dict[str, Path | list[Path]] = {
        "source": source / "draws.nc",
        "quantities": folder / "quantities.npz",
        "data": write_json(folder / "data.json", {}),
        "meta": write_json(folder / "meta.json", {"sizes": {}}),
    }
    names = dict.fromkeys(("observed", "replicated", "predicted"))
    requested = collecting(variables=declared, **names, **arguments)
    outputs = {"draws": "draws.nc", "summary": "summary.csv"}
    collect_draws.run(job(folder, "collect_draws", requested, inputs, outputs))


def ahead(draws: xr.DataTree | dict[str, Any], **values: Any) -> Quantities:
    mu = np.asarray(draws["mu"])
    columns = {"ahead": 2 * mu, "count": np.zeros(mu.shape), **values}
    return Quantities(tuple(columns), np.stack(list(columns.values()), axis=2))


def test_its_draws_are_those_of_its_source(tmp_path: Path) -> None:
    """Parameters of its program only, what the sampler said, and a summary of what it generates."""
    source = fit(tmp_path / "nuts")
    drawn = read_group(source / "draws.nc", "posterior")
    generated(tmp_path / "forecast", source, ahead(drawn))
    posterior = read_group(tmp_path / "forecast/draws.nc", "posterior")
    assert list(posterior) == ["mu", "ahead", "count"]
    np.testing.assert_array_equal(posterior["mu"], drawn["mu"])
    np.testing.assert_array_equal(posterior["ahead"], 2 * drawn["mu"])
    assert posterior["count"].dtype == np.int64
    stats = [read_group(f / "draws.nc", "sample_stats") for f in (source, tmp_path / "forecast")]
    assert stats[0].keys() == stats[1].keys()
    np.testing.assert_array_equal(stats[0]["lp"], stats[1]["lp"])
    rows = {row["variable"]: row for row in read_csv(tmp_path / "forecast/summary.csv")}
    of_mu = {row["variable"]: row for row in read_csv(source / "summary.csv")}["mu"]
    assert list(rows) == ["ahead", "count"]
    assert float(rows["ahead"]["rhat"]) == pytest.approx(float(of_mu["rhat"]))
    assert judged(tmp_path / "forecast", source) == {
        "finite": "pass",
        "generated": "pass",
        "source": "pass",
        "all": "pass",
    }


def judged(folder: Path, source: Path) -> dict[str, str]:
    """Return the verdict of each check of what was generated, and that of all."""
    diagnostics = diagnose(folder, "gq", [source], uses=["ahead", "count"])
    return {check["check"]: check["verdict"] for check in diagnostics["checks"]} | {
        "all": diagnostics["verdict"]
    }


def test_one_draw_without_a_value_fails(tmp_path: Path) -> None:
    """What it generates is what it is for."""
    source = fit(tmp_path / "nuts")
    quantities = ahead(read_group(source / "draws.nc", "posterior"))
    quantities.values[1, 7, 0] = np.nan
    generated(tmp_path / "forecast", source, quantities)
    checks = judged(tmp_path / "forecast", source)
    assert checks == {"finite": "pass", "generated": "fail", "source": "pass", "all": "fail"}


def failed(folder: Path) -> Path:
    """Return a fit of which two chains are elsewhere."""
    collect(folder, [chain(seed, centre=1 + seed) for seed in range(1, 5)])
    assert diagnose(folder)["verdict"] == "fail"
    return folder


def generate(folder: Path, source: Path, on_fail: str) -> Any:
    """Run the step on a fit, with a program that is not there to be run."""
    arguments = {
        "method": "gq",
        "method_version": 1,
        "settings": {"of": "nuts"},
        "keep": [],
        "parameters": MU["parameters"],
        "transformed": False,
        "seed": 1,
        "on_fail": on_fail,
        "fit": "a/d/m/forecast",
        "program": "stan/forecast.stan",
        "time_limit": None,
    }
    inputs: dict[str, Path | list[Path]] = {
        "source": source / "draws.nc",
        "diagnostics": source / "diagnostics.json",
        "data": write_json(source / "data.json", {}),
        "executable": folder / "program",
    }
    step = job(folder, "generate_quantities", arguments, inputs, {"quantities": "q.npz"})
    generate_quantities.run(step)
    return step


def test_of_a_failed_source_that_stops_nothing_is_made(tmp_path: Path) -> None:
    """No program runs; draws, summary and predictions say so; the check names what failed."""
    source = failed(tmp_path / "nuts")
    step = generate(tmp_path / "step", source, "stop")
    assert step.notes["not_made"].startswith("the fit failed its checks: R-hat")
    quantities = Quantities.read(tmp_path / "step/q.npz")
    generated(tmp_path / "forecast", source, quantities)
    assert list(read_group(tmp_path / "forecast/draws.nc", "posterior")) == ["mu"]
    assert read_csv(tmp_path / "forecast/summary.csv") == []
    checks = judged(tmp_path / "forecast", source)
    assert (checks["source"], checks["generated"]) == ("fail", "fail")
    content = json.loads((tmp_path / "forecast/diagnostics.json").read_text())
    (check,) = [c for c in content["checks"] if c["check"] == "source"]
    assert "nuts: rhat" in check["where"]
    predictive = predict(tmp_path / "forecast")
    assert (predictive["made"], "of the draws' own fit" in predictive["because"]) == (False, True)
    with pytest.raises(KeyError, match="executable"):  # nobody has opened a program
        generate(tmp_path / "flagged", source, "flag")


def test_a_warning_of_the_source_is_passed_on(tmp_path: Path) -> None:
    """A waived failure too: neither passes plainly."""
    source = fit(tmp_path / "nuts")
    path = source / "diagnostics.json"
    generated(tmp_path / "forecast", source, ahead(read_group(source / "draws.nc", "posterior")))
    for verdict in ("warn", "waived"):
        content = json.loads(path.read_text()) | {"verdict": verdict}
        write_json(path, content)
        assert judged(tmp_path / "forecast", source)["source"] == "warn"


def test_parameters_are_read_back_as_stan_writes_them(tmp_path: Path) -> None:
    """Arrays, matrices, tuples within arrays and complex numbers, each scalar under its name."""
    headers = [
        *("mu", "theta.1", "theta.2"),
        *("L.1.1", "L.2.1", "L.1.2", "L.2.2"),
        *("z.real", "z.imag", "w.1.real", "w.1.imag", "w.2.real", "w.2.imag"),
        *("t:1", "t:2.1", "t:2.2", "a.1:1", "a.1:2.1", "a.2:1", "a.2:2.1"),
        "y",
    ]
    rng = np.random.default_rng(3)
    chains = [dict(zip(headers, rng.normal(size=(len(headers), 6)), strict=True)) for _ in "ab"]
    names = ("mu", "theta", "L", "z", "w", "t", "a")
    parameters = tuple(Variable(name, "real", 0, ()) for name in names)
    declared = {
        "parameters": parameters,
        "transformed_parameters": (),
        "generated_quantities": (Variable("y", "real", 0, ()),),
    }
    inputs: dict[str, Path | list[Path]] = {
        "chains": write_chains(tmp_path, chains),
        "data": write_json(tmp_path / "data.json", {}),
        "meta": write_json(tmp_path / "meta.json", {"sizes": {}}),
    }
    nobody = dict.fromkeys(("observed", "replicated", "predicted"))
    requested = collecting(variables=declared, settings={"draws": 6}, **nobody)
    outputs = {"draws": "draws.nc", "summary": "summary.csv"}
    collect_draws.run(job(tmp_path, "collect_draws", requested, inputs, outputs))
    columns, values = read_parameters(tmp_path / "draws.nc", set(names))
    assert sorted(columns) == sorted(headers[:-1])
    assert columns[:13] == headers[:13]
    for index, column in enumerate(columns):
        np.testing.assert_array_equal(values[:, :, index], [c[column] for c in chains])
    assert read_parameters(tmp_path / "draws.nc", {"mu"})[0] == ["mu"]
    for container in containers(headers):
        shape = container.positions.shape
        again = stan_headers(container.pattern, shape, is_complex=container.complex)
        assert again == [headers[index] for index in container.positions.ravel()]


@pytest.mark.parametrize(
    ("parameter", "says"),
    [
        (Variable("s", "vector", 1, ("K",)), None),
        (Variable("s", "vector", 1, ("J",)), "`s` has 2 elements along its dimension 1, and the "
         "program declares J = 3"),
        (Variable("s", "vector", 1, ("K",), "vector", "0"), "in draw 2 of chain 1 `s[2]` is -0.5, "
         "and the program allows at least 0"),
        (Variable("s", "vector", 1, ("K",), "vector", "", "K / 4"), "in draw 1 of chain 1 `s[1]` "
         "is 1.0, and the program allows at most K / 4"),
        (Variable("s", "vector", 1, ("K",), "vector", "min(mu)"), None),
    ],
)  # fmt: skip
def test_draws_that_a_program_does_not_take(parameter: Variable, says: str | None) -> None:
    """Sizes and bounds by the program's data; a draw on the boundary is inside."""
    draws = np.array([[[1.0, 0.0], [0.0, -0.5]]])
    assert unlike([parameter], {"K": 2, "J": 3}, ["s.1", "s.2"], draws) == says
