"""What holds of every method of the catalogue, and that nothing else asks which one it is."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stanchion.checks.catalogue import CHECKS
from stanchion.config import load
from stanchion.draws.naming import BLOCKS
from stanchion.errors import DeclarationError, Fault, StepError
from stanchion.methods.catalogue import METHODS
from stanchion.methods.fixed_param import FixedParam
from stanchion.methods.method import Method
from stanchion.methods.nuts import Nuts
from stanchion.plan.catalogue import STEPS
from stanchion.plan.model import Facts, Plan
from stanchion.plan.planner import make_plan
from stanchion.stan.program import Program, Variable
from tests.unit.config_cases import changed, fault
from tests.unit.draws_cases import FOOTER, SAMPLE, job, table, variables, write_json
from tests.unit.steps_cases import collecting, diagnose, read_csv

ROOT = Path(__file__).parents[2]
EVERY = pytest.mark.parametrize("name", METHODS)
DRAWING = pytest.mark.parametrize(
    "name",
    [
        name
        for name, method in METHODS.items()
        if "draws" in method.model_fields and not (method.is_exact or method.is_external)
    ],
)
"""Those that run the model's program to draw: others take draws, or know the posterior."""
REQUIRED: dict[str, dict[str, Any]] = {
    "gq": {"of": "nuts"},
    "script": {"script": "scripts/m.py", "lock": "scripts/m.lock"},
    "draws": {"file": "data/d.nc", "sha256": "0" * 64},
}
"""Settings without which a method cannot be declared."""
NO_WORDS: dict[str, set[str]] = {
    "nuts": {"chains", "init"},
    "hmc": {"chains", "init"},
    "advi": {"resample", "init"},
    "pathfinder": {"resample", "init"},
    "laplace": {"resample", "starts", "iter", "init"},
    "optimize": {"starts", "init"},
    "fixed_param": set(),
    "auto": {"chains", "pathfinder"},
}
"""Settings that the plan or a later step reads, and the command line lacks."""


@EVERY
def test_a_method_is_declared_by_its_name(name: str) -> None:
    """Its section, its row and its file have one name; its checks and blocks are known ones."""
    method = METHODS[name](**REQUIRED.get(name, {}))
    assert method.method == name
    assert METHODS[name].__module__ == f"stanchion.methods.{name}"
    assert set(method.checks) <= CHECKS.keys()
    assert set(method.results) <= set(BLOCKS)
    declared = METHODS[name].model_fields.keys()
    assert declared >= {"models", "seed", "on_fail", *method.unkeyed}
    assert ("draws" in declared) == (not method.is_point and method.draws_of is None)
    assert ("time_limit" in declared) != (method.is_exact or bool(method.drawn_files))
    assert method.is_exact or method.time_limit is None


@DRAWING
def test_settings_make_the_method_again(name: str) -> None:
    """A step is given the settings as JSON, and has the method of them that the plan had."""
    size = "iter" if METHODS[name].is_point else "draws"
    method = METHODS[name].model_validate({size: 77})
    again = METHODS[name].model_validate(json.loads(json.dumps(method.settings)))
    assert again.command() == method.command()
    assert again.rows() == method.rows()
    assert again.settings == method.settings
    assert any(word.endswith("=77") for word in method.command())


@DRAWING
def test_every_setting_that_the_command_line_lacks_is_of_another_step(name: str) -> None:
    """A chain's key holds its words, so that a setting which changes draws must be one of them."""
    plain = METHODS[name]().command()
    others: dict[str, Any] = {
        "metric": "dense_e",
        "algorithm": "fullrank",
        "init": 0.5,
        "stepsize_jitter": 0.5,
        "pathfinder": {"paths": 7},
    }
    if name == "optimize":
        others["algorithm"] = "newton"
    for field, value in METHODS[name]().settings.items():
        other = others.get(field)
        if other is None:
            other = not value if isinstance(value, bool) else value * 0.9 if value < 1 else 7
        words = METHODS[name].model_validate({field: other}).command()
        assert (words == plain) == (field in NO_WORDS[name]), field


