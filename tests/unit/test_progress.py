"""How far a chain is: what is read of the sampler's output, rates, time left, stragglers, words."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from stanchion.runs.progress import JobProgress, behind, known_progress, rate, seconds_left
from stanchion.runs.progress_text import block, duration, sentence
from stanchion.stan import progress as writing
from stanchion.stan.process import run_program
from stanchion.stan.progress import (
    ChainReport,
    RowFigures,
    compiling,
    forget_chains,
    progress_file,
)
from stanchion.system.folders import PROGRESS

LOG = Path("logs/a/d/m/nuts/sample_chain.1.log")
FILE = Path(PROGRESS, "a/d/m/nuts/sample_chain.1.json")
COMMAND = ["method=sample", "num_samples=1000", "num_warmup=500", "save_warmup=0", "thin=1"]
HEADER = (
    "# a comment\nlp__,accept_stat__,stepsize__,treedepth__,n_leapfrog__,divergent__,energy__,x\n"
)
ROWS = ["-1,0.9,0.5,2,3,0,1.5,0.1\n", "-1,0.9,0.5,3,7,1,1.5,0.1\n", "-1,0.9,0.5,1,1,0,1.5,0.1\n"]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder; a chain's output is looked at each hundredth of a second."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(writing, "INTERVAL", 0.01)
    return tmp_path


def figures(text: str, size: int) -> RowFigures:
    """Read a CSV in blocks of a size."""
    made, content = RowFigures(), text.encode()
    for start in range(0, len(content), size):
        for _ in made.take(content[start : start + size]):
            pass
    return made


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_rows_are_counted_however_they_are_cut(size: int) -> None:
    """Divergences, depths and leapfrog steps are those of the whole rows, wherever blocks end."""
    made = figures(HEADER + "# Adaptation terminated\n" + "".join(ROWS) + "-1,0.9,0.5,9,", size)
    assert (made.rows, made.divergences, made.leapfrog, made.deepest) == (3, 1, 11, 3)
    assert made.depths == 6


def test_wide_rows_are_read_by_their_first_columns() -> None:
    """A row of megabytes costs the memory of its beginning."""
    wide = [row.rstrip("\n") + ",1.23456789" * 200_000 + "\n" for row in ROWS]
    made = figures(HEADER + "".join(wide), 64 << 10)
    assert (made.rows, made.divergences, made.leapfrog) == (3, 1, 11)


def test_columns_of_another_sampler_give_no_figures() -> None:
    """Static HMC and fixed_param have no trees: rows are counted, and nothing is said of depth."""
    made = figures("lp__,accept_stat__,x\n0,0,1\n0,0,2\n", 64)
    assert made.rows == 2 and not made.are_known


def report(csv: Path, *, command: list[str] = COMMAND, start: int = 0) -> ChainReport:
    made = ChainReport(LOG, "chain 1", command, csv, start=start)
    made.begin(os.getpid())
    return made


def looked(made: ChainReport) -> dict[str, Any]:
    """Have a report look, and return what its file holds."""
    made._report._written = -1e9
    time.sleep(0.02)
    made.look()
    content: dict[str, Any] = json.loads(FILE.read_text())
    return content


def test_file_follows_the_samplers_words_and_rows(project: Path) -> None:
    """Phase and iteration are the program's own; figures come from the draft as it grows."""
    csv = project / "chain_1.csv"
    made = report(csv)
    made.take(b"Iteration:   1 / 1500 [  0%]  (Warmup)\nIteration: 400 / 15")
    assert (content := looked(made))["iteration"] == 1 and content["phase"] == "warmup"
    made.take(b"00 [ 26%]  (Warmup)\n")
    assert looked(made)["iteration"] == 400
    draft = csv.with_name(f"chain_1.csv.tmp.{os.getpid()}")
    draft.write_text(HEADER + ROWS[0])
    made.take(b"Iteration: 501 / 1500 [ 33%]  (Sampling)\n")
    content = looked(made)
    assert (content["iteration"], content["phase"], content["total"]) == (501, "sampling", 1500)
    assert content["steps"][-1] == [501, 3] and content["divergences"] == 0
    with draft.open("a") as file:
        file.write(ROWS[1] + ROWS[2])
    content = looked(made)
    assert (content["iteration"], content["divergences"], content["deepest"]) == (503, 1, 3)
    assert content["treedepth"] == 2.0 and content["steps"][-1] == [503, 11]


