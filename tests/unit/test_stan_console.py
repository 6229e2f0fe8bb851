"""What a sampler's console says of generated quantities."""

from __future__ import annotations

from pathlib import Path

from stanchion.stan.console import append_messages, complaints
from stanchion.stan.program import read_sources

RNG = "Exception: normal_rng: Scale parameter is {}, but must be positive! (in 'a.stan', line 9)\n"
REJECTED = (
    "Informational Message: The current Metropolis proposal is about to be rejected because of "
    "the following issue:\n"
    "Exception: normal_lpdf: Scale parameter is 0, but must be positive!\n"
    "If this warning occurs sporadically, such as for highly constrained variable types\n"
)
REFUSED = (
    "Rejecting initial value:\n  Error evaluating the log probability at the initial value.\n"
    "Exception: normal_lpdf: Scale parameter is 0, but must be positive!\n"
)


def test_complaints_of_generated_quantities_are_counted(tmp_path: Path) -> None:
    """Those that differ in numbers only are one; rejected proposals and starts do not count."""
    log = tmp_path / "log"
    words = [RNG.format(-1), REFUSED, REJECTED, RNG.format(-2.5e-3), "Exception: other\n"]
    log.write_text("".join(["$ model sample\n", *words]))
    assert complaints(log) == [
        "2 times: normal_rng: Scale parameter is -1, but must be positive! (in 'a.stan', line 9)",
        "once: other",
    ]


def test_only_the_last_program_of_a_log_speaks(tmp_path: Path) -> None:
    """A chain that was killed and started again, or the chains of a prior."""
    log = tmp_path / "log"
    log.write_text(f"$ model one\n{RNG.format(-1)}$ model two\nIteration: 1\n")
    assert complaints(log) == []


def test_messages_are_few_and_short(tmp_path: Path) -> None:
    """A million lines, or one of a million letters, leave a Stan CSV as small as it was."""
    log, csv = tmp_path / "log", tmp_path / "chain.csv"
    log.write_text("".join(f"Exception: {'x' * 10**5}{chr(97 + n)}\n" for n in range(20)))
    append_messages(csv, complaints(log))
    lines = csv.read_text().splitlines()
    assert len(lines) <= 5 and all(len(line) < 350 and line.startswith("# ") for line in lines)


def test_an_include_is_named_as_the_program_names_it(tmp_path: Path) -> None:
    """A compiled program knows the copies that it was made from, in whatever project that was."""
    sources = tmp_path / "one.stan"
    sources.write_text("#include ../f.stan\n")
    (tmp_path.parent / "f.stan").write_text("")
    copies = [*read_sources(sources).copy(tmp_path / ".stanchion/tmp/0-node-1/inputs/program/0")]
    log = tmp_path / "log"
    log.write_text(
        f"$ model\nException: no (in '{copies[1]}', line 2, included from\n'one.stan')\n"
    )
    assert complaints(log) == ["once: no (in '../f.stan', line 2, included from"]
    (tmp_path.parent / "f.stan").unlink()
