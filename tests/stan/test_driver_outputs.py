"""Output of the driver is whole or not there, whatever happens to the run; and its names."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys

import pytest

from tests.stan.coin import ENDLESS, SAMPLE, SHORT, TOSSES, Coin, coin, wait_for

__all__ = ["coin"]
pytestmark = pytest.mark.stan


def test_missing_output_folder_fails(coin: Coin) -> None:
    """An output in a folder that does not exist is refused in one sentence, and nothing appears."""
    message = coin.refuses(f"{SAMPLE} file=nowhere/out.csv")
    assert message == ('Cannot open output file "nowhere/out.csv": No such file or directory.\n')
    assert coin.names() == set()


def test_full_device_fails(coin: Coin) -> None:
    """A device without space ends the run with its reason."""
    message = coin.refuses(f"{SAMPLE} file=/dev/full")
    assert 'Cannot write output file "/dev/full": No space left on device.' in message


def test_full_disk_leaves_nothing(coin: Coin) -> None:
    """A file that cannot grow any more ends the run early, and leaves no part of itself."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    arguments = SAMPLE.replace("num_samples=20", "num_samples=20000000")
    done = coin.run(f"{arguments} file=out.csv save_cmdstan_config=1", limit)
    assert done.returncode == 1
    assert done.stderr == 'Cannot write output file "out.csv": File too large.\n'
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

    done = coin.run(f"{SAMPLE} file=out.csv", close)
    assert done.returncode == 0, done.stderr
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
    said = coin.refuses(
        f"sample {SHORT} num_chains=2 data file=coin.json output file={names} refresh=0"
    )
    assert message in said
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