def test_thinned_rows_stand_for_their_iterations(project: Path) -> None:
    """Of a chain thinned by 10 the third row is iteration 21 of the sampling."""
    csv = project / "chain_1.csv"
    csv.write_text(HEADER + "".join(ROWS))
    made = report(csv, command=[*COMMAND[:-1], "thin=10"])
    assert looked(made)["iteration"] == 500 + 21


def test_resumed_chain_counts_its_rate_from_where_it_goes_on(project: Path) -> None:
    """Iterations of an earlier process are done, and none of this one's speed."""
    made = report(project / "chain_1.csv", start=1200)
    made.take(b"Iteration: 1300 / 1500 [ 86%]  (Sampling)\n")
    content = looked(made)
    assert content["iteration"] == 1300 and content["origin"][0] in (1200, 1300)
    assert content["resumed"]


def test_ended_chain_stays_for_its_siblings_until_the_fit_is_collected(project: Path) -> None:
    """What ended well is no job any more, and is still what others are held to; failures go."""
    with report(project / "chain_1.csv") as made:
        looked(made)
    assert json.loads(FILE.read_text())["ended"] and known_progress() == []
    forget_chains(Path("logs/a/d/m/nuts/collect_draws.log"))
    assert not FILE.exists()
    with pytest.raises(KeyboardInterrupt), report(project / "chain_1.csv") as made:
        looked(made)
        raise KeyboardInterrupt
    assert not FILE.exists()


def test_report_that_cannot_be_written_costs_the_chain_nothing(project: Path) -> None:
    """A file where the folder should be, a broken CSV: the program runs to its end."""
    (project / ".stanchion").write_text("in the way")
    csv = project / "chain_1.csv"
    csv.write_text(HEADER + "a,b,c\n1,2,3,four,five,six,7\n")
    script = "for i in 1 2 3 4 5; do echo 'Iteration: 1 / 2 [ 50%]  (Warmup)'; sleep 0.05; done"
    with ChainReport(LOG, "chain 1", COMMAND, csv) as made:
        notes = run_program(["sh", "-c", script], project / "log", chain="c", report=made)
    assert notes["starts"] == 1
    assert (project / "log").read_text().count("Iteration") == 6


def test_quantities_are_counted_by_their_rows(project: Path) -> None:
    """A program that samples nothing says no iteration: its rows of so many are how far it is."""
    csv = project / "quantities_1.csv"
    command = ["method=generate_quantities", "num_chains=1"]
    made = ChainReport(LOG, "the generated quantities of chain 1", command, csv, rows=1000)
    made.begin(os.getpid())
    csv.write_text("y_rep.1,y_rep.2\n" + "1,2\n" * 250)
    content = looked(made)
    assert (content["iteration"], content["total"], content["divergences"]) == (250, 1000, None)
    [progress] = known_progress()
    [_, line] = block([progress], width=100, height=5)
    assert line.startswith("  the generated quantities of chain 1  250 / 1000 (25 %)")


def test_program_that_falls_silent_is_followed(project: Path) -> None:
    """While nothing is printed the rows are read all the same, by a loop that mostly waits."""
    csv = project / "chain_1.csv"
    script = f"printf '%s' '{HEADER}{ROWS[1]}' > {csv}; sleep 1.2"
    before = time.process_time()
    with ChainReport(LOG, "chain 1", COMMAND, csv) as made:
        run_program(["sh", "-c", script], project / "log", chain="c", report=made)
    assert json.loads(FILE.read_text())["divergences"] == 1
    assert time.process_time() - before < 0.6


def test_logs_of_no_project_get_no_file() -> None:
    """A log elsewhere, as of a program run by hand, leaves nothing."""
    assert progress_file(Path("/tmp/log")) is None and progress_file(Path("log")) is None
    assert progress_file(LOG) == FILE


