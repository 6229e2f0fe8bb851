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
    output = coin.refuses(arguments)
    assert message in output.splitlines()
    assert output.endswith("Failed to parse command arguments, cannot run model.\n")


# The bounds that CmdStan's own help states, less the two that it does not hold itself to: draws and
# warmup, and widths of the adaptation's windows, may be 0.
COUNTS = (
    *("sample thin", "sample num_chains", "sample algorithm=hmc engine=nuts max_depth"),
    *("optimize iter", "optimize algorithm=lbfgs history_size", "generate_quantities num_chains"),
    *(f"variational {n}" for n in ("iter", "grad_samples", "elbo_samples", "eval_elbo")),
    *("variational output_samples", "variational adapt iter"),
    *(f"pathfinder {n}" for n in ("num_psis_draws", "num_paths", "num_draws", "num_elbo_draws")),
    *("pathfinder max_lbfgs_iters", "pathfinder history_size"),
)
COUNTS_OR_NONE = (
    *("sample num_samples", "sample num_warmup", "laplace draws", "sample id"),
    *(f"sample adapt {n}" for n in ("init_buffer", "term_buffer", "window")),
    "sample output refresh",
)
TOLERANCES = ("init_alpha", "tol_obj", "tol_rel_obj", "tol_grad", "tol_rel_grad", "tol_param")
POSITIVE = (
    *(f"sample adapt {n}" for n in ("gamma", "kappa", "t0")),
    *("sample algorithm=hmc stepsize", "sample algorithm=hmc engine=static int_time"),
    *(f"{m} {n}" for m in ("optimize algorithm=bfgs", "pathfinder") for n in TOLERANCES),
    *("variational eta", "variational tol_rel_obj"),
    *("diagnose test=gradient epsilon", "diagnose test=gradient error"),
)
FLAGS = (
    *("sample save_warmup", "sample adapt engaged", "sample adapt save_metric"),
    *("optimize jacobian", "optimize save_iterations", "variational adapt engaged"),
    *(f"pathfinder {n}" for n in ("save_single_paths", "psis_resample", "calculate_lp")),
    *("log_prob jacobian", "laplace jacobian", "laplace calculate_lp"),
    "sample output save_cmdstan_config",
)
BOUNDS = [
    *((name, "1 2147483647", "0 -1 2147483648 1.5 one") for name in COUNTS),
    *((name, "0 1 2147483647", "-1 2147483648 0.5") for name in COUNTS_OR_NONE),
    *((name, "1e-300 0.5 1e300", "0 -0.1 nan 1e999 half") for name in POSITIVE),
    *((name, "0 1 false true", "2 yes True") for name in FLAGS),
    ("sample adapt delta", "0.1 0.999", "0 0.09 1 1.1 -1"),
    ("sample algorithm=hmc stepsize_jitter", "0 0.5 1", "-0.1 1.1"),
    ("sample random seed", "-1 0 4294967295", "-2 4294967296 0.5"),
    ("sample output sig_figs", "-1 0 1 18", "-2 19 2.5"),
    ("sample num_threads", "-1 1 64", "0 -2 1.5"),
    ("sample algorithm", "hmc fixed_param", "nuts"),
    ("sample algorithm=hmc engine", "nuts static", "hmc"),
    ("sample algorithm=hmc metric", "unit_e diag_e dense_e", "diag"),
    ("optimize algorithm", "bfgs lbfgs newton", "sgd"),
    ("variational algorithm", "meanfield fullrank", "lowrank"),
    ("diagnose test", "gradient", "hessian"),
]


@pytest.mark.parametrize(("argument", "allowed", "refused"), BOUNDS, ids=[b[0] for b in BOUNDS])
def test_bounds(coin: Coin, argument: str, allowed: str, refused: str) -> None:
    """What an argument's bounds allow is taken, and what they do not is refused by its name."""
    name = argument.rpartition(" ")[2]
    for value in allowed.split():
        coin.do(f"{argument}={value} help")
    for value in refused.split():
        assert f'{value} is not a valid value for "{name}"' in coin.refuses(f"{argument}={value}")


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
    output = coin.do(f"{SAMPLE} refresh=5 sig_figs=3".replace("seed=7", "seed=7 seed=8"))
    assert "  seed = 8\n" in output
    assert "  refresh = 5\n" in output


def test_help_of_one_argument(coin: Coin) -> None:
    """Help asked of an argument is about that one."""
    output = coin.do("sample adapt delta help")
    assert output.startswith("delta=<double>\n  Adaptation target acceptance statistic\n")


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
    completed = coin.run(f"{common} init=start.json")
    assert completed.returncode == 0
    assert (
        "Warning: file 'start.json' is being used to initialize all 2 chains!" in completed.stderr
    )
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
    completed = coin.run(f"{SAMPLE} file=r.csv".replace("coin.json", "coin.R"))
    assert completed.returncode == 0
    assert "'RDump' file" in completed.stderr
    coin.do(f"{SAMPLE} file=json.csv")
    assert coin.rows("r.csv") == coin.rows("json.csv")
