"""The command lines of CmdStan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stanchion.stan.command import SIGNIFICANT_DIGITS, sample_command, variational_command

NUTS: dict[str, Any] = {
    "draws": 1000,
    "warmup": 500,
    "thin": 2,
    "adapt_delta": 0.95,
    "max_treedepth": 12,
    "metric": "dense_e",
    "init": None,
}
ADVI: dict[str, Any] = {
    "algorithm": "fullrank",
    "draws": 250,
    "iter": 10000,
    "grad_samples": 1,
    "elbo_samples": 100,
    "eta": 1.0,
    "adapt_engaged": False,
    "adapt_iter": 50,
    "tol_rel_obj": 0.01,
    "eval_elbo": 100,
    "init": 0.0,
}
FILES: dict[str, Any] = {"data": Path("d.json"), "output": Path("o.csv"), "chain": 3, "seed": 7}


def words(command: list[str]) -> str:
    """The command line as one would type it."""
    return " ".join(command)


def test_chain_is_one_process_with_its_number() -> None:
    """Every resolved argument is written out; the chain's number goes to `id`."""
    assert words(sample_command(NUTS, **FILES, threads=2)) == (
        "method=sample num_samples=1000 num_warmup=500 save_warmup=0 thin=2 "
        "adapt engaged=1 delta=0.95 algorithm=hmc engine=nuts max_depth=12 metric=dense_e "
        "num_chains=1 id=3 data file=d.json init=2 random seed=7 "
        f"output file=o.csv refresh=100 sig_figs={SIGNIFICANT_DIGITS} num_threads=2"
    )


def test_no_warmup_means_no_adaptation() -> None:
    """CmdStan refuses to adapt in zero iterations."""
    assert "engaged=0" in sample_command(NUTS | {"warmup": 0}, **FILES)


def test_advi_is_written_out() -> None:
    """Every resolved argument of ADVI is there; `iter` of the adaptation follows `adapt`."""
    assert words(variational_command(ADVI, **FILES)).startswith(
        "method=variational algorithm=fullrank iter=10000 grad_samples=1 elbo_samples=100 eta=1 "
        "adapt engaged=0 iter=50 tol_rel_obj=0.01 eval_elbo=100 output_samples=250 id=3 "
    )


@pytest.mark.parametrize(
    ("declared", "file", "written"),
    [
        (None, None, "init=2"),
        (0.0, None, "init=0"),
        (0.5, None, "init=0.5"),
        (None, Path("start.json"), "init=start.json"),
    ],
)
def test_init_is_a_number_or_a_file(
    declared: float | None, file: Path | None, written: str
) -> None:
    """A file goes before a number, and CmdStan's 2 stands where nothing is declared."""
    assert written in sample_command(NUTS | {"init": declared}, **FILES, init=file)


@pytest.mark.parametrize("value", [1e-300, 0.1 + 0.2, 5e-324, 0.8])
def test_numbers_are_read_back_as_themselves(value: float) -> None:
    """No digit of a declared number is lost on the command line."""
    command = sample_command(NUTS | {"adapt_delta": value}, **FILES)
    written = next(word for word in command if word.startswith("delta="))
    assert float(written.removeprefix("delta=")) == value


@pytest.mark.parametrize("value", [1 / 3, 0.1 + 0.2, 2**-1074 * 3, 123456789.123456789])
def test_digits_give_back_every_double(value: float) -> None:
    """A draw printed with this many digits is read back as the same double."""
    assert float(f"{value:.{SIGNIFICANT_DIGITS}g}") == value
