"""A chain's process: what counts as whole, what is started again, what a failure says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stanchion.errors import ChainError
from stanchion.sampling import check_chain, check_rows, run_program
from tests.unit.draws_cases import advi_text, nuts_text

DRAWS = {"mu": np.array([0.5, 1.5, 2.5, 3.25])}
ENOUGH = len(DRAWS["mu"])
Breaks = Callable[[str], str]


def test_a_whole_chain_is_taken(tmp_path: Path) -> None:
    """Every draw, the footer to its end: nothing is said."""
    path = tmp_path / "chain_1.csv"
    path.write_text(nuts_text(DRAWS))
    check_chain(path, ENOUGH, chain="chain 1")


@pytest.mark.parametrize(
    ("breaks", "said"),
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
def test_a_chain_that_is_not_whole_has_failed(tmp_path: Path, breaks: Breaks, said: str) -> None:
    """Cut anywhere, a CSV is no chain, whatever exit code the sampler gave."""
    path = tmp_path / "chain_1.csv"
    path.write_text(breaks(nuts_text(DRAWS)))
    with pytest.raises(ChainError, match=said) as caught:
        check_chain(path, ENOUGH, chain="chain 1")
    assert str(path) in str(caught.value)


def test_an_approximation_ends_its_last_line(tmp_path: Path) -> None:
    """ADVI writes no footer: without the end of its last line, digits may be missing."""
    path = tmp_path / "chain_1.csv"
    path.write_text(advi_text({"lp__": np.zeros(4), "mu": DRAWS["mu"]}).removesuffix("5\n"))
    with pytest.raises(ChainError, match="its last line is cut off"):
        check_rows(path, ENOUGH, chain="the approximation")


def test_output_that_is_lost_in_silence_is_an_error(tmp_path: Path) -> None:
    """CmdStan may exit with 0 and leave no file: that is the chain's failure, said as such."""
    with pytest.raises(ChainError, match="chain 1 left no CSV: No such file"):
        check_chain(tmp_path / "nowhere" / "chain_1.csv", ENOUGH, chain="chain 1")


def test_a_failed_sampler_is_quoted(tmp_path: Path) -> None:
    """The error holds the exit code and the sampler's own last words, and is not tried again."""
    log = tmp_path / "log"
    command = ["sh", "-c", "echo start >> started; echo Rejecting initial value >&2; exit 3"]
    with pytest.raises(ChainError, match=r"exit code 3(.|\n)*Rejecting initial value"):
        run_program([*command[:2], f"cd {tmp_path}; {command[2]}"], log, chain="chain 1")
    assert (tmp_path / "started").read_text() == "start\n"


def test_a_killed_sampler_is_started_once_more(tmp_path: Path) -> None:
    """A chain's draws depend on its seed alone, so a kill by somebody else costs time only."""
    script = f"cd {tmp_path}; test -e first && exit 0; touch first; kill -9 $$"
    assert run_program(["sh", "-c", script], tmp_path / "log", chain="chain 1") == 2


def test_a_sampler_killed_twice_says_by_what(tmp_path: Path) -> None:
    """The signal's name is in the message."""
    with pytest.raises(ChainError, match="chain 1 was killed by SIGTERM, twice"):
        run_program(["sh", "-c", "kill -15 $$"], tmp_path / "log", chain="chain 1")


def test_a_program_that_cannot_start_is_named(tmp_path: Path) -> None:
    """A missing executable is one sentence."""
    with pytest.raises(ChainError, match="chain 1 could not be started: No such file"):
        run_program([str(tmp_path / "model")], tmp_path / "log", chain="chain 1")
