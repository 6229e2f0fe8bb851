"""The graph: what runs, what does not, and why, by plain Snakemake."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.project import ProjectDir

pytestmark = [pytest.mark.stan, pytest.mark.snakemake]

FIT_STEPS = {"collect_draws", "diagnose_fit", "predict_outcomes"}
LAST = {"compare_models means", "write_report means", "check_verdicts means"}


def steps_of(model: str, *, program: str) -> set[str]:
    """The steps that hang on one model's program."""
    index = f"means points {model}"
    chains = {f"sample_chain {index} nuts {chain}" for chain in range(1, 5)}
    fits = {f"{step} {index} {method}" for step in FIT_STEPS for method in ("nuts", "advi")}
    return {
        f"compile_program {program}",
        f"sample_prior {index}",
        f"sample_chain {index} advi 1",
        *chains,
        *fits,
        *LAST,
    }


def programs(jobs: set[str]) -> list[str]:
    return [job.split()[1] for job in jobs if job.startswith("compile_program")]


def test_nothing_to_do_after_a_run(project: ProjectDir) -> None:
    """After a run nothing is stale."""
    assert project.stale() == set()


def test_nothing_to_do_after_snakemakes_memory_is_lost(project: ProjectDir) -> None:
    """Without `.snakemake`, key files alone prove that nothing is stale."""
    shutil.rmtree(project.path / ".snakemake")
    assert project.stale() == set()


@pytest.mark.parametrize("metadata", [True, False], ids=["metadata", "no-metadata"])
def test_looks_change_nothing(project: ProjectDir, metadata: bool) -> None:
    """A comment, a line break, a reordered YAML, touched data: nothing to do."""
    if not metadata:
        shutil.rmtree(project.path / ".snakemake")
    project.edit("stan/wide.stan", "  real mu;\n", "  // the mean\n  real\n    mu;\n")
    project.edit("config/config.yaml", "project: graph\nseed: 11\n", "")
    with (project.path / "config/config.yaml").open("a") as file:
        file.write("seed: 11\nproject: graph\n")
    os.utime(project.path / "data/points.csv")
    os.utime(project.path / "stan/narrow.stan")
    assert project.stale() == set()


@pytest.mark.parametrize("metadata", [True, False], ids=["metadata", "no-metadata"])
def test_prior_of_one_program_stales_its_fits(project: ProjectDir, metadata: bool) -> None:
    """A changed prior stales exactly the steps of the fits of that program, in one invocation."""
    if not metadata:
        shutil.rmtree(project.path / ".snakemake")
    project.edit("stan/wide.stan", "normal(0, 10)", "normal(0, 5)")
    stale = project.stale()
    (program,) = programs(stale)
    assert stale == steps_of("wide", program=program)


def test_prior_changed_and_changed_back_samples_nothing(project: ProjectDir) -> None:
    """Going back to an earlier prior reuses its results: no compiling, no sampling."""
    project.edit("stan/wide.stan", "normal(0, 10)", "normal(0, 4)")
    project.run()
    project.edit("stan/wide.stan", "normal(0, 4)", "normal(0, 10)")
    before = project.records()
    project.run()
    assert project.ran(before) <= {"write_report", "check_verdicts"}
    assert project.stale() == set()


def test_threshold_stales_the_diagnosis_and_what_hangs_on_it(project: ProjectDir) -> None:
    """A changed threshold stales the diagnoses it judges and what follows, and no sampling.

    Approximations are held to the fits by NUTS that pass, so theirs follow.
    """
    project.edit("config/config.yaml", "    compare:", "    checks: {rhat: 1.02}\n    compare:")
    later = {"diagnose_fit", "predict_outcomes"}
    methods = ("nuts", "advi")
    fits = {f"means points {model} {method}" for model in ("wide", "narrow") for method in methods}
    assert project.stale() == {f"{step} {fit}" for step in later for fit in fits} | LAST


def test_data_change_stales_all_but_compiling(project: ProjectDir) -> None:
    """A changed value in the data stales every step of its fits, and no compiling."""
    project.edit("data/points.csv", "0.3\n", "0.4\n")
    stale = project.stale()
    assert programs(stale) == []
    expected = set().union(*(steps_of(model, program="") for model in ("wide", "narrow")))
    expected |= {f"prepare_data means points {model}" for model in ("wide", "narrow")}
    assert stale == expected - {"compile_program "}


def test_more_draws_stale_one_method(project: ProjectDir) -> None:
    """A changed setting of one method leaves the other method's fits alone."""
    project.edit("config/config.yaml", "advi: {draws: 500}", "advi: {draws: 600}")
    stale = project.stale()
    assert {job for job in stale if job.startswith("sample_chain")} == {
        f"sample_chain means points {model} advi 1" for model in ("wide", "narrow")
    }
    assert not any(" nuts" in job for job in stale)


def test_result_of_another_key_is_made_again(project: ProjectDir) -> None:
    """A result copied from another fit, with that fit's key file, does not pass for current."""
    results = project.path / "results/means/points"
    for name in ("draws.nc", "summary.csv", ".keys/collect_draws"):
        shutil.copy2(results / "wide/nuts" / name, results / "narrow/nuts" / name)
    assert "collect_draws means points narrow nuts" in project.stale()


def test_deleted_result_is_made_again_without_sampling(project: ProjectDir) -> None:
    """A deleted draws.nc is restored from the cache by the next run."""
    draws = project.path / "results/means/points/wide/nuts/draws.nc"
    content = draws.read_bytes()
    draws.unlink()
    before = project.records()
    project.run()
    assert draws.read_bytes() == content
    assert "sample_chain" not in {step.split(".")[0] for step in project.ran(before)}


def test_expected_edges(project: ProjectDir) -> None:
    """Each step follows exactly the steps whose results it reads."""
    completed = project.snakemake("--rulegraph", "dot")
    assert completed.returncode == 0, completed.stderr
    import re

    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', completed.stdout))
    edges = {(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", completed.stdout)}
    inner = {edge for edge in edges if edge[1] != "all"}
    sampled = ("sample_chain", "sample_prior")
    assert inner == {
        *(("compile_program", step) for step in sampled),
        *(("prepare_data", step) for step in (*sampled, "collect_draws", "write_report")),
        ("prepare_data", "predict_outcomes"),  # the names of predicted rows
        *((step, "collect_draws") for step in sampled),
        *(
            ("collect_draws", step)
            for step in ("diagnose_fit", "predict_outcomes", "compare_models", "write_report")
        ),
        *(
            ("diagnose_fit", step)
            for step in ("predict_outcomes", "compare_models", "write_report", "check_verdicts")
        ),
        ("diagnose_fit", "diagnose_fit"),  # an approximation is held to NUTS
        *(("sample_prior", step) for step in ("write_report", "check_verdicts")),
        ("predict_outcomes", "write_report"),
        *(("compare_models", step) for step in ("write_report", "check_verdicts")),
        ("write_report", "check_verdicts"),
    }