def test_compilation_is_shown_while_it_lasts() -> None:
    """Its program and its seconds; afterwards nothing is left."""
    with compiling(Path("logs/programs/x/compile_program.log"), "stan/x.stan"):
        [job] = known_progress(["another analysis"])
        assert (job.phase, job.name) == ("compiling", "stan/x.stan")
        assert block([job], width=80, height=5) == ["compiling stan/x.stan, 0 s"]
    assert known_progress() == []


def content(**facts: Any) -> dict[str, Any]:
    """What a chain that began 100 s ago has left, but for these facts."""
    return {
        "schema": writing.SCHEMA,
        "name": "chain 1",
        "phase": "sampling",
        "host": os.uname().nodename,
        "process": os.getpid(),
        "updated": time.time(),
        "seconds": 100.0,
        "ended": False,
        "total": 2000,
        "warmup": 1000,
        "iteration": 1500,
        "at": 90.0,
        "origin": [1000, 40.0],
        "resumed": False,
        "divergences": 2,
        "treedepth": 3.5,
        "deepest": 6,
        "steps": [[1001, 7], [1500, 3500]],
        "times": [[1, 0.1], [1000, 40.0], [1500, 90.0]],
    } | facts


def put(of: str, chain: int, **facts: Any) -> Path:
    path = Path(PROGRESS, of, f"sample_chain.{chain}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content(**{"name": f"chain {chain}", **facts})))
    return path


def test_rate_and_time_left_are_of_the_phase() -> None:
    """500 iterations in the 50 s of this phase: 10/s, and 50 s for the rest at first."""
    assert rate(content()) == 10.0
    assert seconds_left(content(), 90.0) == 50.0
    assert seconds_left(content(), 100.0) == 40.0
    assert seconds_left(content(), 1000.0) == 0.0
    assert rate(content(iteration=1000)) is None and rate(content(origin=None)) is None
    assert seconds_left(content(iteration=1000), 90.0) is None


def sibling(steps_each: int, last: int = 2000) -> dict[str, Any]:
    """A chain with so many leapfrog steps an iteration, up to the last one."""
    points = range(1001, last + 1, 20)
    return content(steps=[[i, steps_each * (i - 1000)] for i in points], iteration=last)


def test_chain_with_ten_times_the_steps_is_named() -> None:
    """Cumulative steps at the same iteration, against the median of those that have come there."""
    others = [sibling(7), sibling(8), sibling(90)]
    late = content(steps=[[1001, 1023], [1201, 201 * 1023]])
    words = behind(late, others, 100.0)
    assert words is not None and words.startswith("128 times the leapfrog steps")
    assert "iteration 1201" in words
    for steps_each in (7, 79):
        assert behind(sibling(steps_each, 1201), others, 100.0) is None
    assert behind(sibling(81, 1201), others, 100.0) is not None


def test_chain_is_held_only_to_what_there_is() -> None:
    """Alone, with few steps, or ahead of all others, no chain is named."""
    late = content(steps=[[1001, 1023], [1201, 201 * 1023]])
    assert behind(late, [], 100.0) is None
    assert behind(late, [sibling(7, 1101)], 100.0) is None
    assert behind(content(steps=[[1001, 1023]]), [sibling(1)], 100.0) is None


def test_chain_in_warm_up_is_named_by_its_time() -> None:
    """Leapfrog steps of the warm-up are in no output: ten times the siblings' seconds count."""
    others = [content(times=[[1, 0.0], [1000, s]]) for s in (9.0, 10.0, 11.0)]
    late = content(steps=[], iteration=150, at=20.0, phase="warmup")
    words = behind(late, others, 100.0)
    assert words is not None and "not at iteration 200 yet" in words
    assert behind(late, others, 19.0) is None
    assert behind({**late, "resumed": True}, others, 100.0) is None


def test_progress_of_all_jobs_is_read_from_their_files() -> None:
    """Chains in their order, with the straggler named; garbage and what is over are left out."""
    for chain in (2, 10, 3):
        put("a/d/m/nuts", chain, steps=[[1001, 3], [1500, 1500]])
    put("a/d/m/nuts", 1, steps=[[1001, 1023], [1500, 511_500]])
    put("a/d/m/nuts", 4, ended=True)
    put("b/d/m/nuts", 1, process=2**22 + 1)
    put("b/d/m/nuts", 2, host="elsewhere", updated=time.time() - 1000)
    put("b/d/m/nuts", 3, host="elsewhere")
    put("b/d/m/nuts", 5).write_text('{"schema": ')
    put("b/d/m/nuts", 6, at="x")
    put("b/d/m/nuts", 7).write_text("[]")
    for chain, facts in enumerate(
        ({"iteration": float("nan")}, {"treedepth": "deep"}, {"total": []}, {"steps": 3})
    ):
        put("b/d/m/nuts", 20 + chain, **facts)
    jobs = known_progress()
    shown = [(job.of[0], job.name) for job in jobs]
    assert shown == [("a", f"chain {c}") for c in (1, 2, 3, 10)] + [("b", "chain 3")]
    assert [job.name for job in jobs if job.behind] == ["chain 1"]
    assert {job.of for job in known_progress(["b"])} == {"b/d/m/nuts"}


def test_chains_of_a_procedure_are_shown_under_their_fit() -> None:
    """A refit's chain has its name and its place: after those before it, 10 after 9."""
    for number in (10, 9):
        log = LOG.with_name(f"sample_fit.chain_{number}_adapt_delta_0.9.log")
        file = progress_file(log)
        assert file is not None
        put("a/d/m/nuts", number, name=f"chain {number}, adapt_delta 0.9").rename(file)
    jobs = known_progress()
    assert [(job.of, job.name) for job in jobs] == [
        ("a/d/m/nuts", "chain 9, adapt_delta 0.9"),
        ("a/d/m/nuts", "chain 10, adapt_delta 0.9"),
    ]
    forget_chains(LOG.with_name("collect_draws.log"))
    assert known_progress() == []


def test_files_are_whole_and_readable_by_a_group(project: Path) -> None:
    """The file of a chain has the permissions of any other, and no draft lies beside it."""
    looked(report(project / "chain_1.csv"))
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o666 & ~mask
    assert [path.name for path in FILE.parent.iterdir()] == [FILE.name]


def job(of: str, chain: int, **facts: Any) -> JobProgress:
    known = {
        "iteration": 1500,
        "iterations": 2000,
        "per_second": 12.5,
        "seconds_left": 40.0,
        "divergences": 1,
        "treedepth": 3.25,
        "deepest": 6,
    }
    return JobProgress(of, f"chain {chain}", "sampling", 90.0, **{**known, **facts})


def test_block_shows_each_chain_within_the_terminal() -> None:
    """A line a chain; no line is wider than the terminal, and many fits are a line each."""
    jobs = [job("a/d/m/nuts", 1), job("a/d/m/nuts", 2, behind="12 times as late")]
    shown = block(jobs, width=200, height=10)
    assert shown[:2] == [
        "a/d/m/nuts",
        "  chain 1  1500 / 2000 (75 %)  40 s left  sampling  12.5/s  1 divergence  "
        "tree depth 3.2, at most 6",
    ]
    assert "FAR BEHIND: 12 times as late" in shown[2]
    assert max(map(len, block(jobs, width=24, height=10))) == 24
    many = [job(f"a/d/m{i}/nuts", c) for i in range(8) for c in (1, 2)]
    assert len(block(many, width=80, height=8)) == 8
    assert block(many, width=80, height=8)[0].startswith("a/d/m0/nuts: 2 chains, 3000 of 4000")
    assert block(many, width=80, height=4)[-1] == "… and 5 more"
    assert block([], width=80, height=4) == []


def test_log_gets_one_line() -> None:
    """Compilations, three fits and the number of the others, on one line."""
    jobs = [job(f"a/d/m{i}/nuts", 1) for i in range(5)]
    jobs.insert(0, JobProgress("programs/x", "stan/x.stan", "compiling", 12.3))
    line = sentence(jobs)
    assert line.startswith("compiling stan/x.stan, 12 s; a/d/m0/nuts: 1 chain, 1500 of 2000")
    assert line.endswith("and 2 chains of 2 more fits") and "\n" not in line
    assert sentence([]) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (5_900, "98 min"), (6_100, "1 h 42 min")],
)
def test_durations_are_a_persons(seconds: float, words: str) -> None:
    """Seconds, then minutes, then hours and minutes."""
    assert duration(seconds) == words
