"""A chain's process: what counts as whole, what is started again, what a failure says."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stanchion.errors import ChainError
from stanchion.stan import process as sampling
from stanchion.stan.process import ProgramFailedError, check_csv, check_starts, run_program
from stanchion.stan.rows import Rows
from stanchion.system.durations import seconds_of
from tests.unit.draws_cases import advi_text, nuts_text

DRAWS = {"mu": np.array([0.5, 1.5, 2.5, 3.25])}
WHOLE = Rows(len(DRAWS["mu"]))
Breaks = Callable[[str], str]


def test_a_whole_chain_is_taken(tmp_path: Path) -> None:
    """Every draw, the footer to its end: nothing is said."""
    path = tmp_path / "chain_1.csv"
    path.write_text(nuts_text(DRAWS))
    check_csv(path, WHOLE, chain="chain 1")


@pytest.mark.parametrize(
    ("breaks", "message"),
    [
        (lambda text: text[: text.index("3.25")], "its last line is cut off"),
        (lambda text: text[: text.index("2.5")], "chain 1 is not whole: 3 draws of 4"),
        (lambda text: text.replace("3.25\n", "3.25\n3.25\n"), "5 draws of 4"),
        (lambda text: text[: text.index("#\n#  Elapsed")], "has no footer"),
        (lambda text: text[: text.index("(Sampling)")], "cut off"),
        (lambda text: text[: text.index("(Total)")], "cut off"),
        (lambda text: text[: text.index("#                0.024")], "has no footer"),
        (lambda text: "", "0 draws of 4"),
    ],
)
def test_a_chain_that_is_not_whole_has_failed(tmp_path: Path, breaks: Breaks, message: str) -> None:
    """Cut anywhere, a CSV is no chain, whatever exit code the sampler gave."""
    path = tmp_path / "chain_1.csv"
    path.write_text(breaks(nuts_text(DRAWS)))
    with pytest.raises(ChainError, match=message) as caught:
        check_csv(path, WHOLE, chain="chain 1")
    assert str(path) in str(caught.value)


def test_an_approximation_ends_its_last_line(tmp_path: Path) -> None:
    """ADVI writes no footer: without the end of its last line, digits may be missing."""
    path = tmp_path / "chain_1.csv"
    path.write_text(advi_text({"lp__": np.zeros(4), "mu": DRAWS["mu"]}).removesuffix("5\n"))
    with pytest.raises(ChainError, match="its last line is cut off"):
        check_csv(path, Rows(3, before=1, footer=False), chain="the approximation")


def test_output_that_is_lost_in_silence_is_an_error(tmp_path: Path) -> None:
    """CmdStan may exit with 0 and leave no file: that is the chain's failure, said as such."""
    with pytest.raises(ChainError, match="chain 1 left no CSV: No such file"):
        check_csv(tmp_path / "nowhere" / "chain_1.csv", WHOLE, chain="chain 1")


def test_a_failed_sampler_is_quoted(tmp_path: Path) -> None:
    """The error holds the exit code and the sampler's own last words, and is not tried again."""
    log = tmp_path / "log"
    command = ["sh", "-c", "echo start >> started; echo Rejecting initial value >&2; exit 3"]
    with pytest.raises(ChainError, match=r"exit code 3(.|\n)*Rejecting initial value"):
        run_program([*command[:2], f"cd {tmp_path}; {command[2]}"], log, chain="chain 1")
    assert (tmp_path / "started").read_text() == "start\n"


@pytest.mark.parametrize(
    "words",
    [
        'Cannot write output file "chain.csv": No space left on device.',
        "Cannot write to the standard output: No space left on device.",
        "std::bad_alloc",
    ],
)
def test_a_machine_without_room_is_no_answer_of_the_program(tmp_path: Path, words: str) -> None:
    """What is decided by a failure of the program is not decided by a full disk, or memory."""
    command = ["sh", "-c", f"echo '{words}' >&2; exit 1"]
    with pytest.raises(ChainError, match=f"last words:\n  {words}") as caught:
        run_program(command, tmp_path / "log", chain="chain 1")
    assert not isinstance(caught.value, ProgramFailedError)
    assert "make room on the disk" in str(caught.value)


def test_a_killed_sampler_is_started_once_more(tmp_path: Path) -> None:
    """A chain's draws depend on its seed alone, so a kill by somebody else costs time only."""
    script = f"cd {tmp_path}; test -e first && exit 0; touch first; kill -9 $$"
    assert run_program(["sh", "-c", script], tmp_path / "log", chain="chain 1") == {"starts": 2}


def test_a_sampler_that_saves_is_asked_to_end_once(tmp_path: Path) -> None:
    """A signal to the whole group, as Ctrl-C, does not end it before it has saved its state."""
    signals = "; ".join(f"kill -{name} $$" for name in ("INT", "TERM", "HUP"))
    asked = f"sleep 0.2; echo asked >> {tmp_path}/asked; exit 0"
    script = f"trap '{asked}' XCPU; {signals}; while :; do sleep 0.05; done"
    with pytest.raises(ChainError, match="time limit of 1s"):
        run_program(
            ["sh", "-c", script],
            tmp_path / "log",
            chain="chain 1",
            time_limit="1s",
            saving={"STATE": "here"},
        )
    assert (tmp_path / "asked").read_text() == "asked\n"


