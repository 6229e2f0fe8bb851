"""The driver's command line and its inputs: what is read, and what is refused in which words."""

from __future__ import annotations

import pytest

from tests.stan.coin import SAMPLE, SHORT, TOSSES, Coin, coin

__all__ = ["coin"]
pytestmark = pytest.mark.stan


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("sample num_samples=-1", '-1 is not a valid value for "num_samples"'),
        ("sample thin=0", "  Valid values: 0 < thin"),
        ("sample adapt delta=1.5", "  Valid values: 0.100000 <= delta <= 1.000000"),
        ("sample algorithm=nuts", "  Valid values: hmc, fixed_param"),
        ("sample save_warmup=yes", "  Valid values: [0, 1, false, true]"),
        ("sample random seed=4294967296", '4294967296 is not a valid value for "seed"'),
        ("sample output sig_figs=19", '19 is not a valid value for "sig_figs"'),
        ("sample num_threads=0", "  Valid values: num_threads > 0 || num_threads == -1"),
        ("sample max_depth=5", "  method=sample algorithm=hmc engine=nuts max_depth=<int>"),
        ("sample init_buffer=5", "  method=sample adapt init_buffer=<unsigned int>"),
        ("data file=coin.json", "A method must be specified!"),
        ("sample data file=coin.json data file=coin.json", "data is either mistyped or misplaced."),
    ],
)
def test_refused_arguments(coin: Coin, arguments: str, message: str) -> None:
    """What is not allowed is refused in CmdStan's words."""
    said = coin.refuses(arguments)
    assert message in said.splitlines()
    assert said.endswith("Failed to parse command arguments, cannot run model.\n")


@pytest.mark.parametrize(
    "argument",
    ["num_samples=10.5", "num_samples=1e3", "num_samples", "thin=2x", "adapt gamma=0.1.2",
     "adapt gamma=nan", "adapt init_buffer=-1"],
)  # fmt: skip
def test_malformed_values_are_refused(coin: Coin, argument: str) -> None:
    """What CmdStan would read as another number, or let go, is an error."""
    coin.refuses(f"sample {argument} data file=coin.json output file=out.csv")
    assert coin.names() == set()


def test_same_argument_twice(coin: Coin) -> None:
    """The last of two values counts, so that a script can append its own."""
    said = coin.do(f"{SAMPLE} refresh=5 sig_figs=3".replace("seed=7", "seed=7 seed=8"))
    assert "  seed = 8\n" in said
    assert "  refresh = 5\n" in said


def test_help_of_one_argument(coin: Coin) -> None:
    """Help asked of an argument is about that one."""
    said = coin.do("sample adapt delta help")
    assert said.startswith("delta=<double>\n  Adaptation target acceptance statistic\n")


def test_threads_from_the_environment(coin: Coin, monkeypatch: pytest.MonkeyPatch) -> None:
    """STAN_NUM_THREADS is the default of num_threads, and must be a number."""
    monkeypatch.setenv("STAN_NUM_THREADS", "2")
    assert "num_threads = 2 (Default)\n" in coin.do(SAMPLE)
    monkeypatch.setenv("STAN_NUM_THREADS", "two")
    assert "STAN_NUM_THREADS is 'two'" in coin.refuses(SAMPLE)


def test_inits_for_chains(coin: Coin) -> None:
    """Files with the chains' ids are taken; else one file for all, with a warning."""
    common = f"sample {SHORT} num_chains=2 data file=coin.json random seed=7 output refresh=0"
    coin.write("start.json", '{"theta": 0.3}')
    done = coin.run(f"{common} init=start.json")
    assert done.returncode == 0
    assert "Warning: file 'start.json' is being used to initialize all 2 chains!" in done.stderr
    coin.write("start_1.json", '{"theta": 0.3}')
    coin.write("start_2.json", '{"theta": 1.3}')
    assert coin.run(f"{common} init=start.json").returncode == 1
    assert coin.run(f"{common} init=start_1.json,start.json").returncode == 0


@pytest.mark.parametrize("init", ["-1", "nan", "inf", "nowhere.json", "start.txt"])
def test_bad_inits_are_refused(coin: Coin, init: str) -> None:
    """A radius below zero and a file that cannot be read do not start a chain."""
    coin.refuses(f"{SAMPLE} init={init}")
    assert coin.names() == set()


def test_r_dump(coin: Coin) -> None:
    """Data in R's old format are read, with a warning."""
    ones = ", ".join(str(y) for y in TOSSES["y"])
    coin.write("coin.R", f"N <- 40\ny <- c({ones})\ncrash <- 0\n")
    done = coin.run(f"{SAMPLE} file=r.csv".replace("coin.json", "coin.R"))
    assert done.returncode == 0
    assert "'RDump' file" in done.stderr
    coin.do(f"{SAMPLE} file=json.csv")
    assert coin.rows("r.csv") == coin.rows("json.csv")
