"""The plan: what enters a step's key, and what does not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stanchion.config import load
from stanchion.errors import DeclarationError, Fault
from stanchion.plan.arguments import Waiver
from stanchion.plan.job import JobFile
from stanchion.plan.keys import key_of
from stanchion.plan.model import Facts, Plan, Step
from stanchion.plan.planner import make_plan
from stanchion.provenance.records import open_record
from stanchion.runs.check import check_plan
from stanchion.stan.program import Program, Variable
from stanchion.system.writing import write_whole

CONFIG = """\
project: plan
seed: 3
datasets:
  points:
    path: data/points.csv
    columns: {y: {type: real}}
    stan: {N: nrow(), y: y}
models:
  wide: {program: stan/wide.stan}
  narrow: {program: stan/narrow.stan}
analyses:
  means:
    datasets: [points]
    models: [wide, narrow]
    methods:
      nuts: {chains: 2}
      advi: {}
    prior_predictive: {draws: 100}
    posterior_predictive: {observed: y, replicated: y_rep}
    compare: {by: loo}
"""


def program(path: str) -> Program:
    y = Variable("y", "real", 1, ("N",))
    return Program(
        path=path,
        canonical=f"// canonical text of {path}",
        data=(Variable("N", "int", 0, ()), y, Variable("prior_only", "int", 0, ())),
        parameters=(Variable("mu", "real", 0, ()),),
        transformed_parameters=(),
        generated_quantities=(replace(y, name="log_lik"), replace(y, name="y_rep")),
        includes=(),
    )


FACTS = Facts(
    programs={name: program(f"stan/{name}.stan") for name in ("wide", "narrow")},
    files={"data/points.csv": "0" * 64},
    compilers={name: {"stan": "2.39.0"} for name in ("wide", "narrow")},
    toolchain={"stan": "2.39.0"},
    waivers={},
)
Planned = Callable[..., Plan]


@pytest.fixture
def planned(tmp_path: Path) -> Planned:
    def make(old: str = "", new: str = "", facts: Facts = FACTS) -> Plan:
        assert old in CONFIG
        path = tmp_path / "config.yaml"
        path.write_text(CONFIG.replace(old, new, 1) if old else CONFIG)
        return make_plan(load(path), facts)

    return make


def keys(plan: Plan) -> set[str]:
    """Return the keys of a plan's steps."""
    return {step.key for step in plan}


def changed(before: Plan, after: Plan) -> set[str]:
    """Rules of the steps that are in `after` with a key that `before` does not have."""
    known = keys(before)
    return {step.rule for step in after if step.key not in known}


AFTER_DIAGNOSIS = {
    "diagnose_fit",
    "predict_outcomes",
    "compare_models",
    "write_report",
    "check_verdicts",
}
AFTER_SAMPLING = {"collect_draws", *AFTER_DIAGNOSIS}
SAMPLING = {"sample_prior", "sample_chain"}
AFTER_COMPILING = SAMPLING | AFTER_SAMPLING
COMPILING = {"compile_program"} | AFTER_COMPILING


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        ("project: plan", "project: plan\nabout: {author: nobody}", set()),
        ("project: plan\nseed: 3", "seed: 3\nproject: plan", set()),
        ("nuts: {chains: 2}", "nuts: {chains: 2, adapt_delta: 0.8}", set()),
        ("nuts: {chains: 2}", "nuts: {chains: 2, time_limit: 2h}", set()),
        ("nuts: {chains: 2}", "nuts: {chains: 2, threads_per_chain: 2}", {"compile_program"}),
        ("project: plan", "project: other", {"write_report", "check_verdicts"}),
        ("    compare:", "    checks: {rhat: 1.05}\n    compare:", AFTER_DIAGNOSIS),
        ("    compare:", "    keep: [csv]\n    compare:", set()),
        ("    compare:", "    keep: [metric]\n    compare:", AFTER_SAMPLING),
        ("    compare:", "    keep: [warmup]\n    compare:", {"sample_chain"} | AFTER_SAMPLING),
        ("draws: 100", "draws: 200", {"sample_prior"} | AFTER_SAMPLING),
        ("seed: 3", "seed: 4", SAMPLING | AFTER_SAMPLING),
        ("type: real", "type: real, lower: 0", {"prepare_data"} | SAMPLING | AFTER_SAMPLING),
        ("seed: 3", "seed: 3\ntoolchain: {stanc: {O1: true}}", COMPILING),
        ("seed: 3", "seed: 3\ntoolchain: {cpp: {STAN_CPP_OPTIMS: true}}", COMPILING),
        ("seed: 3", "seed: 3\ntoolchain: {native: false, stanc: {O1: false}}", set()),
        ("wide.stan}", "wide.stan, cpp: {O: 2}}", COMPILING),
        ("wide.stan}", "wide.stan, stanc: {O1: false}, threads: false}", set()),
    ],
)
def test_what_a_change_stales(planned: Planned, old: str, new: str, rules: set[str]) -> None:
    """A changed declaration changes the keys of the steps that depend on it, and no other."""
    after = planned(old, new)
    if "threads" in new:
        assert rules <= changed(planned(), after)
    else:
        assert changed(planned(), after) == rules


