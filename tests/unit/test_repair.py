"""What is declared for a fit that goes wrong: retries are decided by results, and never hidden."""

from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from stanchion.config import load
from stanchion.errors import ChainError, DeclarationError
from stanchion.methods.nuts import Nuts
from stanchion.plan.keys import seed_of
from stanchion.plan.planner import make_plan
from stanchion.sampling.archive import Archive, read_archive
from stanchion.sampling.fit import Fit
from stanchion.steps import sample_fit
from stanchion.system.writing import write_whole
from tests.unit.test_methods import DECLARED, planned
from tests.unit.test_methods import MU as PARAMETER
from tests.unit.test_sample_fit import cache, job  # noqa: F401
from tests.unit.test_starts import MU, evaluated

NO_START = (
    "echo 'Initialization between (-2, 2) failed after 100 tries. '; "
    "echo Initialization failed.; exit 1"
)
"""What a program says that finds no initial values, and how it ends."""

SAMPLER = """\
for word; do
  case $word in
    delta=*) delta=${word#delta=} ;;
    max_depth=*) depth=${word#max_depth=} ;;
    id=*) chain=${word#id=} ;;
    init=*) start=${word##*/} ;;
  esac
done
rows=$draws
case "$*" in
  *save_warmup=1*) rows=$((draws + 3)) ;;
  *method=pathfinder*)
    { echo "# method = pathfinder"; echo lp_approx__,lp__,path__,mu
      for row in $(seq 25); do echo -1,-2,1,$row.5; done
      echo '#  Elapsed Time: 0.3 seconds (Total)'
    } > "$output"
    exit 0 ;;
esac
{
  echo "# method = sample"
  echo lp__,accept_stat__,stepsize__,treedepth__,n_leapfrog__,divergent__,energy__,mu
  for row in $(seq "$rows"); do
    diverges=0; tree=3; steps=100
    %s
    echo "-$row,0.9,0.1,$tree,$steps,$diverges,1,$delta"
  done
  echo '#  0.3 seconds (Total)'
} > "$output"
exit 0
"""
"""A sampler's own columns, and `delta` as the draws; commands say what a row shows."""


def sampled(
    folder: Path,
    before: str = "",
    checks: dict[str, Any] | None = None,
    jobs: int | None = None,
    limit: str | None = None,
    **settings: Any,
) -> tuple[Archive, dict[str, Any]]:
    """Run the step of a small NUTS fit; return its archive, and the notes for the record."""
    method = Nuts(warmup=3, draws=6, **{"chains": 2, **settings})
    with (
        job(folder, before) as made,
        mock.patch.object(Fit, "evaluate", lambda _fit, points, **_: evaluated(points)),
    ):
        arguments = replace(
            made.arguments,
            settings=method.settings,
            checks=checks or {},
            jobs=jobs or method.jobs,
            time_limit=limit,
            variables=MU,
        )
        made = replace(made, arguments=arguments)
        sample_fit.run(made)
    return read_archive(made.outputs["chains"], folder / "read"), made.notes


def seeds_in(archive: Archive) -> list[str]:
    """The seed of each chain, as the scripted program writes it into its rows."""
    return [path.read_text().splitlines()[2].split(".")[0] for path in archive.chains]


def test_chain_without_a_start_is_tried_again_with_a_derived_seed(tmp_path: Path) -> None:
    """A retry takes the seed that the fit's, the chain and the try give; the others keep theirs."""
    second = seed_of(1, "init", "2", "2")
    archive, notes = sampled(
        tmp_path,
        f'case "$*" in *id=2*) [ "$seed" = {second} ] || {{ {NO_START}; }};; esac',
        init_tries=3,
    )
    assert seeds_in(archive) == ["1", str(second)]
    failed, chains = archive.attempts.tried
    assert (failed.name, failed.passed) == ("chain 2", False)
    assert (
        failed.because == "it found no start: Initialization between (-2, 2) failed after 100 tries"
    )
    assert chains.settings == {"seed of chain 2": second}
    assert archive.attempts.retries == (f"{failed.name}: {failed.because}",)
    assert [note["name"] for note in notes["runs"]] == ["chain 1", "chain 2", "chain 2, try 2"]


def test_a_fit_without_faults_has_no_retries(tmp_path: Path) -> None:
    """Where all goes well, what is declared for faults changes nothing."""
    archive, _ = sampled(tmp_path, init_tries=3)
    assert seeds_in(archive) == ["1", "1"]
    assert archive.attempts.retries == ()
    assert [attempt.passed for attempt in archive.attempts.tried] == [True]


def test_tries_end(tmp_path: Path) -> None:
    """After the last try the step fails with the sampler's words."""
    counted = tmp_path / "starts"
    with pytest.raises(ChainError, match="Initialization failed"):
        sampled(tmp_path, f"echo 1 >> {counted}; {NO_START}", init_tries=3, chains=1)
    assert counted.read_text().count("1") == 3