@pytest.mark.parametrize("output", ["", "exec 1>&- 2>&-; "], ids=["open", "closed"])
def test_a_sampler_whose_iteration_does_not_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    """One that is asked to end and does not is killed after some seconds, and none is left."""
    monkeypatch.setattr("stanchion.stan.process._SAVE_SECONDS", 1)
    script = f"echo $$ > {tmp_path}/process; trap '' XCPU; {output}while :; do sleep 0.05; done"
    before = time.monotonic()
    with pytest.raises(ChainError, match="time limit of 1s"):
        run_program(
            ["sh", "-c", script],
            tmp_path / "log",
            chain="chain 1",
            time_limit="1s",
            saving={"STATE": "here"},
        )
    assert time.monotonic() - before < 10
    assert not Path(f"/proc/{(tmp_path / 'process').read_text().strip()}").exists()


def test_a_sampler_killed_twice_says_by_what(tmp_path: Path) -> None:
    """The signal's name is in the message."""
    with pytest.raises(ChainError, match="chain 1 was killed by SIGTERM, twice"):
        run_program(["sh", "-c", "kill -15 $$"], tmp_path / "log", chain="chain 1")


def test_a_program_that_cannot_start_is_named(tmp_path: Path) -> None:
    """A missing executable is one sentence."""
    with pytest.raises(ChainError, match="chain 1 could not be started: No such file"):
        run_program([str(tmp_path / "model")], tmp_path / "log", chain="chain 1")


def test_a_chain_ends_when_its_time_is_over(tmp_path: Path) -> None:
    """Beyond its time limit a chain is ended, not tried again, and the error says what to do."""
    begun = time.monotonic()
    command = ["sh", "-c", f"echo begun | tee -a {tmp_path}/starts; exec sleep 60"]
    with pytest.raises(ChainError, match=r"within its time limit of 1s(.|\n)*begun") as caught:
        run_program(command, tmp_path / "log", chain="chain 1", time_limit="1s")
    assert 1 <= time.monotonic() - begun < 20
    assert (tmp_path / "starts").read_text() == "begun\n"
    assert caught.value.faults[0].key == "time_limit"


def test_a_time_limit_is_kept_by_a_chain_that_never_falls_silent(tmp_path: Path) -> None:
    """Output that never ends does not keep a chain alive, nor does an output that was closed."""
    for script in ("exec yes", "exec >/dev/null 2>&1; exec sleep 60"):
        with pytest.raises(ChainError, match="within its time limit"):
            run_program(["sh", "-c", script], tmp_path / "log", chain="chain 1", time_limit="1s")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86400)]
)
def test_durations(text: str, seconds: int) -> None:
    """A whole number and a unit are that many seconds."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["2", "h", "0h", "-1h", "1.5h", "2 h", "2H", "1h30m", "1w", ""])
def test_what_is_no_duration(text: str) -> None:
    """Without a unit, with another one, with a sign, a point or a blank it is no duration."""
    with pytest.raises(ValueError, match="is not a whole number and a unit"):
        seconds_of(text)


def test_a_log_of_gigabytes_is_bounded(tmp_path: Path) -> None:
    """Of what a program prints without end the log keeps the beginning, the end, and a sentence."""
    log = tmp_path / "log"
    script = "echo first; head -c 300000000 /dev/zero | tr '\\0' x; echo; echo the very last"
    notes = run_program(["sh", "-c", script], log, chain="chain 1")
    text = log.read_text().partition("\n")[2]
    assert len(text) < (5 << 20)
    assert text.startswith("first\n") and text.endswith("the very last\n")
    stored = text.count("x")
    omitted = int(re.search(r"leaves out (\d+) bytes", notes["log"])[1])
    assert "print()" in notes["log"] and notes["log"].removeprefix("chain 1: ") in text
    assert stored + omitted == 300_000_000


def test_a_log_below_the_bound_is_whole(tmp_path: Path) -> None:
    """Just below, at and just above the bound no byte is lost or told twice."""
    for size in (sampling._LOG_LIMIT - 1, sampling._LOG_LIMIT, sampling._LOG_LIMIT + 70_000):
        log = tmp_path / f"log{size}"
        script = f"head -c {size - 4} /dev/zero | tr '\\0' .; echo end"
        notes = run_program(["sh", "-c", script], log, chain="chain 1")
        printed = log.read_bytes().partition(b"\n")[2]
        assert printed.count(b".") + 4 == size - (70_000 - (64 << 10)) * (size > len(printed))
        assert ("log" in notes) == (size > sampling._LOG_LIMIT)


def test_a_log_on_a_full_disk_costs_no_draw(tmp_path: Path) -> None:
    """A log that cannot be written is said, and the program goes on to its end."""
    (tmp_path / "log").symlink_to("/dev/full")
    notes = run_program(["sh", "-c", "echo a; exit 0"], tmp_path / "log", chain="chain 1")
    assert notes["log"] == "chain 1: its log is not whole: no space left on device"


def test_a_program_that_does_not_run_here_is_told(tmp_path: Path) -> None:
    """Only a program that describes itself counts as one that starts."""
    scripts = {"good": "echo stan_version_major = 2", "bad": "exit 1", "other": "echo hello"}
    for name, script in scripts.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "damaged").write_bytes(b"\x7fELF\0")
    (tmp_path / "damaged").chmod(0o755)
    starts = {path.name for path in tmp_path.iterdir() if check_starts(path)}
    assert starts == {"good"}