PLAIN = "compare: {by: loo}"
ANSWERS = 'compare: {by: loo}\n    answers: {"Is it?": {probability: "mu > 0"}}'
AFTER_ANSWERS = {"answer_questions", "write_report", "check_verdicts"}


@pytest.mark.parametrize("tables", [False, True])
def test_questions_stale_what_answers_them(planned: Planned, tables: bool) -> None:
    """Asking, asking otherwise and asking no more: answers, report, tables and gate; no fit."""
    after = AFTER_ANSWERS | ({"write_tables"} if tables else set())
    written = "\n    tables: [docx]" if tables else ""
    plain, asked = (planned("compare: {by: loo}", f"{text}{written}") for text in (PLAIN, ANSWERS))
    otherwise = [
        planned("compare: {by: loo}", f"{text}{written}")
        for text in (
            ANSWERS.replace("mu > 0", "mu > 1"),
            ANSWERS.replace("Is it?", "Is it so?"),
            ANSWERS.replace('probability: "mu > 0"', "quantity: mu"),
        )
    ]
    assert changed(plain, asked) == after
    assert changed(asked, plain) == after - {"answer_questions"}
    for one in otherwise:
        assert changed(asked, one) == after


def test_stacked_answers_wait_for_the_comparison(planned: Planned) -> None:
    """Only what needs its weights has them among its inputs, and goes stale with them."""
    stacked = ANSWERS.replace('"mu > 0"}', '"max(y_rep) > 0", stacked: true}')
    for text, names in ((ANSWERS, set()), (stacked, {"comparison", "judgement"})):
        plan = planned("compare: {by: loo}", text)
        (step,) = (step for step in plan if step.rule == "answer_questions")
        assert step.inputs.keys() == {"draws", "diagnostics", *names}


def test_a_models_options_stale_its_own_fits(planned: Planned) -> None:
    """Another option of one model compiles that program again and leaves other models alone."""
    before, after = planned(), planned("wide.stan}", "wide.stan, stanc: {O1: true}}")
    keys = {step.key for step in before}
    new = [step for step in after if step.key not in keys]
    assert {step.wildcards.get("model") for step in new} == {"wide", None}
    (compiled,) = [step for step in new if step.rule == "compile_program"]
    assert compiled.arguments["stanc"] == {"O1": True}


def test_a_native_build_is_recorded_with_its_processor(planned: Planned) -> None:
    """What a native program was compiled for is told to its step, and is a part of its key."""

    def compiled(cpu: str) -> Step:
        wide = {**FACTS.compilers["wide"], "cpu": cpu}
        facts = replace(FACTS, compilers={**FACTS.compilers, "wide": wide})
        plan = planned("wide.stan}", "wide.stan, native: true}", facts)
        return next(s for s in plan if s.rule == "compile_program" and s.arguments["native"])

    first, other = compiled("znver3-0123"), compiled("skylake-4567")
    assert first.made_of["content"]["compiler"]["cpu"] == first.unkeyed["cpu"] == "znver3-0123"
    assert first.key != other.key


