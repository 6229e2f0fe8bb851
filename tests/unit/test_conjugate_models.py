"""Conjugate models: declared, checked against their tables, planned, drawn and judged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from stanchion.config import load
from stanchion.errors import DeclarationError, Fault, StepError
from stanchion.plan.argument_json import read_arguments
from stanchion.plan.catalogue import STEPS
from stanchion.plan.conjugate import family_program
from stanchion.plan.job import Job
from stanchion.plan.model import Facts, Plan, Step
from stanchion.plan.planner import make_plan
from stanchion.runs.check import check_plan
from stanchion.stan.program import Program, Variable
from stanchion.system.hashes import file_hash
from tests.unit.steps_cases import read_csv

TABLES = {
    "january": "clinic,y,n\na,3,20\nb,5,31\nc,0,8\n",
    "february": "clinic,y,n\na,2,18\nb,7,30\n",
    "march": "clinic,y,n\na,4,25\n",
    "whole": "clinic,y,n\na,3,20\nb,5,31\nc,0,8\na,2,18\nb,7,30\na,4,25\n",
}
BETA = "conjugate: {family: beta_binomial, successes: y, trials: n, prior: {a: 1, b: 1}}"
ANALYSIS = "{datasets: [january], models: [beta], methods: {conjugate: {}}}"


def with_sections(sections: str, analysis: str = ANALYSIS) -> str:
    """Return an analysis with more sections."""
    return f"{analysis[:-1]}, {sections}}}"


def declaration(model: str = BETA, analysis: str = ANALYSIS, models: str = "") -> str:
    tables = "\n".join(f"  {name}: {{path: {name}.csv}}" for name in TABLES)
    return (
        f"seed: 1\ndatasets:\n{tables}\nmodels:\n  beta: {{{model}}}\n{models}"
        f"analyses: {{a: {analysis}}}\n"
    )


def planned(folder: Path, text: str, **tables: str) -> Plan:
    """Return the plan of a declaration in a folder with the tables, some of them others."""
    for name, rows in {**TABLES, **tables}.items():
        (folder / f"{name}.csv").write_text(rows)
    (folder / "config.yaml").write_text(text.replace("path: ", f"path: {folder}/"))
    project = load(folder / "config.yaml")
    programs = {
        name: program() if model.program else family_program(project, name)
        for name, model in project.models.items()
    }
    files = {str(d.path): file_hash(Path(str(d.path))) for d in project.datasets.values()}
    compilers = {name: {"cpu": "x86-64"} for name in project.models}
    facts = Facts(programs, files, compilers, toolchain={}, waivers={})
    return make_plan(project, facts)


def program() -> Program:
    """Return a program with one parameter and nothing else."""
    mu = (Variable("mu", "real", 0, ()),)
    return Program("stan/m.stan", "", (), mu, (), (), ())


def refusals(folder: Path, text: str, **tables: str) -> list[Fault]:
    """Return the faults that `check` finds in a declaration."""
    with pytest.raises(DeclarationError) as caught:
        check_plan(planned(folder, text, **tables))
    return list(caught.value.faults)


def refusal(folder: Path, text: str, **tables: str) -> Fault:
    """Return the one fault that `check` finds."""
    (only,) = refusals(folder, text, **tables)
    return only


def done(plan: Plan, folder: Path) -> dict[str, Path]:
    """Run the steps of a plan's one fit here, and return their outputs by name."""
    outputs: dict[str, Path] = {}
    made: dict[str, Path] = {}
    for step in plan:
        if step.rule in ("prepare_data", "collect_draws", "diagnose_fit", "predict_outcomes"):
            paths = {n: folder / f"{step.rule}.{Path(p).name}" for n, p in step.outputs.items()}
            module = import_module(f"stanchion.steps.{step.rule}")
            module.run(job_of(step, paths, made, folder))
            made |= {step.outputs[name]: path for name, path in paths.items()}
            outputs |= paths
    return outputs