@pytest.mark.parametrize(
    "words", ["no such data", "User-specified initialization failed. Initialization failed."]
)
def test_other_failures_are_not_tried_again(tmp_path: Path, words: str) -> None:
    """A program that ends for another reason, or starts where a file says, would with any seed."""
    counted = tmp_path / "starts"
    with pytest.raises(ChainError, match=words[:12]):
        sampled(tmp_path, f"echo 1 >> {counted}; echo {words}; exit 1", init_tries=3, chains=1)
    assert counted.read_text().count("1") == 1


def deltas_in(archive: Archive) -> set[str]:
    """The `adapt_delta` of all draws."""
    return {
        line.rpartition(",")[2]
        for path in archive.chains
        for line in path.read_text().splitlines()
        if not line.startswith(("#", "lp__"))
    }


def test_divergences_have_all_chains_sampled_again(tmp_path: Path) -> None:
    """Each rung is tried in its turn until one shows no more divergences than are allowed."""
    archive, notes = sampled(
        tmp_path,
        SAMPLER % "[ $delta != 0.95 ] && [ $row = 2 ] && diverges=1",
        {"divergences": 0},
        on_divergence={"adapt_delta": [0.9, 0.95, 0.99]},
    )
    attempts = archive.attempts
    assert deltas_in(archive) == {"0.95"}
    assert [attempt.name for attempt in attempts.tried] == [
        "as declared",
        "adapt_delta 0.9",
        "adapt_delta 0.95",
    ]
    assert [attempt.passed for attempt in attempts.tried] == [False, False, True]
    assert attempts.tried[1].settings == {"adapt_delta": 0.9}
    assert attempts.settings["adapt_delta"] == 0.95
    assert Nuts.model_validate(attempts.settings).adapt_delta == 0.95
    assert attempts.retries == (
        "as declared: 2 divergences, where 0 are allowed",
        "adapt_delta 0.9: 2 divergences, where 0 are allowed",
    )
    assert [note["name"] for note in notes["runs"]][2:4] == [
        "chain 1, adapt_delta 0.9",
        "chain 2, adapt_delta 0.9",
    ]


def test_divergences_that_the_checks_allow_have_no_consequence(tmp_path: Path) -> None:
    """The threshold is that of the checks: a number, or a share of the draws of all chains."""
    for allowed in (2, {"share": 0.2}):
        archive, _ = sampled(
            tmp_path,
            SAMPLER % "[ $row = 2 ] && diverges=1",
            {"divergences": allowed},
            on_divergence={"adapt_delta": [0.9]},
        )
        assert deltas_in(archive) == {"0.8"}
        assert archive.attempts.retries == ()


def test_the_last_rung_stands(tmp_path: Path) -> None:
    """Where nothing helps, the last refit's draws are the fit's, and the attempts say so."""
    archive, _ = sampled(
        tmp_path,
        SAMPLER % "diverges=1",
        {"divergences": 0},
        on_divergence={"adapt_delta": [0.9, 0.99]},
    )
    last = archive.attempts.tried[-1]
    assert deltas_in(archive) == {"0.99"}
    assert len(archive.attempts.tried) == 3
    assert not last.passed
    assert last.because == "12 divergences, where 0 are allowed; no refit is left"


def test_repairs_follow_each_other(tmp_path: Path) -> None:
    """Divergences come first; what saturates then is sampled with both, and each is tried once."""
    archive, _ = sampled(
        tmp_path,
        SAMPLER % "tree=$depth; [ $delta = 0.8 ] && diverges=1",
        {"divergences": 0},
        max_treedepth=5,
        on_divergence={"adapt_delta": [0.9, 0.99]},
        on_saturation={"max_treedepth": 7},
    )
    assert [attempt.name for attempt in archive.attempts.tried] == [
        "as declared",
        "adapt_delta 0.9",
        "adapt_delta 0.9, max_treedepth 7",
    ]
    assert archive.attempts.tried[0].because.endswith("12 trajectories cut short")
    assert not archive.attempts.tried[-1].passed
    assert archive.attempts.settings["max_treedepth"] == 7


def test_saturation_alone_is_no_divergence(tmp_path: Path) -> None:
    """What is not declared has no consequence: divergences stay, the depth is raised."""
    archive, _ = sampled(
        tmp_path,
        SAMPLER % "diverges=1; [ $depth = 5 ] && tree=5",
        {},
        max_treedepth=5,
        on_saturation={"max_treedepth": 6},
    )
    assert [attempt.passed for attempt in archive.attempts.tried] == [False, True]
    assert archive.attempts.tried[0].because == "12 trajectories cut short"