def test_only_the_files_of_methods_ask_which_method_it_is() -> None:
    """Nothing else compares the name of one, or looks for the class of one."""
    assert [str(index) for index in named_methods()] == []


def named_methods() -> Iterator[str]:
    """Yield where a comparison holds a method's name, and where isinstance names its class."""
    classes = {method.__name__ for method in METHODS.values()}
    for path in sorted((ROOT / "workflow/stanchion").rglob("*.py")):
        if path.parent.name == "methods":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare):
                sides = [part for side in (node.left, *node.comparators) for part in ast.walk(side)]
                values = {x.value for x in sides if isinstance(x, ast.Constant)}
                if values & METHODS.keys():
                    yield f"{path.name}:{node.lineno}"
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance":
                names = {x.id for x in ast.walk(node) if isinstance(x, ast.Name)}
                yield from [f"{path.name}:{node.lineno}"] if names & classes else []


DECLARED = """\
seed: 1
datasets: {size: {path: data/size.json}}
models: {m: {program: stan/m.stan}}
analyses:
  a: {datasets: [size], models: [m], methods: {METHOD: {}}}
"""
MU = (Variable("mu", "real", 0, ()),)
Y_SIM = (Variable("y_sim", "real", 0, ()),)


def planned(folder: Path, method: str, **blocks: tuple[Variable, ...]) -> Plan:
    """Return the plan of one fit of a program with these blocks."""
    program = Program(
        path="stan/m.stan",
        canonical="",
        data=(),
        parameters=(),
        transformed_parameters=(),
        generated_quantities=(),
        includes=(),
    )
    facts = Facts(
        programs={"m": replace(program, **blocks)},  # type: ignore[arg-type]
        files={"data/size.json": "0" * 64},
        compilers={"m": {"cpu": "x86-64"}},
        toolchain={},
        waivers={},
    )
    (folder / "config.yaml").write_text(DECLARED.replace("METHOD", method))
    return make_plan(load(folder / "config.yaml"), facts)


def refusal(folder: Path, method: str, **blocks: tuple[Variable, ...]) -> Fault:
    """Return the one fault of such a plan."""
    with pytest.raises(DeclarationError) as caught:
        planned(folder, method, **blocks)
    (only,) = caught.value.faults
    return only


@pytest.mark.parametrize("method", ["nuts", "hmc", "advi"])
def test_a_program_without_parameters_is_sent_to_fixed_param(tmp_path: Path, method: str) -> None:
    """There is no posterior, and no check of one that could be computed."""
    message = refusal(tmp_path, method, generated_quantities=Y_SIM)
    assert message.what.startswith("stan/m.stan has no parameters: there is nothing to ")
    assert message.key == f"analyses.a.methods.{method}"
    assert message.todo is not None and "`method: fixed_param`" in message.todo
    assert planned(tmp_path, "fixed_param", generated_quantities=Y_SIM).fits


def test_fixed_param_refuses_what_it_cannot_simulate(tmp_path: Path) -> None:
    """Parameters would stand at a random start; without generated quantities nothing is drawn."""
    message = refusal(tmp_path, "fixed_param", parameters=MU, generated_quantities=Y_SIM)
    assert "has parameters, which fixed_param leaves where they start" in message.what
    assert message.todo is not None and "`method: nuts`" in message.todo
    message = refusal(tmp_path, "fixed_param")
    assert "has no generated quantities" in message.what