def job_of(step: Step, outputs: Mapping[str, Path], made: Mapping[str, Path], at: Path) -> Job[Any]:
    def path_of(paths: str | list[str]) -> Path | list[Path]:
        if isinstance(paths, list):
            return [made[path] for path in paths]
        return made.get(paths, Path(paths))

    arguments = {**step.arguments, **step.unkeyed}
    return Job(
        step=step.rule,
        key=step.key,
        arguments=read_arguments(STEPS[step.rule].arguments, arguments, step.rule),
        inputs={name: path_of(paths) for name, paths in step.inputs.items()},
        outputs=outputs,
        log=at / "log",
    )


def summary(outputs: Mapping[str, Path]) -> dict[str, dict[str, str]]:
    return {row["variable"]: row for row in read_csv(outputs["summary"])}


def group(outputs: Mapping[str, Path], name: str) -> xr.Dataset:
    with xr.open_dataset(outputs["draws"], group=name, engine="h5netcdf") as dataset:
        return dataset.load()


def test_a_model_has_a_program_or_a_family(tmp_path: Path) -> None:
    """Exactly one of the two, and the options of a program with a program alone."""
    neither = refusals(tmp_path, declaration("parameters: [theta]"))
    assert [fault.what for fault in neither] == ["a model needs 'program' or 'conjugate'"]
    both = refusal(tmp_path, declaration(f"program: m.stan, {BETA}"))
    assert both.what == "'program' and 'conjugate' exclude each other"
    assert both.key == "models.beta.conjugate"
    cpp = refusal(tmp_path, declaration(f"{BETA}, native: true"))
    assert (cpp.what, cpp.key) == ("'native' goes with 'program'", "models.beta.native")
    update = refusal(tmp_path, declaration("program: m.stan, update: [march]"))
    assert update.what == "'update' goes with 'conjugate'"


@pytest.mark.parametrize(
    ("old", "new", "what", "key"),
    [
        ("a: 1", "a: 0", "out of bounds", "prior.a"),
        ("a: 1", "a: -2", "out of bounds", "prior.a"),
        ("a: 1", "a: .nan", "not a finite number", "prior.a"),
        ("a: 1", "a: .inf", "not a finite number", "prior.a"),
        ("a: 1", "a: one", "wrong type: text", "prior.a"),
        ("a: 1, ", "", "'a' is missing", "prior.a"),
        ("a: 1", "a: 1, c: 2", "unknown key 'c'", "prior.c"),
        ("trials: n, ", "", "'trials' is missing", "trials"),
        ("trials: n", "trials: n, exposure: n", "unknown key 'exposure'", "exposure"),
        ("beta_binomial", "beta_binomal", "'beta_binomal' is not a family", "family"),
        ("family: beta_binomial, ", "", "'family' is missing", ""),
    ],
)
def test_a_bad_family_is_one_message(
    tmp_path: Path, old: str, new: str, what: str, key: str
) -> None:
    """Priors have bounds, keys are those of the family, and the line is named."""
    fault = refusal(tmp_path, declaration(BETA.replace(old, new)))
    assert fault.what.startswith(what), fault
    assert fault.key == f"models.beta.conjugate{'.' if key else ''}{key}"
    assert fault.where is not None
    assert fault.allowed not in (None, "any value")


@pytest.mark.parametrize(
    ("prior", "what"),
    [
        ("precision: 0", "not a prior's precision"),
        ("precision: [1, -1]", "not a prior's precision"),
        ("precision: [[1, 2], [0, 1]]", "a precision that is not symmetric"),
        ("precision: [[1, 2], [2, 1]]", "this matrix is no precision: it is not positive definite"),
        ("precision: [1, 1, 1]", "it is of 3 columns, and the data have 2"),
        ("precision: 1, mean: [0]", "it is of 1 columns, and the data have 2"),
        ("precision: 1, mean: [0, zero]", "not a prior's mean"),
    ],
)
def test_a_bad_prior_of_coefficients_is_one_message(tmp_path: Path, prior: str, what: str) -> None:
    """One number for all columns, one each, or for the precision a matrix of them."""
    mean = "" if "mean" in prior else ", mean: 0"
    family = "family: normal_inverse_gamma, y: y, X: [n, clinic_size]"
    model = f"conjugate: {{{family}, prior: {{{prior}{mean}, shape: 1, scale: 1}}}}"
    table = "y,n,clinic_size\n1,2,3\n2,3,1\n3,1,1\n"
    assert refusal(tmp_path, declaration(model), january=table).what == what


