"""The command lines of CmdStan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stanchion.methods.advi import Advi
from stanchion.methods.nuts import Nuts
from stanchion.stan.command import SIGNIFICANT_DIGITS, RunFiles, run_command

NUTS = Nuts(warmup=500, thin=2, adapt_delta=0.95, max_treedepth=12, metric="dense_e")
ADVI = Advi(algorithm="fullrank", draws=250, adapt_engaged=False)
DATA = Path("d.json")
FILES: dict[str, Any] = {"files": RunFiles(DATA), "output": Path("o.csv"), "chain": 3, "seed": 7}


def words(command: list[str]) -> str:
    """The command line as one would type it."""
    return " ".join(command)


def test_chain_is_one_process_with_its_number() -> None:
    """Every resolved argument is written out; the chain's number goes to `id`."""
    assert words(run_command(NUTS.command(), **FILES, threads=2)) == (
        "method=sample num_samples=1000 num_warmup=500 save_warmup=0 thin=2 "
        "adapt engaged=1 delta=0.95 algorithm=hmc engine=nuts max_depth=12 metric=dense_e "
        "num_chains=1 id=3 data file=d.json init=2 random seed=7 "
        f"output file=o.csv refresh=100 sig_figs={SIGNIFICANT_DIGITS} num_threads=2"
    )


def test_advi_is_written_out() -> None:
    """Every resolved argument of ADVI is there; `iter` of the adaptation follows `adapt`."""
    assert words(run_command(ADVI.command(), **FILES)).startswith(
        "method=variational algorithm=fullrank iter=10000 grad_samples=1 elbo_samples=100 eta=1 "
        "adapt engaged=0 iter=50 tol_rel_obj=0.01 eval_elbo=100 output_samples=250 id=3 "
    )


@pytest.mark.parametrize(
    ("start", "written"),
    [(None, "init=2"), (0.0, "init=0"), (0.5, "init=0.5"), (Path("s.json"), "init=s.json")],
)
def test_init_is_a_number_or_a_file(start: Path | float | None, written: str) -> None:
    """CmdStan's 2 stands where nothing is declared."""
    file, number = (start, None) if isinstance(start, Path) else (None, start)
    files = {**FILES, "files": RunFiles(DATA, init=file)}
    assert written in run_command(NUTS.command(), **files, start=number)


def test_metric_and_mode_stand_with_their_method() -> None:
    """A file of the inverse metric follows the metric, and one of the mode follows laplace."""
    files = {**FILES, "files": RunFiles(DATA, metric=Path("m.json"), mode=Path("o.json"))}
    assert "metric=dense_e metric_file=m.json num_chains=1" in words(
        run_command(NUTS.command(), **files)
    )
    laplace = run_command(["method=laplace", "jacobian=1"], **files)
    assert laplace[:3] == ["method=laplace", "mode=o.json", "jacobian=1"]


@pytest.mark.parametrize("value", [1e-300, 0.1 + 0.2, 5e-324, 0.8])
def test_numbers_are_read_back_as_themselves(value: float) -> None:
    """No digit of a declared number is lost on the command line."""
    command = Nuts.model_construct(adapt_delta=value).command()
    content = next(word for word in command if word.startswith("delta="))
    assert float(content.removeprefix("delta=")) == value


@pytest.mark.parametrize("value", [1 / 3, 0.1 + 0.2, 2**-1074 * 3, 123456789.123456789])
def test_digits_give_back_every_double(value: float) -> None:
    """A draw printed with this many digits is read back as the same double."""
    assert float(f"{value:.{SIGNIFICANT_DIGITS}g}") == value