STUCK = """\
case "$chain $start" in
  '2 path_'*) ;;
  2*) steps=2000; %s ;;
esac
"""
"""Chain 2 takes many steps unless it starts at a path."""


def stuck(
    folder: Path, then: str = ":", jobs: int = 3, **settings: Any
) -> tuple[Archive, dict[str, Any]]:
    """Sample three chains of which the second is stuck; commands follow each of its rows."""
    program = SAMPLER % (STUCK % then)
    return sampled(folder, program, jobs=jobs, chains=3, on_stuck="restart", **settings)


def contents(archive: Archive) -> dict[str, str]:
    """All that an archive holds, by the name of the file."""
    files = {path.name: path for path in archive.chains} | archive.others
    texts = {name: path.read_text() for name, path in files.items()}
    return texts | {"attempts": archive.attempts.as_json()}


def test_stuck_chain_is_started_anew_from_a_path(tmp_path: Path) -> None:
    """It is given up at the row where it had taken ten times the steps of the middle chain."""
    archive, _ = stuck(tmp_path)
    given_up, chains = archive.attempts.tried
    assert given_up.name == "chain 2"
    assert given_up.gradients == 10000
    assert given_up.because.startswith(
        "stuck: 10000 leapfrog steps by iteration 5, more than 10 times the 900 that the middle "
        "chain takes for all; mean lp__ of the second half of them -4, of the draws of the chains "
        "beside it -6.5; started anew at draw 1 of path 10"
    )
    assert chains.settings == {"seed of chain 2": seed_of(1, "restart", "2", "1")}
    assert archive.attempts.retries == (f"chain 2: {given_up.because}",)
    (part,) = archive.others.values()
    assert given_up.runs == (part.name,)
    assert part.read_text().count("2000") == 5
    assert ["2000" in path.read_text() for path in archive.chains] == [False] * 3


def test_when_a_stuck_chain_is_looked_at_decides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that would take for ever is ended; what is left is the same as of one that is done."""

    def place(name: str) -> Path:
        """A folder with a cache of its own."""
        monkeypatch.setenv("STANCHION_CACHE", str(tmp_path / name / "cache"))
        (tmp_path / name).mkdir()
        (tmp_path / name / "data.json").write_text("{}")
        return tmp_path / name

    whole, _ = stuck(place("whole"))
    alone, _ = stuck(place("alone"), jobs=1)
    ended, notes = stuck(place("ended"), "[ $row = 8 ] && exec sleep 60")
    assert [note["name"] for note in notes["runs"] if "ended" in note] == ["chain 2"]
    assert contents(ended) == contents(whole) == contents(alone)


def test_repairs_and_rounds_compose(tmp_path: Path) -> None:
    """A stuck chain is mended in the first round, whose start the refit keeps; all of it ends."""
    program = SAMPLER % (STUCK % ":" + "[ $delta = 0.8 ] && [ $row = 7 ] && diverges=1")
    archive, _ = sampled(
        tmp_path,
        program,
        {"divergences": 0, "rhat": 1.01, "rhat_of": None, "ess": 400},
        chains=3,
        on_stuck="restart",
        on_divergence={"adapt_delta": [0.9, 0.99]},
        until={"ess": 4},
        max_draws=12,
    )
    assert [attempt.name for attempt in archive.attempts.tried] == [
        "chain 2, 6 draws a chain",
        "6 draws a chain",
        "12 draws a chain",
        "adapt_delta 0.9, 6 draws a chain",
        "adapt_delta 0.9, 12 draws a chain",
    ]
    stuck, diverged = archive.attempts.retries
    assert stuck.split(": ")[1] == "stuck"
    assert diverged.split(": ")[1].startswith("3 divergences, where 0 are allowed; ")
    assert "stuck quantities" in diverged  # what until looks at was not reached either
    assert len(archive.others) == 1
    assert deltas_in(archive) == {"0.9"}


def test_a_time_limit_publishes_nothing(tmp_path: Path) -> None:
    """What was done before it is used by the next run, which may take longer."""
    settings = {"on_divergence": {"adapt_delta": [0.9]}, "checks": {"divergences": 0}}
    diverges = "[ $delta = 0.8 ] && diverges=1"
    waits = f"{diverges}; [ $delta = 0.9 ] && exec sleep 60"
    with pytest.raises(ChainError, match="time limit of 1s"):
        sampled(tmp_path, SAMPLER % waits, limit="1s", **settings)
    assert not list(tmp_path.rglob("*.zip"))
    shutil.rmtree(tmp_path / "staged")
    _, notes = sampled(tmp_path, SAMPLER % diverges, **settings)
    assert ["reused" in note for note in notes["runs"]] == [True, True, False, False]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_fit_goes_on_with_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Killed within the second rung, the next run takes the first from the cache; same bytes."""
    settings = {"on_divergence": {"adapt_delta": [0.9]}, "checks": {"divergences": 0}}
    diverges = "[ $delta = 0.8 ] && diverges=1"
    waits = f"{diverges}; [ $delta = 0.9 ] && touch {tmp_path}/begun && exec sleep 60"
    child = os.fork()
    if not child:
        try:
            sampled(tmp_path, SAMPLER % waits, **settings)
        finally:
            os._exit(1)
    end = time.monotonic() + 30
    while not (tmp_path / "begun").exists() and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(child, number)
    os.waitpid(child, 0)
    shutil.rmtree(tmp_path / "staged")
    archive, notes = sampled(tmp_path, SAMPLER % diverges, **settings)
    before = contents(archive)
    assert ["reused" in note for note in notes["runs"]] == [True, True, False, False]

    monkeypatch.setenv("STANCHION_CACHE", str(tmp_path / "another"))
    shutil.rmtree(tmp_path / "read")
    undisturbed, _ = sampled(tmp_path, SAMPLER % diverges, **settings)
    assert before == contents(undisturbed)