@pytest.mark.parametrize("wrong", ["beta", "other"])
def test_the_prior_of_each_model_is_held_to_data_that_models_share(
    tmp_path: Path, wrong: str
) -> None:
    """Models of one family and table share their data, not their priors."""
    family = "family: normal_inverse_gamma, y: y, X: [n, clinic_size]"
    sizes = {"beta": "[1, 1]", "other": "[1, 1]"} | {wrong: "[1, 1, 1]"}
    beta, other = (
        f"conjugate: {{{family}, prior: {{precision: {size}, mean: 0, shape: 1, scale: 1}}}}"
        for size in sizes.values()
    )
    analyses = f"{ANALYSIS}, b: {ANALYSIS.replace('[beta]', '[other]')}"
    text = declaration(beta, analyses, models=f"  other: {{{other}}}\n")
    fault = refusal(tmp_path, text, january="y,n,clinic_size\n1,2,3\n2,3,1\n3,1,1\n")
    assert fault.key == f"models.{wrong}.conjugate.prior.precision"
    assert fault.what == "it is of 3 columns, and the data have 2"


@pytest.mark.parametrize(
    ("old", "new", "what", "line", "value"),
    [
        ("5,31", "-5,31", "`successes` holds -5 at successes[2], column `y`", 3, -5),
        ("5,31", "32,31", "`successes` holds 32 at successes[2], column `y`", 3, 32),
        ("5,31", "5.5,31", "`successes` is declared int and holds 5.5, column `y`", 3, 5.5),
        ("0,8", "0,-1", "`successes` holds 0 at successes[3], column `y`", 4, 0),
        ("5,31", "9007199254740993,31", "`successes` holds 9007199254740993, more", 3, None),
    ],
)
def test_check_names_the_cell_of_bad_data(
    tmp_path: Path, old: str, new: str, what: str, line: int, value: Any
) -> None:
    """Row, column and value of what a family cannot have, before anything runs."""
    table = TABLES["january"].replace(old, new)
    faults = refusals(tmp_path, declaration(), january=table)
    fault = next(fault for fault in faults if fault.key == "models.beta.conjugate.successes")
    assert fault.what.startswith(what)
    assert fault.where == f"{tmp_path}/january.csv:{line}"
    assert value is None or fault.value == value


def test_check_names_the_cell_of_an_update(tmp_path: Path) -> None:
    """Rows that come later are held to the same, in their own file."""
    model = f"{BETA}, update: [february, march]"
    fault = refusal(tmp_path, declaration(model), march="clinic,y,n\na,26,25\n")
    assert fault.where == f"{tmp_path}/march.csv:2"
    assert fault.value == 26
    fault = refusal(tmp_path, declaration(model), february="clinic,y\na,2\n")
    assert fault.what == f"{tmp_path}/february.csv has no column `n`"
    fault = refusal(tmp_path, declaration(f"{BETA}, update: [january]"))
    assert fault.what == "dataset 'january' is what the analysis fits"
    fault = refusal(tmp_path, declaration(BETA.replace("n,", "size,")))
    assert fault.what == f"{tmp_path}/january.csv has no column `size`"
    assert fault.key == "models.beta.conjugate.trials"
    fault = refusal(tmp_path, declaration(), january="clinic,y,n\n")
    assert fault.what == f"{tmp_path}/january.csv has no rows"