def test_a_program_that_a_method_refuses_may_be_left_to_others(tmp_path: Path) -> None:
    """The message names the models that the method can fit; limited to these it is none."""
    facts = planned(tmp_path, "nuts", parameters=MU).facts
    empty = replace(facts.programs["m"], path="s.stan", parameters=(), generated_quantities=Y_SIM)
    facts = replace(
        facts,
        programs={**facts.programs, "simulated": empty},
        compilers={**facts.compilers, "simulated": {"cpu": "x86-64"}},
    )
    text = DECLARED.replace("{m: {", "{simulated: {program: s.stan}, m: {")
    text = text.replace("[m]", "[simulated, m]")
    path = tmp_path / "config.yaml"
    path.write_text(text.replace("METHOD: {}", "nuts: {}"))
    with pytest.raises(DeclarationError, match="there is nothing to sample") as caught:
        make_plan(load(path), facts)
    (message,) = caught.value.faults
    assert message.todo is not None and message.todo.endswith("; or limit it by `models: [m]`")
    methods = "nuts: {models: [m]}, fixed_param: {models: [simulated]}"
    path.write_text(text.replace("METHOD: {}", methods))
    fits = make_plan(load(path), facts).fits
    assert [(fit.model, fit.method) for fit in fits] == [
        ("simulated", "fixed_param"),
        ("m", "nuts"),
    ]


def test_a_simulation_is_one_job_held_to_all_that_it_draws(tmp_path: Path) -> None:
    """One CSV; every generated quantity is what the fit is for, so that none may lack a value."""
    plan = planned(tmp_path, "fixed_param", generated_quantities=Y_SIM)
    (chain,) = [step for step in plan if step.rule == "sample_chain"]
    assert "algorithm=fixed_param" in chain.arguments["command"]
    assert chain.arguments["rows"] == {"draws": 1000, "before": 0, "footer": True}
    diagnosis = plan.of(plan.fits[0], "diagnose_fit")
    assert diagnosis.arguments["uses"] == ["y_sim"]
    limits = {name for name, limit in diagnosis.arguments["checks"].items() if limit is not None}
    assert limits == set()


def test_a_comparison_is_of_posteriors(tmp_path: Path) -> None:
    """A simulation has no posterior that could predict better than another."""
    message = fault(tmp_path, changed("advi: {algorithm: meanfield,", "fixed_param: {"))
    assert "'fixed_param' draws from none" in message.what


SIMULATED = variables(
    transformed_parameters="real scale",
    generated_quantities="real y_sim; real same",
)


def simulate(folder: Path, draws: int = 400, **columns: Any) -> np.ndarray[Any, Any]:
    """Collect a simulation of y_sim, some columns exchanged, and return y_sim."""
    y = np.random.default_rng(1).normal(5, 2, draws)
    drawn = {"scale": 2.0, "y_sim": y, "same": 1.0, **columns}
    filled = {"lp__": 0.0, "accept_stat__": 0.0, **drawn}
    text = table({name: np.broadcast_to(values, draws) for name, values in filled.items()})
    (folder / "chain_1.csv").write_text(SAMPLE.format(draws=draws) + text + FOOTER)
    from stanchion.steps import collect_draws

    arguments = collecting(
        method="fixed_param",
        settings=FixedParam(draws=draws).settings,
        variables=SIMULATED,
        **dict.fromkeys(("observed", "replicated", "predicted")),
    )
    inputs: dict[str, Path | list[Path]] = {
        "chains": [folder / "chain_1.csv"],
        "data": write_json(folder / "data.json", {}),
        "meta": write_json(folder / "meta.json", {"sizes": {}}),
    }
    outputs = {"draws": "draws.nc", "summary": "summary.csv"}
    collect_draws.run(job(folder, "collect_draws", arguments, inputs, outputs))
    return y


def judged(folder: Path) -> dict[str, str]:
    """Return the verdict of each check of the simulation, and that of all."""
    diagnostics = diagnose(folder, "fixed_param", uses=["y_sim", "same"])
    return {check["check"]: check["verdict"] for check in diagnostics["checks"]} | {
        "all": diagnostics["verdict"]
    }


def test_a_simulation_has_the_errors_of_independent_draws(tmp_path: Path) -> None:
    """s/√S of the mean, as many effective draws as draws, no R-hat; a constant has no errors."""
    y = simulate(tmp_path)
    rows = {row["variable"]: row for row in read_csv(tmp_path / "summary.csv")}
    assert list(rows) == ["scale", "y_sim", "same"]
    assert float(rows["y_sim"]["mcse_mean"]) == pytest.approx(y.std() / 20)
    assert float(rows["y_sim"]["ess_bulk"]) == pytest.approx(400)
    assert rows["y_sim"]["rhat"] == rows["same"]["mcse_mean"] == ""