def test_stuck_restarts_end(tmp_path: Path) -> None:
    """A chain that is stuck wherever it starts is the fit's own in the end, and that is said."""
    always = SAMPLER % "[ $chain = 2 ] && steps=2000"
    archive, _ = sampled(tmp_path, always, chains=3, on_stuck="restart")
    assert [attempt.name for attempt in archive.attempts.tried] == [
        "chain 2",
        "chain 2, restart 1",
        "as declared",
    ]
    assert [path.read_text().count("2000") for path in archive.chains] == [0, 9, 0]


def test_chains_that_take_alike_are_not_stuck(tmp_path: Path) -> None:
    """Less than ten times the steps of the middle chain are no matter, nor are few steps."""
    slow = SAMPLER % "[ $chain = 2 ] && steps=900"
    archive, _ = sampled(tmp_path, slow, chains=3, on_stuck="restart")
    assert archive.attempts.retries == ()
    few = SAMPLER % "steps=1; [ $chain = 2 ] && steps=500"
    archive, _ = sampled(tmp_path, few, chains=3, on_stuck="restart", adapt_delta=0.81)
    assert archive.attempts.retries == ()


def test_a_fit_with_repair_is_one_job_of_all_its_cores(tmp_path: Path) -> None:
    """It reserves a core for each thread of each chain; without repair a job a chain stays."""
    planned_plain = planned(tmp_path, "nuts", parameters=PARAMETER)
    plain = [step for step in planned_plain if "sample" in step.rule]
    assert [step.rule for step in plain] == ["sample_chain"] * 4
    declared = "{chains: 3, threads_per_chain: 2, on_divergence: {adapt_delta: [0.9]}}"
    config = DECLARED.replace("METHOD: {}", f"nuts: {declared}")
    write_whole(tmp_path / "config.yaml", config)
    plan = make_plan(load(tmp_path / "config.yaml"), planned_plain.facts)
    (step,) = [step for step in plan if "sample" in step.rule]
    assert (step.rule, step.threads, step.memory) == ("sample_fit", 6, 3 * plain[0].memory)
    assert step.arguments["checks"] == {"divergences": 0}


REFUSED = [
    (
        "{chains: 1, on_stuck: restart}",
        "a chain is stuck where its siblings are not, and this one has none",
    ),
    (
        "{chains: 4, superchains: 2, on_stuck: restart}",
        "a chain that is started anew leaves its superchain",
    ),
    (
        "{adapt_delta: 0.9, on_divergence: {adapt_delta: [0.9]}}",
        "a refit with adapt_delta 0.9 after one with 0.9 mends nothing",
    ),
    (
        "{on_divergence: {adapt_delta: [0.99, 0.9]}}",
        "a refit with adapt_delta 0.9 after one with 0.99 mends nothing",
    ),
    (
        "{max_treedepth: 12, on_saturation: {max_treedepth: 12}}",
        "a refit with max_treedepth 12 after one with 12 mends nothing",
    ),
    ("{init: 0, init_tries: 3}", "a chain that starts at zero finds the same in each try"),
    (
        "{init: start.json, init_tries: 3}",
        "a chain that starts at the values of a file finds the same in each try",
    ),
]


@pytest.mark.parametrize(("method", "message"), REFUSED)
def test_limits_that_contradict_are_refused(tmp_path: Path, method: str, message: str) -> None:
    """Each has one message, before anything runs."""
    with pytest.raises(DeclarationError) as error:
        write_whole(tmp_path / "config.yaml", DECLARED.replace("METHOD: {}", f"nuts: {method}"))
        load(tmp_path / "config.yaml")
    assert [fault.what for fault in error.value.faults] == [message]