def test_exposure_and_known_deviation_are_above_zero(tmp_path: Path) -> None:
    """A bound that is itself out has a message of its kind, for a column and for one number."""
    table = "y,e\n1,0.5\n0,0\n"
    poisson = (
        "conjugate: {family: gamma_poisson, counts: y, exposure: e, prior: {shape: 1, rate: 1}}"
    )
    fault = refusal(tmp_path, declaration(poisson), january=table)
    assert (fault.where, fault.allowed) == (
        f"{tmp_path}/january.csv:3",
        "more than 0, by the family",
    )
    normal = "conjugate: {family: normal, y: y, sd: 0, prior: {mean: 0, sd: 1}}"
    fault = refusal(tmp_path, declaration(normal), january=table)
    assert fault.what == "`sd` holds 0"


def test_rows_are_counted_once(tmp_path: Path) -> None:
    """A dataset of the same rows of the same file is refused; other rows of it are not."""
    model = f"{BETA}, update: [again]"
    text = declaration(model).replace("datasets:\n", "datasets:\n  again: {path: january.csv}\n")
    fault = refusal(tmp_path, text)
    assert fault.key == "models.beta.update[0]"
    assert fault.what.startswith("dataset 'again' has rows that are counted already")
    by_clinic = text.replace("path: january.csv}", "path: january.csv, where: {clinic: [a]}}", 1)
    check_plan(planned(tmp_path, by_clinic))


def test_one_category_is_refused(tmp_path: Path) -> None:
    """Its probability is one, and there is nothing to estimate."""
    model = "conjugate: {family: dirichlet_multinomial, counts: [y], prior: {concentration: 1}}"
    fault = refusal(tmp_path, declaration(model))
    assert (fault.what, fault.allowed) == ("`K` holds 1", "at least 2, by the family")


@pytest.mark.parametrize(
    ("values", "prior"),
    [
        ("1e200", "{mean: 0, sd: 1}"),
        ("1", "{mean: 0, sd: 1.0e-200}"),
    ],
)
def test_numbers_beyond_what_a_double_holds_stop_the_step(
    tmp_path: Path, values: str, prior: str
) -> None:
    """One message and no posterior where squares overflow, in `check` and in the step."""
    model = f"conjugate: {{family: normal, y: y, sd: 1, prior: {prior}}}"
    plan = planned(tmp_path, declaration(model), january=f"y\n{values}\n")
    with pytest.raises(StepError, match="cannot be computed from these data"):
        done(plan, tmp_path)


def test_columns_that_depend_on_each_other_are_named_by_check(tmp_path: Path) -> None:
    """A design that leaves no digit of the coefficients is refused before anything runs."""
    table = "y,a,b\n1,1,2\n2,2,4\n3,3,6\n"
    prior = "prior: {mean: 0, precision: 1.0e-13, shape: 1, scale: 1}"
    model = f"conjugate: {{family: normal_inverse_gamma, y: y, X: [a, b], {prior}}}"
    fault = refusal(tmp_path, declaration(model), january=table)
    assert fault.what.startswith("columns of X depend on each other")
    assert fault.key == "models.beta.conjugate.prior"
    assert fault.where is not None
    check_plan(planned(tmp_path, declaration(model.replace("1.0e-13", "1")), january=table))


@pytest.mark.parametrize(
    "family",
    [
        "normal, y: y, sd: 1, prior: {mean: 0, sd: 1}",
        "normal_inverse_gamma, y: y, prior: {mean: 0, precision: 1, shape: 1, scale: 1}",
        "normal_inverse_gamma, y: y, prior: {mean: 1.0e200, precision: 1, shape: 1, scale: 1}",
    ],
)
def test_squares_that_overflow_are_refused_by_check(tmp_path: Path, family: str) -> None:
    """What no double holds is one message before anything runs, that names the prior's line."""
    model = f"conjugate: {{family: {family}}}"
    fault = refusal(tmp_path, declaration(model), january="y\n1e200\n-1e200\n")
    assert fault.what.startswith(f"the posterior of {family.split(',')[0]} cannot be computed")
    assert fault.key == "models.beta.conjugate.prior" and fault.todo


