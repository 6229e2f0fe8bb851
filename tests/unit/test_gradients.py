"""Gradients that Pathfinder took, as its log lets them be counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanchion.stan.gradients import append_gradients, gradients_in, path_gradients

HEAD = (
    "Path [{}] : Iter      log prob        ||dx||      ||grad||     alpha      alpha0      # evals"
)
ROW = " {} -7.9e-01 1.0e-03 1.2e-04 1.000e+00 1.000e+00 {} {} {}"
BEST = "Path [{}] :Best Iter: [2] ELBO (-33.9) evaluations: (1066)"


def log_of(folder: Path, *lines: str) -> Path:
    path = folder / "log"
    path.write_text("\n".join(["$ program", "    num_elbo_draws = 25 (Default)", *lines, ""]))
    return path


def iterations(
    path: int, sums: list[int], elbo: str = "-3.3e+01", best: str = "-4e+01"
) -> list[str]:
    lines = []
    for number, total in enumerate(sums, start=1):
        lines += [HEAD.format(path), ROW.format(number, total, elbo, best)]
    return lines


def test_the_last_iteration_s_share_is_the_count(tmp_path: Path) -> None:
    """Each sum adds all gradients so far once more: 4, 5 and 7 of one path, 3 of another."""
    first = iterations(1, [1 + 4 + 25, 1 + 4 + 5 + 50, 1 + 4 + 5 + 7 + 75])
    second = iterations(2, [1 + 3 + 25])
    log = log_of(tmp_path, *first, BEST.format(1), *second, BEST.format(2))
    assert path_gradients(log) == 7 + 3


def test_an_iteration_without_elbo_is_counted_without(tmp_path: Path) -> None:
    """Where the line search fails nothing is evaluated for the ELBO, which is printed as nan."""
    lines = [*iterations(1, [1 + 4 + 25]), *iterations(1, [1 + 4 + 25 + 9], "-1e+00", "nan")]
    assert path_gradients(log_of(tmp_path, *lines, BEST.format(1))) == 9


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["no iteration was printed", BEST.format(1)],
        [*iterations(1, [30]), "[its log leaves out 3 kB]"],
        [HEAD.format(1), " 24 -7.9e-01 torn", BEST.format(1)],
        [*iterations(1, [60, 30]), BEST.format(1)],
    ],
)
def test_what_cannot_be_counted_is_not_known(tmp_path: Path, lines: list[str]) -> None:
    """A log without iterations, cut off, or with sums that cannot be, gives no number."""
    assert path_gradients(log_of(tmp_path, *lines)) is None


def test_a_run_before_is_not_counted(tmp_path: Path) -> None:
    """A log may hold several programs' words; the last one's count."""
    log = log_of(tmp_path, *iterations(1, [30]), BEST.format(1))
    log.write_text(log.read_text() + log.read_text().replace(" 30 ", " 31 "))
    assert path_gradients(log) == 5


def test_the_count_stays_with_the_csv(tmp_path: Path) -> None:
    """A comment at its end, which is there when the CSV comes from the cache."""
    csv = tmp_path / "chain.csv"
    csv.write_text("mu\n1\n")
    assert gradients_in(csv) is None
    append_gradients(csv, None)
    assert csv.read_text() == "mu\n1\n"
    append_gradients(csv, 42)
    assert gradients_in(csv) == 42