def test_threads_of_a_chain_are_reserved_and_in_no_key(planned: Planned) -> None:
    """`threads_per_chain` is what each chain's job reserves; the draws do not depend on it."""
    two, four = (planned("chains: 2", f"chains: 2, threads_per_chain: {n}") for n in (2, 4))
    threads = {s.wildcards["method"]: s.threads for s in four if s.rule == "sample_chain"}
    assert threads == {"nuts": 4, "advi": 1}
    assert {s.unkeyed["threads"] for s in four if s.threads > 1} == {4}
    assert {s.threads for s in four if s.rule != "sample_chain"} == {1}
    assert all(s.arguments["threads"] for s in four if s.rule == "compile_program")
    assert changed(two, four) == {"write_report", "check_verdicts"}


def test_what_is_kept_of_a_run_stales_the_fits_that_have_it(planned: Planned) -> None:
    """An approximation has neither warm-up nor metric: its draws stay as they are."""
    before, after = planned(), planned("    compare:", "    keep: [metric, warmup]\n    compare:")
    keys = {step.key for step in before}
    sampled = [s for s in after if s.rule in ("sample_chain", "collect_draws")]
    assert {s.wildcards["method"] for s in sampled if s.key not in keys} == {"nuts"}
    chain = next(s for s in sampled if s.rule == "sample_chain" and s.key not in keys)
    assert "save_warmup=1" in chain.arguments["command"]
    assert chain.arguments["rows"]["before"] == 1000
    collected = next(s for s in sampled if s.rule == "collect_draws" and s.key not in keys)
    assert collected.arguments["keep"] == ["metric", "warmup"]


def test_draws_hold_the_prior_where_one_is_declared(planned: Planned) -> None:
    """They follow the prior of their own model, and its checks; without one they read none."""
    for step in planned():
        if step.rule == "collect_draws":
            followed = {s.rule: s.wildcards for s in step.upstream}
            assert followed["sample_prior"]["model"] == step.wildcards["model"]
            folder = Path(step.outputs["draws"]).parents[1]
            assert step.inputs["prior"] == str(folder / "prior.nc")
            assert step.inputs["prior_checks"] == str(folder / "prior.json")
    for step in planned("    prior_predictive: {draws: 100}\n", ""):
        assert not {"prior", "prior_checks"} & step.inputs.keys()


def test_resampling_is_decided_after_the_approximation(planned: Planned) -> None:
    """`resample: false` changes how draws are collected, and approximates nothing again."""
    after = changed(planned(), planned("advi: {}", "advi: {resample: false}"))
    assert after == {"collect_draws", *AFTER_DIAGNOSIS}


@pytest.mark.parametrize("first", ["nuts", "advi"])
def test_an_approximation_is_held_to_the_fits_by_nuts(planned: Planned, first: str) -> None:
    """Its diagnosis follows the draws and verdicts of all of them, however they are declared."""
    methods = "      nuts: {chains: 2}\n      advi: {}\n"
    dense = "      dense: {method: nuts, metric: dense_e}\n"
    order = methods if first == "nuts" else "      advi: {}\n      nuts: {chains: 2}\n"
    plan = planned(methods, order + dense)
    for step in plan:
        if step.rule != "diagnose_fit":
            continue
        approximated = step.wildcards["method"] == "advi"
        expected = ["nuts", "dense"] if approximated else []
        assert step.arguments["references"] == expected
        assert [Path(path).parts[-2] for path in step.inputs["references"]] == expected
        followed = {(s.rule, s.wildcards["method"]) for s in step.upstream}
        rules = ("collect_draws", "diagnose_fit")
        ours = {("collect_draws", step.wildcards["method"])}
        assert followed == ours | {(rule, method) for rule in rules for method in expected}
        assert {s.wildcards["model"] for s in step.upstream} == {step.wildcards["model"]}