def test_an_evidence_that_no_double_holds_is_left_out_and_fails(tmp_path: Path) -> None:
    """Overflow in a sum of squares gives no number, a note, and a fit that does not pass."""
    prior = "prior: {mean: 0, precision: 1, shape: 1, scale: 1}"
    model = f"conjugate: {{family: normal_inverse_gamma, y: y, {prior}}}"
    plan = planned(tmp_path, declaration(model), january="y\n1e200\n-1e200\n")
    diagnostics = json.loads(done(plan, tmp_path)["diagnostics"].read_text())
    assert diagnostics["verdict"] == "fail"
    assert diagnostics.get("log_evidence") is None
    assert any("log marginal likelihood is beyond" in note for note in diagnostics["notes"])


def test_estimates_stand_beside_exact_numbers(tmp_path: Path) -> None:
    """What the summary has no exact number for is estimated, with its Monte Carlo error."""
    plan = planned(tmp_path, declaration(f"{BETA}, parameters: [theta, y_rep]"))
    rows = summary(done(plan, tmp_path))
    assert list(rows) == ["theta", "y_rep[1]", "y_rep[2]", "y_rep[3]"]
    assert (rows["theta"]["mcse_mean"], rows["theta"]["mean"]) == ("", str(9 / 61))
    error = float(rows["y_rep[1]"]["mcse_mean"])
    assert abs(float(rows["y_rep[1]"]["mean"]) - 20 * 9 / 61) < 5 * error
    assert float(rows["y_rep[1]"]["ess_bulk"]) == pytest.approx(4000)


def test_a_pair_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    """A sampler on a family, the exact method on a program: the message names `models:`."""
    both = "  stan: {program: m.stan}\n"
    analysis = "{datasets: [january], models: [beta, stan], methods: {METHODS}}"
    models = declaration(analysis=analysis, models=both).replace(
        "january: {path: january.csv}", "january: {path: january.csv, stan: {N: nrow()}}"
    )
    with pytest.raises(DeclarationError) as caught:
        planned(tmp_path, models.replace("METHODS", "nuts: {}, conjugate: {}"))
    first, second = caught.value.faults
    assert first.key == "analyses.a.methods.nuts"
    assert first.what == (
        "the family beta_binomial is conjugate, and has no program that this method could run"
    )
    assert (first.todo or "").endswith("; or limit it by `models: [stan]`")
    assert second.key == "analyses.a.methods.conjugate"
    assert (second.todo or "").endswith("; or limit it by `models: [beta]`")
    limited = "nuts: {models: [stan]}, conjugate: {models: [beta]}"
    plan = planned(tmp_path, models.replace("METHODS", limited))
    assert [fit.name for fit in plan.fits] == ["a/january/beta/conjugate", "a/january/stan/nuts"]


def test_a_conjugate_fit_has_no_chains_and_no_program(tmp_path: Path) -> None:
    """Its steps are the data, the draws, the verdict; a prior stales the draws and no data."""
    plan = planned(tmp_path, declaration())
    assert [step.rule for step in plan] == [
        "prepare_data",
        "collect_draws",
        "diagnose_fit",
        "write_report",
        "check_verdicts",
    ]
    other = planned(tmp_path, declaration(BETA.replace("a: 1", "a: 2")))
    keys = [{step.rule: step.key for step in p} for p in (plan, other)]
    assert keys[0]["prepare_data"] == keys[1]["prepare_data"]
    assert keys[0]["collect_draws"] != keys[1]["collect_draws"]


def test_a_prior_is_not_drawn_from(tmp_path: Path) -> None:
    """`prior_predictive` goes with programs, and says so."""
    analysis = with_sections("prior_predictive: {}")
    fault = refusal(tmp_path, declaration(analysis=analysis))
    assert fault.what == "the prior of a conjugate model is not drawn from: beta"


