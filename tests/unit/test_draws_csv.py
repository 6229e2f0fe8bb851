"""The reader of Stan CSV: exact numbers, whole files or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stanchion.draws.stan_csv import read_chains
from stanchion.errors import ChainError
from stanchion.methods.nuts import Nuts
from stanchion.stan.rows import Rows
from tests.project import REFERENCE
from tests.unit.draws_cases import FOOTER, SAMPLE, advi_text, nuts_text, read_whole, write_chains

DRAWS = {"mu": np.array([0.1, 1 / 3, -2e-308, 1e300])}


def test_every_number_is_read_to_the_last_bit(tmp_path: Path) -> None:
    """The text of a double reads back as the same double."""
    values = np.random.default_rng(1).normal(size=500) * 10.0 ** np.arange(-250, 250)
    chains = read_whole(write_chains(tmp_path, [{"mu": values}]))
    np.testing.assert_array_equal(chains.values[0, :, chains.columns.index("mu")], values)


def test_chains_keep_the_order_of_their_files(tmp_path: Path) -> None:
    """The array is chain × draw × column."""
    paths = write_chains(tmp_path, [{"mu": np.full(3, 1.0)}, {"mu": np.full(3, 2.0)}])
    chains = read_whole(paths)
    assert chains.values.shape == (2, 3, 8)
    np.testing.assert_array_equal(chains.values[:, :, -1], [[1, 1, 1], [2, 2, 2]])


def test_nan_and_infinity_are_numbers(tmp_path: Path) -> None:
    """Stan writes nan, inf and -inf."""
    values = np.array([np.nan, np.inf, -np.inf])
    chains = read_whole(write_chains(tmp_path, [{"mu": values}]))
    np.testing.assert_array_equal(chains.values[0, :, -1], values)


def test_saved_warmup_is_left_out(tmp_path: Path) -> None:
    """With save_warmup the first rows are no draws of the posterior."""
    text = nuts_text({"mu": np.arange(7.0)})
    head = (
        SAMPLE.format(draws=10)
        .replace("save_warmup = false (Default)", "save_warmup = true")
        .replace("num_warmup = 1000 (Default)", "num_warmup = 8")
        .replace("thin = 1 (Default)", "thin = 3")
    )
    path = tmp_path / "chain.csv"
    path.write_text(text.replace(SAMPLE.format(draws=7), head))
    chains = read_whole([path])
    assert chains.values[0, :, -1].tolist() == [3, 4, 5, 6]
    assert chains.warmup is None
    chains = read_whole([path], keep=["warmup"])
    assert chains.values[0, :, -1].tolist() == [3, 4, 5, 6]
    assert chains.warmup is not None and chains.warmup[0, :, -1].tolist() == [0, 1, 2]


def test_a_chain_without_its_warmup_is_no_chain_with_one(tmp_path: Path) -> None:
    """Where the warm-up is to be kept and the sampler did not save it, the chain is refused."""
    paths = write_chains(tmp_path, [DRAWS])
    with pytest.raises(ChainError, match="it holds 0 draws of 4"):
        read_chains(paths, Nuts(draws=4).rows(["warmup"]), keep=["warmup"])


@pytest.mark.parametrize(
    ("lines", "metric"),
    [
        ("# Diagonal elements of inverse mass matrix:\n# 0.5, 2e-05\n", [0.5, 2e-05]),
        ("# Diagonal elements of inverse mass matrix:\n# 0.5\n", [0.5]),
        ("# Elements of inverse mass matrix:\n# 2, 0.1\n# 0.1, 3\n", [[2, 0.1], [0.1, 3]]),
        ("# Elements of inverse mass matrix:\n# 2\n", [[2]]),
        ("# No free parameters for unit metric\n", []),
    ],
)
def test_what_a_chain_adapted_to_is_read(tmp_path: Path, lines: str, metric: list[Any]) -> None:
    """Step size and inverse metric stand between warm-up and draws, saved or not."""
    text = nuts_text(DRAWS).splitlines(keepends=True)
    names = next(n for n, line in enumerate(text) if line.startswith("lp__"))
    block = f"# Adaptation terminated\n# Step size = 0.25\n{lines}"
    path = tmp_path / "chain.csv"
    for rows_before, output in ((0, None), (2, 2)):
        saved = "".join(text).replace("save_warmup = false (Default)", "save_warmup = true")
        whole = "".join(text) if output is None else saved.replace("= 1000 (Default)", "= 2")
        cut = whole.splitlines(keepends=True)
        draws = cut[names + 1 : names + 1 + rows_before]
        path.write_text("".join([*cut[: names + 1], *draws, block, *cut[names + 1 :]]))
        (adaptation,) = read_whole([path], keep=["metric"]).adaptation
        assert adaptation.step_size == 0.25
        assert adaptation.inverse_metric.tolist() == metric


def test_a_chain_that_does_not_say_what_it_adapted_to_is_refused(tmp_path: Path) -> None:
    """An empty group would be taken for a unit metric."""
    paths = write_chains(tmp_path, [DRAWS])
    assert read_whole(paths).adaptation == ()
    with pytest.raises(ChainError, match="step size and inverse metric"):
        read_whole(paths, keep=["metric"])


def test_the_mean_of_an_approximation_is_left_out(tmp_path: Path) -> None:
    """The first row of ADVI's file is not a draw."""
    path = tmp_path / "advi.csv"
    path.write_text(advi_text({"lp__": np.zeros(4), "mu": np.arange(4.0)}))
    assert read_whole([path]).values[0, :, 1].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda text: text.replace(FOOTER, ""), "its footer with the elapsed time is missing"),
        (lambda text: text[: text.index("(Sampling)")], "its footer"),
        (lambda text: text[: text.index("1e+300") - 3], "a line is broken"),
        (lambda text: text.replace("1e+300\n", "1e+300,4\n"), "a line is broken"),
        (lambda text: text.replace("1e+300", "1e+3x0"), "a line is broken"),
        (lambda text: "".join(text.splitlines(keepends=True)[:-6]) + FOOTER, "3 draws of 4"),
        (lambda text: text.replace("\n#\n", "\n" + "0," * 7 + "1\n#\n", 1), "5 draws of 4"),
        (lambda text: text[: text.index("lp__")], "names of its columns"),
        (lambda text: text[: text.index("energy__,mu") + 12], "0 draws of 4"),
        (lambda text: text[text.index("lp__") :], "its header does not say what wrote it"),
        (lambda text: "", "its header does not say what wrote it"),
        (lambda text: text.rstrip("#\n"), "its last line is cut off"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, broken: object, message: str) -> None:
    """Whatever is missing, the message names the file and what is missing."""
    path = tmp_path / "chain_3.csv"
    path.write_text(broken(nuts_text(DRAWS)))  # type: ignore[operator]
    with pytest.raises(ChainError, match=message) as caught:
        read_chains([path], Rows(4))
    assert str(path) in str(caught.value)


