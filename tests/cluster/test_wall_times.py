"""A chain that needs several jobs' wall times, on a real Slurm: it takes minutes."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.cluster import conftest
from tests.cluster.conftest import Submit
from tests.cluster.slurm import Slurm
from tests.cluster.test_slurm import RUN, assert_finished, assert_same_draws, chains
from tests.project import ProjectDir

pytestmark = [pytest.mark.cluster, pytest.mark.stan, pytest.mark.snakemake]

WORK = 1_000_000
"""Work that takes a chain some minutes."""
ASKED = ("sample_chain:runtime=1", "sample_chain:max_runtime=1")


def test_a_chain_of_three_wall_times_ends_with_the_bytes_of_one(
    cluster: Slurm,
    make: Callable[..., ProjectDir],
    submit: Submit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ended by Slurm again and again, a chain goes on until it is done, with the same draws.

    Nothing but the end itself saves a state, and each job may have one minute, no more.
    """
    if "STANCHION_SLOW_TESTS" not in os.environ:
        pytest.skip("takes minutes; set STANCHION_SLOW_TESTS=1")
    project, whole = make(chains=1, slow=WORK), make(chains=1, slow=WORK)
    for project_dir, seconds in ((project, 86400), (whole, 0)):
        wanted = f"draws: 1000, checkpoint: {seconds}}}"
        project_dir.edit("config/config.yaml", "draws: 400}", wanted)
    monkeypatch.setattr(conftest, "LIMIT", 1500)
    runs = [
        submit(project, *RUN, "--retries", "20", "--set-resources", *ASKED),
        submit(whole, *RUN),
    ]
    for run in runs:
        assert_finished(run)
    (attempts,) = chains(project, "slow").values()
    stopped = [attempt for attempt in attempts if attempt["state"] == "failed"]
    assert len(stopped) >= 2
    (done,) = [attempt for attempt in attempts if attempt["state"] == "done"]
    assert done["notes"]["resumed"]["same_bytes"]
    assert_same_draws(project, whole)