def test_the_summary_is_exact(tmp_path: Path) -> None:
    """Moments, quantiles and HDI are those of the beta distribution; no Monte Carlo column."""
    analysis = with_sections("intervals: {prob: 0.8, kind: hdi}")
    outputs = done(planned(tmp_path, declaration(analysis=analysis)), tmp_path)
    rows = summary(outputs)
    assert list(rows) == ["theta"]
    beta = stats.beta(1 + 8, 1 + 59 - 8)
    row = {
        name: float(value)
        for name, value in rows["theta"].items()
        if value and name not in ("variable", "label")
    }
    expected = {
        "mean": beta.mean(),
        "median": beta.median(),
        "sd": beta.std(),
        "q5": beta.ppf(0.05),
        "q95": beta.ppf(0.95),
    }
    assert row == pytest.approx({**row, **expected}, rel=1e-12)
    assert beta.cdf(row["hdi80_upper"]) - beta.cdf(row["hdi80_lower"]) == pytest.approx(0.8)
    assert beta.pdf(row["hdi80_upper"]) == pytest.approx(beta.pdf(row["hdi80_lower"]), rel=1e-6)
    assert not {"mcse_mean", "mcse_sd", "ess_bulk", "ess_tail", "rhat"} & row.keys()
    diagnostics = json.loads(outputs["diagnostics"].read_text())
    assert diagnostics["verdict"] == "pass"
    evidence = sum(stats.betabinom.logpmf(3, 20, 1, 1) for _ in [0])
    evidence += stats.betabinom.logpmf(5, 31, 4, 18) + stats.betabinom.logpmf(0, 8, 9, 44)
    assert diagnostics["log_evidence"] == pytest.approx(evidence, abs=1e-10)
    assert group(outputs, "posterior").attrs["log_evidence"] == diagnostics["log_evidence"]


def test_groups_are_those_that_something_uses(tmp_path: Path) -> None:
    """Replications and log_lik where they are declared to be used; the draws are the same."""
    bare = done(planned(tmp_path, declaration()), tmp_path)
    (tmp_path / "more").mkdir()
    used = "posterior_predictive: {observed: successes, replicated: y_rep}"
    analysis = with_sections(f"predict: {{variable: y_new, dataset: march}}, {used}")
    full = done(planned(tmp_path / "more", declaration(analysis=analysis)), tmp_path / "more")
    draws = [group(outputs, "posterior")["theta"].values for outputs in (bare, full)]
    assert draws[0].shape == (1, 4000)
    assert draws[0].tobytes() == draws[1].tobytes()
    assert abs(draws[0].mean() - 9 / 61) < 5 * draws[0].std() / 4000**0.5
    assert group(full, "posterior_predictive")["successes"].shape == (1, 4000, 3)
    assert group(full, "predictions")["y_new"].shape == (1, 4000, 1)
    new = group(full, "predictions")["y_new"].values
    assert abs(new.mean() - 25 * 9 / 61) < 5 * new.std() / 4000**0.5
    assert group(full, "log_likelihood")["successes"].shape == (1, 4000, 3)
    assert group(full, "observed_data")["successes"].values.tolist() == [3, 5, 0]
    assert group(full, "constant_data")["trials"].values.tolist() == [20, 31, 8]
    assert not group(bare, "constant_data")["trials"].attrs
    lp = group(bare, "sample_stats")["lp"].values
    theta = draws[0]
    joint = stats.binom.logpmf([[3], [5], [0]], [[20], [31], [8]], theta).sum(axis=0)
    assert lp[0] == pytest.approx(joint, abs=1e-9)
    assert json.loads(full["predictive"].read_text())["loo_pit"] is not None


