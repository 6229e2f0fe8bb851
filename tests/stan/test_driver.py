"""The driver, CmdStan's command line, held to CmdStan itself and to what it documents.

The first tests compare with what CmdStan wrote (tests/reference/cmdstan). The others run a coin,
whose posterior, log density and Hessian are known in closed form.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from tests.reference.cmdstan import check
from tests.stan.coin import ONES, SAMPLE, SHORT, ZEROS, Coin, coin, compile_with_driver

__all__ = ["coin"]
pytestmark = pytest.mark.stan

CLOCK = re.compile(r"[0-9.e-]+ seconds|seed = \d+ \(Default\)|\d{4}-\d\d-\d\d [0-9:]+ UTC")


@pytest.fixture(scope="session")
def reference_runs(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the reference's command lines give with our driver, a folder for each case."""
    programs, runs = tmp_path_factory.mktemp("programs"), tmp_path_factory.mktemp("runs")
    for program in sorted(check.HERE.glob("*.stan")):
        compile_with_driver(program, programs / program.stem)
    check.run(programs, runs)
    return runs


def test_every_reference_case_agrees(
    reference_runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit codes, files and every CSV are CmdStan's; comments differ by a drawn seed alone."""
    failed = check.compare(reference_runs)
    output = capsys.readouterr().out
    assert failed == 0, output
    remarks = [line.partition(":")[0] for line in output.splitlines() if "[" in line]
    assert set(remarks) <= {"bad_init_rejected", "log_prob_constrained"}, output


def test_messages_agree(reference_runs: Path) -> None:
    """Both standard streams hold CmdStan's lines, less the clock, drawn seeds and file paths."""

    def lines(file: Path) -> list[str]:
        text = re.sub(r" \(in '.*", "", CLOCK.sub("", file.read_text()))
        return [line.rstrip() for line in text.splitlines() if line.strip()]

    for case in sorted(path for path in (check.HERE / "expected").iterdir() if path.is_dir()):
        for stream in ("stdout.txt", "stderr.txt"):
            ours = lines(reference_runs / case.name / stream)
            assert ours == lines(case / stream), f"{case.name}/{stream}"


def test_files_agree(reference_runs: Path) -> None:
    """No file is there that CmdStan does not write."""

    def names(folder: Path) -> set[str]:
        return {path.name for path in folder.iterdir()}

    for case in sorted(path for path in (check.HERE / "expected").iterdir() if path.is_dir()):
        assert names(reference_runs / case.name) <= names(case), case.name


def test_configuration_and_metric_agree(reference_runs: Path) -> None:
    """The JSON files are CmdStan's, less the clock and what stanc was called with."""

    def comparable(file: Path) -> str:
        return re.sub(r'"stancflags" : ".*"', "", CLOCK.sub("", file.read_text()))

    paths = sorted((check.HERE / "expected").glob("*/*.json"))
    assert paths
    for file in paths:
        ours = reference_runs / file.parent.name / file.name
        assert comparable(ours) == comparable(file)


def test_chains_of_one_process_are_those_of_several(coin: Coin) -> None:
    """Chain 2 of two is the chain that `id=2` gives, digit by digit."""
    coin.do(
        f"sample {SHORT} num_chains=2 data file=coin.json random seed=7 "
        "output refresh=0 file=both.csv num_threads=2"
    )
    for chain in (1, 2):
        coin.do(f"id={chain} {SAMPLE} file=one.csv")
        assert coin.rows("one.csv") == coin.rows(f"both_{chain}.csv")


def test_threads_do_not_change_draws(coin: Coin) -> None:
    """`reduce_sum_static` gives the same draws on one, two, four and all threads."""
    for threads in (1, 2, 4, -1):
        coin.do(f"num_threads={threads} {SAMPLE} file=on_{threads}.csv")
    assert all(coin.rows(f"on_{n}.csv") == coin.rows("on_1.csv") for n in (2, 4, -1))


def test_posterior_of_the_coin(coin: Coin) -> None:
    """NUTS finds the mean and sd of Beta(13, 29), within 5 standard errors at 4000 draws."""
    coin.do("sample num_samples=4000 data file=coin.json random seed=7 output refresh=0")
    draws = [float(row["theta"]) for row in coin.rows("output.csv")]
    a, b = 1 + ONES, 1 + ZEROS
    mean, sd = a / (a + b), math.sqrt(a * b / (a + b) ** 2 / (a + b + 1))
    result = sum(draws) / len(draws)
    spread = math.sqrt(sum((x - result) ** 2 for x in draws) / len(draws))
    # NUTS on one parameter has about a third as many effective draws as draws.
    assert abs(result - mean) < 5 * sd / math.sqrt(len(draws) / 3)
    assert abs(spread / sd - 1) < 5 / math.sqrt(2 * len(draws) / 3)


def test_significant_digits(coin: Coin) -> None:
    """`sig_figs` rounds what is written, and changes nothing else."""
    coin.do(f"{SAMPLE} file=all.csv sig_figs=18")
    for digits in (1, 4, 9):
        coin.do(f"{SAMPLE} file=some.csv sig_figs={digits}")
        expected = [
            {name: f"{float(cell):.{digits}g}" for name, cell in row.items()}
            for row in coin.rows("all.csv")
        ]
        assert coin.rows("some.csv") == expected


def test_warmup_and_thinning(coin: Coin) -> None:
    """`save_warmup` and `thin` keep every third of 50 and of 20 iterations."""
    coin.do(f"{SAMPLE} file=out.csv".replace(SHORT, f"{SHORT} save_warmup=1 thin=3"))
    assert len(coin.rows("out.csv")) == 17 + 7


def test_generated_quantities_have_a_row_a_row(coin: Coin) -> None:
    """Every row of the draws, warm-up and all, gives one row: cmdstanpy counts on it."""
    for chain in (1, 2):
        coin.do(
            f"id={chain} {SAMPLE} file=fit_{chain}.csv".replace(SHORT, f"{SHORT} save_warmup=1")
        )
    common = "data file=coin.json random seed=7 output"
    coin.do(f"generate_quantities fitted_params=fit_1.csv {common} file=one.csv")
    coin.do(f"generate_quantities fitted_params=fit.csv num_chains=2 {common} file=two.csv")
    assert {len(coin.rows(name)) for name in ("one.csv", "two_1.csv", "two_2.csv")} == {50 + 20}
    assert {row["again"] for row in coin.rows("one.csv")} == {"0", "1"}
    assert coin.rows("two_1.csv") == coin.rows("one.csv")


def test_draws_of_another_model_are_refused(coin: Coin) -> None:
    """A CSV without the model's parameters is no input for generated quantities."""
    coin.write("other.csv", "# method = sample\nlp__,phi\n-1,0.5\n")
    output = coin.refuses("generate_quantities fitted_params=other.csv data file=coin.json")
    assert 'Mismatch between model and fitted_parameters csv file "other.csv"' in output


def test_metric_of_another_size_is_refused(coin: Coin) -> None:
    """An inverse metric for three parameters does not start a chain for one."""
    coin.write("metric.json", '{"inv_metric": [1, 1, 1]}')
    output = coin.refuses(
        "sample algorithm=hmc metric=diag_e metric_file=metric.json data file=coin.json"
    )
    assert "dims declared=(1); dims found=(3)" in output


def _log_density(x: float) -> float:
    """Return the log posterior of logit(theta) = x with its Jacobian, up to a constant."""
    return (ONES + 1) * -math.log1p(math.exp(-x)) + (ZEROS + 1) * -math.log1p(math.exp(x))


def test_log_density_at_several_points(coin: Coin) -> None:
    """Each inner list of `params_r` gives one row, in order, with density and gradient."""
    points = [-1.5, 0.25, 2.0]
    coin.write("points.json", json.dumps({"params_r": [[x] for x in points]}))
    coin.do("log_prob unconstrained_params=points.json data file=coin.json output sig_figs=12")
    rows = coin.rows("output.csv")
    assert len(rows) == len(points)
    for x, row in zip(points, rows, strict=True):
        theta = 1 / (1 + math.exp(-x))
        slope = (ONES + 1) * (1 - theta) - (ZEROS + 1) * theta
        assert float(row["lp__"]) == pytest.approx(_log_density(x), rel=1e-9)
        assert float(row["g_theta"]) == pytest.approx(slope, rel=1e-9)


def test_log_density_of_draws(coin: Coin) -> None:
    """A CSV of draws gives a row for each; `lp__` is the sampler's own, to 12 digits."""
    coin.do(f"{SAMPLE} file=fit.csv sig_figs=18")
    coin.do(
        "log_prob constrained_params=fit.csv data file=coin.json output file=lp.csv sig_figs=18"
    )
    pairs = zip(coin.rows("fit.csv"), coin.rows("lp.csv"), strict=True)
    assert all(
        float(ours["lp__"]) == pytest.approx(float(draw["lp__"]), rel=1e-12) for draw, ours in pairs
    )


def test_laplace_around_an_optimum(coin: Coin) -> None:
    """The mode is optimize's, and the Hessian is the coin's own: -42 theta (1 - theta)."""
    coin.do(
        "optimize jacobian=1 data file=coin.json random seed=7 output file=mode.csv sig_figs=18"
    )
    mode = float(coin.rows("mode.csv")[0]["theta"])
    # L-BFGS stops at a relative gradient of 1e7 times the machine's precision.
    assert mode == pytest.approx((ONES + 1) / (ONES + ZEROS + 2), abs=1e-4)
    coin.do(
        "laplace mode=mode.csv draws=10 data file=coin.json random seed=7 "
        "output file=out.csv diagnostic_file=hessian"
    )
    hessian = json.loads((coin.folder / "hessian.json").read_text())["Hessian"]
    expected = -(ONES + ZEROS + 2) * mode * (1 - mode)
    assert hessian == [[pytest.approx(expected, rel=1e-4)]]
    assert len(coin.rows("out.csv")) == 10


def test_profile(coin: Coin) -> None:
    """The program's profile statements are measured in CmdStan's columns."""
    coin.do(f"{SAMPLE} profile_file=times.csv")
    (row,) = coin.rows("times.csv")
    assert row["name"] == "likelihood"
    assert list(row)[2:5] == ["total_time", "forward_time", "reverse_time"]
    assert float(row["total_time"]) > 0
    assert int(row["autodiff_calls"]) > SHORT.count("=") * 20


def test_drawn_seed_is_written_down(coin: Coin) -> None:
    """A run without a seed can be repeated from its configuration."""
    coin.do(f"sample {SHORT} data file=coin.json output refresh=0 save_cmdstan_config=1")
    seed = json.loads((coin.folder / "output_config.json").read_text())["random"]["seed"]
    first = coin.rows("output.csv")
    coin.do(f"sample {SHORT} data file=coin.json random seed={seed} output refresh=0")
    assert coin.rows("output.csv") == first
