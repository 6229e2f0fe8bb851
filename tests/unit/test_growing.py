"""A chain that grows is read as it grows, and the numbers are those of reading it at once."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from stanchion.draws import growing
from stanchion.draws.growing import GrowingChain
from stanchion.draws.stan_csv import read_chains
from stanchion.errors import ChainError
from stanchion.stan.rows import Rows
from tests.unit.draws_cases import nuts_text

ADAPTED = "# Adaptation terminated\n# Step size = 0.5\n"


def write(folder: Path, draws: int, *, before: int = 0, seed: int = 1) -> Path:
    """A chain whose shorter ones have its first rows."""
    moving = {"mu": np.random.default_rng(seed).normal(size=(200, 2))[: before + draws, 0]}
    moving["y.1"] = moving["mu"] / 3
    text = nuts_text(moving, lp__=-moving["mu"], energy__=1.0)
    lines = text.splitlines(keepends=True)
    names = next(number for number, line in enumerate(lines) if line.startswith("lp__"))
    lines.insert(names + 1 + before, ADAPTED)
    path = folder / f"chain_{draws}.csv"
    path.write_text("".join(lines))
    return path


def is_wanted(name: str) -> bool:
    return name in {"lp__", "mu"}


@pytest.mark.parametrize("before", [0, 7])
def test_rows_are_those_of_the_whole_file(tmp_path: Path, before: int) -> None:
    """After each step the wanted columns are those of the whole file, without saved warm-up."""
    chain = GrowingChain(is_wanted)
    for draws in (5, 10, 15, 40):
        path, expected = write(tmp_path, draws, before=before), Rows(draws, before=before)
        values = chain.read(path, expected)
        whole = read_chains([path], expected)
        assert chain.columns == ("lp__", "mu")
        indices = [whole.columns.index(name) for name in chain.columns]
        assert np.array_equal(values, whole.values[0][:, indices])


def test_only_new_rows_are_parsed(tmp_path: Path) -> None:
    """What was read before is not parsed again."""
    chain, sizes = GrowingChain(is_wanted), []
    real = growing.np.loadtxt

    def counting(*arguments: object, **options: object) -> object:
        rows = real(*arguments, **options)
        sizes.append(len(rows))
        return rows

    with mock.patch.object(growing.np, "loadtxt", counting):
        for draws, known in ((5, 0), (10, 5), (25, 10)):
            chain.read(write(tmp_path, draws), Rows(draws))
            assert chain.known == known
        chain.read(write(tmp_path, 25), Rows(25))
    assert sizes == [5, 5, 15]


def test_chain_that_begins_otherwise_is_read_anew(tmp_path: Path) -> None:
    """Where the rows so far are not those of the longer chain, all of its own are taken."""
    chain = GrowingChain(is_wanted)
    chain.read(write(tmp_path, 5), Rows(5))
    other = write(tmp_path, 10, seed=2)
    values = chain.read(other, Rows(10))
    assert chain.known == 0
    assert np.array_equal(values[:, 1], read_chains([other], Rows(10)).values[0][:, -2])


def test_missing_rows_are_refused(tmp_path: Path) -> None:
    """A chain with other than the expected rows, or a broken line, is not whole."""
    with pytest.raises(ChainError, match="5 rows of 6"):
        GrowingChain(is_wanted).read(write(tmp_path, 5), Rows(6))
    path = write(tmp_path, 5)
    path.write_text(path.read_text().replace("#\n#  Elapsed", "0.3,0.4\n#\n#  Elapsed"))
    with pytest.raises(ChainError, match="not whole"):
        GrowingChain(is_wanted).read(path, Rows(6))