def test_an_answer_generates_what_it_is_of(tmp_path: Path) -> None:
    """A question of a parameter leaves the draws as they are; one of replications has them made."""
    bare = planned(tmp_path, declaration())
    known = {step.key for step in bare}
    asking = {
        source: planned(
            tmp_path,
            declaration(analysis=with_sections(f"answers: {{q: {{quantity: {source}}}}}")),
        )
        for source in ("theta", "mean(y_rep)")
    }
    rules = {
        source: {step.rule for step in plan if step.key not in known}
        for source, plan in asking.items()
    }
    assert rules["theta"] == {"answer_questions", "write_report", "check_verdicts"}
    drawing = {"collect_draws", "diagnose_fit"}
    assert rules["theta"] | drawing <= rules["mean(y_rep)"]
    outputs = done(asking["mean(y_rep)"], tmp_path)
    assert group(outputs, "posterior")["y_rep"].shape == (1, 4000, 3)


def test_a_stream_is_one_batch_to_the_byte(tmp_path: Path) -> None:
    """The rows of three files give the bytes of the summary that one file of them gives."""
    outputs = []
    for name, model, dataset in (
        ("stream", f"{BETA}, update: [february, march]", "january"),
        ("batch", BETA, "whole"),
    ):
        (tmp_path / name).mkdir()
        analysis = ANALYSIS.replace("january", dataset).replace(
            "{conjugate: {}}", "{conjugate: {seed: 3}}"
        )
        plan = planned(tmp_path / name, declaration(model, analysis))
        outputs.append(done(plan, tmp_path / name))
    assert outputs[0]["summary"].read_bytes() == outputs[1]["summary"].read_bytes()
    assert outputs[0]["data"].read_bytes() == outputs[1]["data"].read_bytes()
    draws = [group(made, "posterior")["theta"].values.tobytes() for made in outputs]
    assert draws[0] == draws[1]
    updates = json.loads(outputs[0]["diagnostics"].read_text())["updates"]
    assert [(entry["dataset"], entry["rows"]) for entry in updates] == [
        ("january", 3),
        ("february", 2),
        ("march", 1),
    ]
    first = updates[0]["parameters"]["theta"]
    assert first["mean"] == pytest.approx(9 / 61)
    assert first["q95"] == pytest.approx(stats.beta.ppf(0.95, 9, 52))
    assert updates[2]["parameters"]["theta"]["mean"] == float(summary(outputs[1])["theta"]["mean"])
    assert "updates" not in json.loads(outputs[1]["diagnostics"].read_text())


def test_a_stream_of_a_regression_is_one_batch_to_the_byte(tmp_path: Path) -> None:
    """One exact sum over all rows, so that the normal families' bytes are the same too."""
    generator = np.random.default_rng(5)
    rows = [f"{y},{x}" for y, x in generator.normal(3, 2, (40, 2)).tolist()]
    tables = {
        name: "\n".join(["y,x", *part]) + "\n"
        for name, part in {
            "january": rows[:13],
            "february": rows[13:14],
            "march": rows[14:],
            "whole": rows,
        }.items()
    }
    prior = "prior: {mean: 0, precision: 0.1, shape: 1, scale: 1}"
    family = f'family: normal_inverse_gamma, y: y, X: design("~ x"), {prior}'
    texts = []
    for name, update, dataset in (
        ("stream", ", update: [february, march]", "january"),
        ("batch", "", "whole"),
    ):
        (tmp_path / name).mkdir()
        model = f"conjugate: {{{family}}}{update}"
        analysis = ANALYSIS.replace("january", dataset)
        plan = planned(tmp_path / name, declaration(model, analysis), **tables)
        texts.append(done(plan, tmp_path / name)["summary"].read_bytes())
    assert texts[0] == texts[1]
    assert texts[0].splitlines()[1].startswith(b"beta[1],")
    assert [line.split(b",")[0] for line in texts[0].splitlines()[3:]] == [b"sigma2", b"sigma"]