def test_a_simulation_is_judged_by_its_values_alone(tmp_path: Path) -> None:
    """Constant columns are no fault; convergence is neither passed nor failed."""
    simulate(tmp_path)
    assert judged(tmp_path) == {"finite": "pass", "generated": "pass", "all": "pass"}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_simulated_draw_without_value_fails(tmp_path: Path, value: float) -> None:
    """One draw of 400 is enough, of a generated quantity and of a transformed one."""
    bad = np.ones(400)
    bad[7] = value
    simulate(tmp_path, y_sim=bad)
    assert judged(tmp_path) == {"finite": "pass", "generated": "fail", "all": "fail"}
    simulate(tmp_path, scale=bad)
    assert judged(tmp_path) == {"finite": "fail", "generated": "pass", "all": "fail"}


def test_the_plan_asks_the_method(tmp_path: Path) -> None:
    """Jobs, threads and the words of the command line are what the method says."""
    plan = planned(tmp_path, "nuts", parameters=MU)
    chains = [step for step in plan if step.rule == "sample_chain"]
    assert len(chains) == Nuts().jobs == 4
    assert all(step.arguments["command"] == Nuts().command() for step in chains)
    assert {(step.memory, step.minutes) for step in chains} == {(Nuts.memory, Nuts.minutes)}
    diagnosis = plan.of(plan.fits[0], "diagnose_fit")
    row = STEPS["diagnose_fit"]
    assert (diagnosis.memory, diagnosis.minutes, diagnosis.threads) == (row.memory, row.minutes, 1)


@pytest.mark.parametrize(
    ("toolchain", "method", "exact"),
    [
        ("{}", "{}", True),
        ("{stanc: {O0: true, O1: false}, cpp: {STAN_NO_RANGE_CHECKS: false}}", "{}", True),
        ("{native: true}", "{}", False),
        ("{stanc: {O1: true}}", "{}", False),
        ("{stanc: {Oexperimental: true}}", "{}", False),
        ("{cpp: {CXXFLAGS: -ffast-math}}", "{}", False),
        ("{}", "{threads_per_chain: 2}", False),
    ],
)
def test_bytes_are_promised_for_plain_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toolchain: str, method: str, exact: bool
) -> None:
    """Where sums may come in another order, a chain that goes on is not said to have its bytes."""
    declared = f"toolchain: {toolchain}\n{DECLARED}".replace("METHOD: {}", f"nuts: {method}")
    monkeypatch.setitem(globals(), "DECLARED", declared)
    plan = planned(tmp_path, "nuts", parameters=MU)
    chains = [step for step in plan if step.rule == "sample_chain"]
    assert {step.unkeyed["saving"]["exact"] for step in chains} == {exact}


def test_a_methods_version_is_of_what_is_made_of_its_chains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A higher number makes weights and checks anew, and runs no chain again."""
    before = {step.key for step in planned(tmp_path, "nuts", parameters=MU)}
    monkeypatch.setattr(Nuts, "version", Nuts.version + 1)
    after = planned(tmp_path, "nuts", parameters=MU)
    result = {step.rule for step in after if step.key not in before}
    assert result == {"collect_draws", "diagnose_fit", "write_report", "check_verdicts"}


def test_a_job_of_another_version_of_a_method_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was planned before an installation does not run with what came after."""
    simulate(tmp_path)
    monkeypatch.setattr(FixedParam, "version", FixedParam.version + 1)
    for step in (simulate, judged):
        with pytest.raises(StepError, match="another version of Stanchion"):
            step(tmp_path)


def test_what_a_method_must_say_itself_is_not_taken_for_granted() -> None:
    """A file that leaves out the command line or the rows is no method."""
    for question in ("command", "rows"):
        with pytest.raises(NotImplementedError):
            getattr(Method.model_construct(), question)()
