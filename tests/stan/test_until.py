"""`until` with CmdStan: rounds extend the same chains, and no interruption shows in the results."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stanchion.draws.files import open_draws
from tests.project import BIN, ProjectDir, cache_of_programs

pytestmark = pytest.mark.stan

PROGRAM = """\
// Three means of which the data tell the sum alone: long trajectories, and slow ones.
data {
  int<lower=1> K;
  real<lower=0> sigma;
}
parameters {
  vector[K] mu;
}
transformed parameters {
  real total = sum(mu);
}
model {
  mu ~ std_normal();
  total ~ normal(0, sigma);
}
generated quantities {
  real y = normal_rng(mu[1], 1);
}
"""
DECLARED = """\
project: rounds
datasets: {d: {path: data/d.json}}
models: {slow: {program: stan/slow.stan}}
analyses:
  a:
    datasets: [d]
    models: [slow]
    methods:
      %s
"""
SETTINGS = "chains: 4, warmup: 300, seed: 5"
UNTIL = (
    f"nuts: {{{SETTINGS}, draws: 250, max_draws: 4000, until: {{ess: 1000, mcse: {{y: 0.04}}}}}}"
)
FIT = "results/a/d/slow"
FILES = {"stan/slow.stan": PROGRAM, "data/d.json": '{"K": 3, "sigma": 0.05}'}
COMPARED = ("draws.nc", "summary.csv", "diagnostics.json")
KILLED_AFTER = (1, 5, 9)
"""Chains in the cache after which a run is killed: in the first round, and in later ones."""


def project(folder: Path, shared: Path, methods: str) -> ProjectDir:
    """A project with a cache of its own but for compiled programs."""
    cache = cache_of_programs(folder / "cache", shared)
    return ProjectDir.make(folder / "project", cache, DECLARED % methods, FILES)


def run(made: ProjectDir, cores: int) -> None:
    ended = made.stanchion("run", "--cores", str(cores))
    assert ended.returncode == 0, ended.stdout + ended.stderr


def attempts(made: ProjectDir) -> list[dict[str, Any]]:
    content = json.loads((made.path / FIT / "nuts/diagnostics.json").read_text())
    tried: list[dict[str, Any]] = content["attempts"]["tried"]
    return tried


def runs_of(made: ProjectDir) -> list[list[dict[str, Any]]]:
    """What each attempt at the step notes of its runs, where it has ended."""
    folder = made.path / FIT / "nuts/records/sample_fit"
    contents = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    contents.sort(key=lambda content: content["started"])
    return [content["notes"]["runs"] for content in contents if content.get("notes")]


def chains_in(cache: Path) -> int:
    return len(list((cache / "steps/sample_chain").glob("*/*/entry.json")))


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> ProjectDir:
    """A fit that has run its rounds undisturbed, two chains at once."""
    made = project(tmp_path_factory.mktemp("rounds"), cache, UNTIL)
    run(made, 2)
    return made


def test_each_round_extends_the_last(rounds: ProjectDir) -> None:
    """Every chain goes on from its state; gradients of the rounds are those of all draws."""
    tried = attempts(rounds)
    assert [attempt["passed"] for attempt in tried] == [*[False] * (len(tried) - 1), True]
    assert len(tried) > 2
    assert chains_in(rounds.cache) == 4  # the last round's, of which the others are the beginnings
    (runs,) = runs_of(rounds)
    assert len(runs) == 4 * len(tried)
    for before, after in zip(runs, runs[4:], strict=False):
        assert after["resumed"]["extends"] == before["key"]
        assert after["resumed"]["same_bytes"]
    with open_draws(rounds.path / FIT / "nuts/draws.nc", "sample_stats") as tree:
        steps = tree["sample_stats"]["n_steps"].values
    assert steps.shape == (4, 250 * len(tried))
    assert sum(attempt["gradients"] for attempt in tried) == steps.sum()


def test_draws_are_those_of_the_plain_fit(rounds: ProjectDir, tmp_path: Path, cache: Path) -> None:
    """As many draws at once, in another cache, are the same chains, with the same keys."""
    draws = 250 * len(attempts(rounds))
    plain = project(tmp_path, cache, f"plain: {{method: nuts, {SETTINGS}, draws: {draws}}}")
    run(plain, 2)
    keys = {path.parent.name for path in (plain.cache / "steps/sample_chain").glob("*/*/chain")}
    (runs,) = runs_of(rounds)
    assert keys == {chain["key"] for chain in runs[-4:]}
    groups = ("posterior", "sample_stats")
    with (
        open_draws(plain.path / FIT / "plain/draws.nc", *groups) as expected,
        open_draws(rounds.path / FIT / "nuts/draws.nc", *groups) as drawn,
    ):
        for group in groups:
            assert set(drawn[group].data_vars) == set(expected[group].data_vars)
            for name, values in expected[group].data_vars.items():
                assert np.array_equal(drawn[group][name].values, values.values), name


def test_kills_leave_no_trace(rounds: ProjectDir, tmp_path: Path, cache: Path) -> None:
    """Killed in rounds at moments of chance, and gone on from on one core: the same bytes.

    Stricter thresholds then sample what is new: the rounds before are cut from the chains.
    """
    made = project(tmp_path, cache, UNTIL)
    chance = random.Random(20261121)
    for chains in KILLED_AFTER:
        process = subprocess.Popen(
            [str(BIN / "stanchion"), "run", "--cores", "4"],
            cwd=made.path,
            env=made.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while chains_in(made.cache) < chains and process.poll() is None:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.3))
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not (made.path / FIT / "nuts/chains/chains.zip").exists()
    run(made, 1)
    for name in COMPARED:
        path = f"{FIT}/nuts/{name}"
        assert (made.path / path).read_bytes() == (rounds.path / path).read_bytes(), name
    before = len(attempts(made))
    made.edit("config/config.yaml", "ess: 1000", "ess: 1300")
    run(made, 2)
    rounds_then = attempts(made)
    assert len(rounds_then) > before
    again = runs_of(made)[-1]
    assert all("cut_from" in chain or "reused" in chain for chain in again[: 4 * before])
    assert all("extends" in chain["resumed"] for chain in again[4 * before :])
    assert chains_in(made.cache) == 8  # the last round's of either declaration