@pytest.mark.parametrize(
    ("old", "limited", "rules"),
    [
        ("advi: {}", "advi: {models: [narrow]}", set()),
        (
            "nuts: {chains: 2}",
            "nuts: {chains: 2, models: [narrow]}",
            {"diagnose_fit", "predict_outcomes"},
        ),
    ],
)
def test_a_limited_method_has_fewer_fits_and_the_same_keys(
    planned: Planned, old: str, limited: str, rules: set[str]
) -> None:
    """A fit that stays is as it was, but for an approximation that loses what it is held to."""
    before, after = planned(), planned(old, limited)
    method = old.partition(":")[0]
    (fit,) = set(before.fits) - set(after.fits)
    assert (fit.model, fit.method) == ("wide", method)
    assert set(before.steps) - set(after.steps) == {
        (step.rule, *(f"{name}={step.wildcards[name]}" for name in sorted(step.wildcards)))
        for step in before.steps_of(fit)
    }
    gathered = {"compare_models", "write_report", "check_verdicts"}
    assert changed(before, after) == rules | gathered
    anew = [step for step in after if step.rule in rules and step.key not in keys(before)]
    assert {step.wildcards["model"] for step in anew} == ({"wide"} if rules else set())


def test_a_limit_to_all_models_changes_nothing(planned: Planned) -> None:
    """Naming every model says what is so without it."""
    assert changed(planned(), planned("advi: {}", "advi: {models: [wide, narrow]}")) == set()


def test_threads_are_of_the_models_that_the_method_fits(planned: Planned) -> None:
    """A program that only methods of one thread fit is compiled without threads."""
    limited = planned("chains: 2}", "chains: 2, threads_per_chain: 2, models: [narrow]}")
    threads = {
        s.unkeyed["program"]: s.arguments["threads"] for s in limited if s.rule == "compile_program"
    }
    assert threads == {"stan/wide.stan": False, "stan/narrow.stan": True}


def test_a_chain_more_keeps_the_chains_there_are(planned: Planned) -> None:
    """A third chain leaves the keys of the first two alone."""
    before, after = planned(), planned("chains: 2", "chains: 3")
    keys = {step.key for step in before}
    new = [s for s in after if s.rule == "sample_chain" and s.key not in keys]
    assert {step.wildcards["chain"] for step in new} == {"3"}


def test_program_change_stales_its_own_fits(planned: Planned) -> None:
    """Another canonical text changes the keys of that model's steps, and of no other model's."""
    narrow = replace(FACTS.programs["narrow"], canonical="// another prior")
    facts = replace(FACTS, programs={**FACTS.programs, "narrow": narrow})
    before, after = planned(), planned(facts=facts)
    keys = {step.key for step in before}
    models = {step.wildcards.get("model") for step in after if step.key not in keys}
    assert models == {"narrow", None}


def test_same_program_is_compiled_once(planned: Planned) -> None:
    """Two models with one canonical program share one compile step."""
    same = replace(FACTS.programs["wide"], path="stan/narrow.stan")
    plan = planned(facts=replace(FACTS, programs={**FACTS.programs, "narrow": same}))
    assert len([step for step in plan if step.rule == "compile_program"]) == 1


def test_waiver_in_force_stales_the_gate_only(planned: Planned) -> None:
    """A waiver changes the diagnosis of its fit and what follows, and no sampling."""
    fit = "means/points/wide/nuts"
    waiver = Waiver(check="rhat", fit=fit, reason="known", until="2030-01-01", who="QA")
    facts = replace(FACTS, waivers={fit: [waiver]})
    assert changed(planned(), planned(facts=facts)) == AFTER_DIAGNOSIS


def test_keys_hold_no_path(planned: Planned) -> None:
    """The same file at another path gives the same keys of data and sampling."""
    facts = replace(FACTS, files={"data/moved.csv": "0" * 64})
    after = planned("data/points.csv", "data/moved.csv", facts)
    assert changed(planned(), after) == {"write_report", "check_verdicts"}


def test_steps_come_in_an_order_in_which_they_can_run(planned: Planned) -> None:
    """Every step stands behind the steps it follows."""
    visited: set[str] = set()
    for step in planned():
        assert {s.key for s in step.upstream} <= visited
        visited.add(step.key)


