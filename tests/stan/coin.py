"""A coin's program, small enough to be run in many ways, and what is known of its posterior."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Ones of N = 40 tosses are drawn with probability theta; Beta(1 + ones, 1 + zeros) is the answer.
COIN = """
functions {
  real partial(array[] int slice, int start, int end, real theta) {
    return bernoulli_lpmf(slice | theta);
  }
}
data {
  int<lower=0> N;
  array[N] int<lower=0, upper=1> y;
  int<lower=0, upper=1> crash;
}
parameters {
  real<lower=0, upper=1> theta;
}
model {
  profile("likelihood") {
    target += reduce_sum_static(partial, y, 5, theta);
  }
}
generated quantities {
  int again = bernoulli_rng(theta);
  if (crash && theta > 0.4) {
    fatal_error("out of luck");
  }
}
"""
ONES, ZEROS = 12, 28
TOSSES: dict[str, Any] = {"N": 40, "y": [1] * ONES + [0] * ZEROS, "crash": 0}
SHORT = "num_samples=20 num_warmup=50"
ENDLESS = "num_samples=2000000000 thin=1000000 num_warmup=50"
SAMPLE = f"sample {SHORT} data file=coin.json random seed=7 output refresh=0"


class Coin:
    """The coin's program, run in a folder that holds its data."""

    def __init__(self, executable: Path, folder: Path) -> None:
        self.executable, self.folder = executable, folder
        self.write("coin.json", json.dumps(TOSSES))

    def write(self, name: str, text: str) -> Path:
        """Write a file for a run."""
        path = self.folder / name
        path.write_text(text)
        return path

    def command(self, arguments: str) -> list[str]:
        """Return the command line."""
        return [str(self.executable), *arguments.split()]

    def run(
        self, arguments: str, before: Callable[[], None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end."""
        return subprocess.run(
            self.command(arguments),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            preexec_fn=before,
        )

    def do(self, arguments: str) -> str:
        """Run what must succeed and return what it prints."""
        completed = self.run(arguments)
        assert completed.returncode == 0, completed.stdout + completed.stderr
        return completed.stdout

    def refuses(self, arguments: str) -> str:
        """Run what must fail with exit code 1 and return its message."""
        completed = self.run(arguments)
        assert completed.returncode == 1, completed.stdout + completed.stderr
        assert completed.stderr.strip()
        return completed.stderr

    def names(self) -> set[str]:
        """Return the files that runs made, less the default place of the profile."""
        return {path.name for path in self.folder.iterdir()} - {"coin.json", "profile.csv"}

    def rows(self, name: str) -> list[dict[str, str]]:
        """Return a CSV's rows as they are written, by column."""
        lines = (self.folder / name).read_text().splitlines()
        header, *rows = [line.split(",") for line in lines if line and not line.startswith("#")]
        return [dict(zip(header, (cell.strip() for cell in row), strict=True)) for row in rows]

    def start(self, arguments: str) -> subprocess.Popen[bytes]:
        """Start a run and wait until it writes."""
        process = subprocess.Popen(
            self.command(arguments),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        wait_for(lambda: any(".tmp." in name for name in self.names()))
        return process


def wait_for(happened: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def compile_with_driver(program: Path, executable: Path) -> None:
    """Compile a program with the toolchain that is there."""
    from stanchion.stan.compiling import compile_program
    from stanchion.stan.toolchain import find

    compile_program(
        program, executable, find(), stanc_options={}, cpp_options={}, threads=True, native=False
    )


@pytest.fixture
def coin(cache: Path, tmp_path: Path) -> Coin:
    """The coin's program, compiled once a session, in a folder of its own."""
    executable = cache / "coin" / "coin"
    if not executable.exists():
        executable.parent.mkdir(exist_ok=True)
        program = executable.with_suffix(".stan")
        program.write_text(COIN)
        compile_with_driver(program, executable)
    return Coin(executable, tmp_path)