def test_a_moment_that_does_not_exist_is_empty_and_noted(tmp_path: Path) -> None:
    """Student's t with 1.5 degrees of freedom has no sd: an empty field, a note, no number."""
    prior = "prior: {mean: 0, precision: 1, shape: 0.25, scale: 1}"
    model = f"conjugate: {{family: normal_inverse_gamma, y: y, {prior}}}"
    outputs = done(planned(tmp_path, declaration(model), january="y\n2\n"), tmp_path)
    rows = summary(outputs)
    assert (rows["mu"]["mean"], rows["mu"]["sd"]) == ("1.0", "")
    assert (rows["sigma2"]["mean"], rows["sigma2"]["sd"]) == ("", "")
    assert rows["sigma"]["mean"] != ""
    assert rows["sigma2"]["q95"] != ""
    notes = json.loads(outputs["diagnostics"].read_text())["notes"]
    assert "the posterior has no finite sd, which is left empty: mu, sigma2, sigma" in notes
    assert "the posterior has no finite mean, which is left empty: sigma2" in notes


def test_draws_that_no_double_can_tell_apart_fail(tmp_path: Path) -> None:
    """A posterior narrower than the spacing of numbers has one draw over and over: no pass."""
    model = BETA.replace("a: 1, b: 1", "a: 1.0e+40, b: 1.0e+40")
    diagnostics = json.loads(
        done(planned(tmp_path, declaration(model)), tmp_path)["diagnostics"].read_text()
    )
    assert diagnostics["verdict"] == "fail"
    assert {c["check"]: c["verdict"] for c in diagnostics["checks"]}["constant"] == "fail"


def test_every_family_runs(tmp_path: Path) -> None:
    """Declared over columns, each family passes with a summary of its parameters."""
    table = "y,n,e,x,z\n1,5,0.5,0.1,3\n0,4,2.0,-1.5,1\n1,9,1.0,2.5,4\n"
    families = {
        "family: beta_bernoulli, outcome: y, prior: {a: 1, b: 2}": ["theta"],
        "family: beta_binomial, successes: y, trials: 9, prior: {a: 1, b: 2}": ["theta"],
        "family: gamma_poisson, counts: n, prior: {shape: 1, rate: 2}": ["lambda"],
        "family: gamma_poisson, counts: n, exposure: e, prior: {shape: 1, rate: 2}": ["lambda"],
        "family: normal, y: x, sd: e, prior: {mean: 1, sd: 2}": ["mu"],
        "family: normal_inverse_gamma, y: x, X: [e, z], "
        "prior: {mean: [0, 1], precision: [[2, 1], [1, 2]], shape: 3, scale: 2}": [
            "beta[1]",
            "beta[2]",
            "sigma2",
            "sigma",
        ],
        "family: dirichlet_multinomial, counts: [y, n, z], prior: {concentration: [1, 2, 3]}": [
            "theta[1]",
            "theta[2]",
            "theta[3]",
        ],
    }
    for position, (family, names) in enumerate(families.items()):
        folder = tmp_path / str(position)
        folder.mkdir()
        observed = family.split(",")[1].split(":")[0].strip()
        used = f"posterior_predictive: {{observed: {observed}, replicated: y_rep}}"
        analysis = with_sections(used)
        plan = planned(folder, declaration(f"conjugate: {{{family}}}", analysis), january=table)
        check_plan(plan)
        outputs = done(plan, folder)
        rows = summary(outputs)
        assert list(rows) == names
        assert all(row["mean"] and row["q5"] and not row["rhat"] for row in rows.values())
        assert json.loads(outputs["diagnostics"].read_text())["verdict"] == "pass"
        predictive = json.loads(outputs["predictive"].read_text())
        assert predictive["statistics_because"] is None
        lik = group(outputs, "log_likelihood")
        assert np.isfinite(lik[observed].values).all()


@pytest.mark.parametrize(
    ("rows", "todo"),
    [
        ("a,0.5,20\n", "correct the value, or use a family of real outcomes, such as normal"),
        ("a,21,20\n", "correct the value, or name another column"),
    ],
)
def test_data_that_a_family_cannot_have_say_a_way_out(tmp_path: Path, rows: str, todo: str) -> None:
    """A family has no declaration to change, as a program has."""
    (fault,) = refusals(tmp_path, declaration(), january=f"clinic,y,n\n{rows}")
    assert (fault.where or "").endswith("january.csv:2")
    assert fault.todo == todo