def test_seeds_differ_between_fits_and_are_fixed(planned: Planned) -> None:
    """Each fit has a seed of its own, the same at every planning and for all its chains."""
    seeds: dict[tuple[str, str], set[int]] = {}
    for step in planned():
        if step.rule == "sample_chain":
            fit = step.wildcards["model"], step.wildcards["method"]
            seeds.setdefault(fit, set()).add(step.arguments["seed"])
    assert all(len(result) == 1 for result in seeds.values())
    assert len({next(iter(result)) for result in seeds.values()}) == len(seeds) == 4


def test_every_step_has_a_job_file_of_its_own(planned: Planned) -> None:
    """Steps of one key that write to different places are told so in different files."""
    plan = planned()
    keys = [step.key for step in plan if step.rule == "prepare_data"]
    assert len(set(keys)) < len(keys)
    assert len({step.job_file for step in plan}) == len(list(plan))


def test_a_key_is_recomputed_from_the_job_and_its_record(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`made_of` with `arguments`, as job and record hold them, give the key; `unkeyed` does not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STANCHION_RUN_ID", "run")
    for step in planned():
        write_whole(step.job_file, step.job().text())
        job = JobFile.read(Path(step.job_file))
        record = json.loads(open_record(job).path.read_text())
        for result in ({**job.made_of, "arguments": job.arguments}, made_of(record)):
            assert key_of(result) == step.key
        assert not job.arguments.keys() & job.unkeyed.keys()


def made_of(record: dict[str, Any]) -> dict[str, Any]:
    return {**record["made_of"], "arguments": record["arguments"]}


def test_a_limit_of_an_unknown_variable_is_refused(planned: Planned, tmp_path: Path) -> None:
    """The gate judges parameters and lp__; a limit of anything else would never be looked at."""
    (tmp_path / "data").mkdir()
    for names in ("lp__", "mu"):
        plan = planned("    compare:", f"    checks: {{rhat: {{{names}: 1.05}}}}\n    compare:")
        assert list(_limit_faults(plan)) == []
    for unknown in ("nu", "y_rep", "Mu"):
        plan = planned("    compare:", f"    checks: {{rhat: {{{unknown}: 1.05}}}}\n    compare:")
        (fault,) = _limit_faults(plan)
        assert fault.key == f"analyses.means.checks.rhat.{unknown}"
        assert (fault.value, fault.allowed) == (unknown, "lp__, mu")


def _limit_faults(plan: Plan) -> list[Fault]:
    try:
        check_plan(plan)
    except DeclarationError as error:
        return [fault for fault in error.faults if ".rhat." in str(fault.key)]
    return []


def test_what_uses_a_generated_quantity_is_told_to_its_checks(planned: Planned) -> None:
    """Replications of a declared check, and log_lik where models are compared."""
    used = {tuple(step.arguments["uses"]) for step in planned() if step.rule == "diagnose_fit"}
    assert used == {("log_lik", "y_rep")}
    alone = planned("    compare: {by: loo}\n", "")
    assert {tuple(s.arguments["uses"]) for s in alone if s.rule == "diagnose_fit"} == {("y_rep",)}


def test_a_time_limit_reaches_its_chains(planned: Planned) -> None:
    """A chain is told its limit, which stands in no key."""
    plan = planned("nuts: {chains: 2}", "nuts: {chains: 2, time_limit: 2h}")
    chains = [step for step in plan if step.rule == "sample_chain"]
    limits = {step.wildcards["method"]: step.unkeyed["time_limit"] for step in chains}
    assert limits == {"nuts": "2h", "advi": None}


@pytest.mark.parametrize("stem", ["a" * 200, "modèle 1", "x.y"])
def test_a_programs_folder_is_a_plain_name(planned: Planned, stem: str) -> None:
    """Whatever a program is called, Snakemake can take its folder as it stands."""
    plan = planned("stan/wide.stan", f"'stan/{stem}.stan'")
    folders = {step.wildcards["program"] for step in plan if step.rule == "compile_program"}
    assert len(folders) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,40}-[0-9a-f]{12}", name) for name in folders)
