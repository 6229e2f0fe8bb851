"""Output of the driver is whole or not there, whatever happens to the run; and its names."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest

from tests.stan.coin import ENDLESS, SAMPLE, SHORT, TOSSES, Coin, coin, wait_for

__all__ = ["coin"]
pytestmark = pytest.mark.stan


POINT = '{"theta": 0.3}'
METHODS = (
    f"sample {SHORT}",
    f"sample {SHORT} algorithm=fixed_param",
    "optimize",
    "variational output_samples=5",
    "pathfinder num_draws=20 num_psis_draws=10",
    "pathfinder num_paths=1 num_draws=20",
    "laplace mode=point.json draws=5",
    "log_prob constrained_params=point.json",
    "diagnose",
    "generate_quantities fitted_params=fit.csv",
)


@pytest.mark.parametrize("method", METHODS)
def test_missing_output_folder_fails(coin: Coin, method: str) -> None:
    """An output in a folder that does not exist is refused in one sentence, and nothing appears."""
    inputs = {coin.write("point.json", POINT).name, coin.write("fit.csv", "theta\n0.3\n").name}
    message = coin.refuses(f"{method} data file=coin.json output refresh=0 file=nowhere/out.csv")
    assert message == 'Cannot open output file "nowhere/out.csv": No such file or directory.\n'
    assert coin.names() == inputs


@pytest.mark.parametrize("method", METHODS)
def test_full_device_fails(coin: Coin, method: str) -> None:
    """A device without space ends every method with its reason."""
    inputs = {coin.write("point.json", POINT).name, coin.write("fit.csv", "theta\n0.3\n").name}
    message = coin.refuses(f"{method} data file=coin.json output refresh=0 file=/dev/full")
    assert 'Cannot write output file "/dev/full": No space left on device.' in message
    assert coin.names() == inputs


@pytest.mark.parametrize(
    "second",
    [
        "diagnostic_file=nowhere/more.csv",
        "diagnostic_file=/dev/full",
        "profile_file=nowhere/times.csv",
        "profile_file=/dev/full",
    ],
)
def test_what_stands_beside_the_output_is_as_strict(coin: Coin, second: str) -> None:
    """Where a second file is lost the whole run has failed, and the first one is not kept."""
    path = second.partition("=")[2]
    assert f'output file "{path}"' in coin.refuses(f"{SAMPLE} file=out.csv {second}")
    assert coin.names() == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system can be mounted by root only")
def test_full_file_system_leaves_nothing(coin: Coin) -> None:
    """Two chains that fill a file system fail in one sentence, and leave no part of themselves."""
    small = coin.folder / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        arguments = SAMPLE.replace("num_samples=20", "num_samples=20000000 num_chains=2")
        completed = coin.run(f"{arguments} file=small/out.csv num_threads=2")
        assert completed.returncode == 1
        assert re.fullmatch(
            r'Cannot write output file "small/out_[12]\.csv": No space left on device\.\n',
            completed.stderr,
        )
        assert not list(small.iterdir())
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_reader_of_the_draws_that_goes_away_fails_the_run(coin: Coin) -> None:
    """Draws written to a pipe whose reader has ended are lost, which is said."""
    os.mkfifo(coin.folder / "pipe")
    process = subprocess.Popen(
        coin.command(f"{SAMPLE} file=pipe".replace("num_samples=20", "num_samples=2000000000")),
        cwd=coin.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    (coin.folder / "pipe").open().close()
    assert process.stderr is not None
    message = process.stderr.read()
    process.stderr.close()
    assert process.wait(20) == 1
    assert message == 'Cannot write output file "pipe": Broken pipe.\n'


def test_full_disk_leaves_nothing(coin: Coin) -> None:
    """A file that cannot grow any more ends the run early, and leaves no part of itself."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    arguments = SAMPLE.replace("num_samples=20", "num_samples=20000000")
    completed = coin.run(f"{arguments} file=out.csv save_cmdstan_config=1", limit)
    assert completed.returncode == 1
    assert completed.stderr == 'Cannot write output file "out.csv": File too large.\n'
    assert coin.names() == set()


def test_closed_pipe_fails(coin: Coin) -> None:
    """A reader that goes away ends the run with a sentence, and no output appears."""
    process = subprocess.Popen(
        coin.command(f"sample {ENDLESS} data file=coin.json output file=out.csv refresh=1"),
        cwd=coin.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    message = process.stderr.read()
    process.stderr.close()
    assert process.wait(20) == 1
    assert message == "Cannot write to the standard output: Broken pipe.\n"
    assert coin.names() == set()


def test_closed_streams_do_not_reach_the_output(coin: Coin) -> None:
    """With the standard output closed, nothing of it gets into the CSV."""

    def close() -> None:
        os.close(1)

    completed = coin.run(f"{SAMPLE} file=out.csv", close)
    assert completed.returncode == 0, completed.stderr
    assert len(coin.rows("out.csv")) == 20


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_run_leaves_no_result(coin: Coin, how: signal.Signals) -> None:
    """Neither a new result nor an older one of the same name is there after a kill."""
    coin.write("out.csv", "an older result\n")
    process = coin.start(f"sample {ENDLESS} data file=coin.json output file=out.csv refresh=0")
    process.send_signal(how)
    assert process.wait(20) == -how
    draft = {f"out.csv.tmp.{process.pid}"} if how == signal.SIGKILL else set()
    assert coin.names() == draft


def test_run_ends_with_its_parent(coin: Coin) -> None:
    """With STANCHION_DIE_WITH_PARENT the sampler ends when the process that started it dies."""
    arguments = coin.command(f"sample {ENDLESS} data file=coin.json output file=out.csv refresh=0")
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess; subprocess.run({arguments!r})"],
        cwd=coin.folder,
        env={**os.environ, "STANCHION_DIE_WITH_PARENT": "1"},
        stdout=subprocess.DEVNULL,
    )
    wait_for(lambda: any(".tmp." in name for name in coin.names()))
    parent.kill()
    parent.wait()
    wait_for(lambda: not coin.names())