def test_a_cut_approximation_is_refused(tmp_path: Path) -> None:
    """ADVI writes no footer, so the last number may have lost digits: its line must end."""
    path = tmp_path / "advi.csv"
    path.write_text(advi_text({"lp__": np.zeros(4), "mu": np.full(4, 1.25)}).removesuffix("5\n"))
    with pytest.raises(ChainError, match="its last line is cut off"):
        read_whole([path])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A chain that is not there is an error of the chain, not of Python."""
    with pytest.raises(ChainError, match="nowhere"):
        read_chains([tmp_path / "nowhere.csv"], Rows(4))


def test_chains_of_different_programs_are_refused(tmp_path: Path) -> None:
    """Chains must have the same columns and the same number of draws."""
    paths = write_chains(tmp_path, [{"mu": np.zeros(3)}, {"tau": np.zeros(3)}])
    with pytest.raises(ChainError, match=r"other columns than chain_1\.csv"):
        read_whole(paths)
    paths = write_chains(tmp_path, [{"mu": np.zeros(3)}, {"mu": np.zeros(4)}])
    with pytest.raises(ChainError, match="it holds 4 draws of 3") as caught:
        read_whole(paths)
    assert "chain_2.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("case", "shape"),
    [
        ("sample_shapes", (1, 40, 61)),
        ("sample_save_warmup_thin", (1, 20, 41)),
        ("fixed_param", (1, 10, 7)),
        ("variational_meanfield", (1, 100, 37)),
    ],
)
def test_files_of_cmdstan_are_read(case: str, shape: tuple[int, ...]) -> None:
    """CmdStan's own files hold as many draws as their command line asked for."""
    path = REFERENCE / "cmdstan" / "expected" / case / "out.csv"
    assert read_whole([path]).values.shape == shape