def test_failed_generated_quantities_keep_nothing(coin: Coin) -> None:
    """A chain that stops in the middle of its draws has no CSV, and says how far it came."""
    coin.write("coin.json", json.dumps({**TOSSES, "crash": 1}))
    message = coin.refuses(f"{SAMPLE} file=out.csv".replace("num_samples=20", "num_samples=999"))
    assert "out of luck" in message
    assert re.search(r"Chain 1 wrote \d+ of 999 draws: its output is not kept.", message)
    assert coin.names() == set()


def test_output_does_not_replace_an_input(coin: Coin) -> None:
    """Generated quantities are not written over the draws that they are made from."""
    coin.do(SAMPLE)
    before = (coin.folder / "output.csv").read_bytes()
    message = coin.refuses("generate_quantities fitted_params=output.csv data file=coin.json")
    assert "is an input of this run" in message
    assert (coin.folder / "output.csv").read_bytes() == before


def test_one_output_gets_a_suffix(coin: Coin) -> None:
    """A name without a suffix gets `.csv`; another suffix, and dots in a folder's name, stay."""
    (coin.folder / "v1.2").mkdir()
    for inputs, result in (("out", "out.csv"), ("out.txt", "out.txt"), ("v1.2/o", "v1.2/o.csv")):
        coin.do(f"{SAMPLE} file={inputs} profile_file=p.csv")
        assert (coin.folder / result).is_file()


@pytest.mark.parametrize("metric", ["diag_e", "dense_e"])
def test_saved_metric_starts_another_run(coin: Coin, metric: str) -> None:
    """What `save_metric` writes is what the CSV says of the adaptation, and starts a run again."""
    coin.do(
        f"{SAMPLE} file=a.csv".replace(
            SHORT, f"{SHORT} adapt save_metric=1 algorithm=hmc metric={metric}"
        )
    )
    saved = json.loads((coin.folder / "a_metric.json").read_text())
    comments = (coin.folder / "a.csv").read_text().split("# Adaptation terminated\n")[1].split("\n")
    assert saved["metric_type"] == metric
    assert saved["stepsize"] == pytest.approx(float(comments[0].rpartition("=")[2]), rel=1e-5)
    (content,) = np.ravel(saved["inv_metric"])
    assert content == pytest.approx(float(comments[2].removeprefix("# ")), rel=1e-5)
    coin.write("metric.json", json.dumps({"inv_metric": saved["inv_metric"]}))
    fixed = f"num_samples=20 num_warmup=0 adapt engaged=0 algorithm=hmc metric={metric}"
    step = f"metric_file=metric.json stepsize={saved['stepsize']}"
    coin.do(f"{SAMPLE} file=b.csv".replace(SHORT, f"{fixed} {step}"))
    steps = [float(row["stepsize__"]) for row in coin.rows("b.csv")]
    assert steps == pytest.approx([saved["stepsize"]] * 20, rel=1e-5)


def test_nothing_is_profiled_where_nothing_is_measured(coin: Coin) -> None:
    """`help` and `info` write no file at all."""
    for words in ("info", "help", "help-all", "sample help"):
        coin.do(words)
    assert not (coin.folder / "profile.csv").exists()


def test_listed_output_names(coin: Coin) -> None:
    """A list with commas names each chain's file, and what stands beside it."""
    coin.do(
        f"sample {SHORT} num_chains=2 adapt save_metric=1 data file=coin.json random seed=7 "
        "output refresh=0 file=a.csv,b.b.csv diagnostic_file=c.csv,d save_cmdstan_config=1 "
        "profile_file=p.csv"
    )
    assert coin.names() == {
        *("a.csv", "b.b.csv", "c.csv", "d.csv"),
        *("a_metric.json", "b.b_metric.json", "a_config.json", "p.csv"),
    }


def test_numbered_output_names(coin: Coin) -> None:
    """One name for several chains gets the chains' ids."""
    coin.do(
        f"sample {SHORT} num_chains=2 adapt save_metric=1 id=5 data file=coin.json "
        "output refresh=0 file=out diagnostic_file=more.txt profile_file=p.csv"
    )
    assert coin.names() == {
        *("out_5.csv", "out_6.csv", "out_metric_5.json", "out_metric_6.json"),
        *("more_5.txt", "more_6.txt", "p.csv"),
    }


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("a.csv,b.csv,c.csv", "of length 3 but expected 2 names"),
        ("a.csv,a.csv", 'Two outputs have the same name: "a.csv"'),
    ],
)
def test_wrong_output_names_are_refused(coin: Coin, names: str, message: str) -> None:
    """A list of another length, or one that names a file twice, makes no file."""
    output = coin.refuses(
        f"sample {SHORT} num_chains=2 data file=coin.json output file={names} refresh=0"
    )
    assert message in output
    assert coin.names() == set()


def test_single_paths(coin: Coin) -> None:
    """Pathfinder keeps each path's draws and its trace where it is asked to."""
    coin.do(
        "pathfinder num_paths=2 num_draws=30 num_psis_draws=25 save_single_paths=1 "
        "data file=coin.json random seed=7 output file=out.csv refresh=0 profile_file=p.csv"
    )
    for path in (1, 2):
        assert len(coin.rows(f"out_path_{path}.csv")) == 30
        trace = json.loads((coin.folder / f"out_path_{path}.json").read_text())
        assert {"iter", "unconstrained_parameters", "grads"} <= set(trace["0"])
    assert len(coin.rows("out.csv")) == 25
