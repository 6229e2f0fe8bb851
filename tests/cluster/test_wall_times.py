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

WORK, DRAWS = 1_000_000, 2500
"""0.15 s of a core a draw, seven minutes in all: three wall times where a core is twice as quick.

A job of one minute lasts up to a minute and a half, until Slurm looks at its time.
"""
ASKED = ("sample_chain:runtime=1", "sample_chain:max_runtime=1")
LONGER = ("sample_chain:runtime=3", "sample_chain:max_runtime=3")
AHEAD = """slurm_extra: "'--signal=TERM@60'\""""
"""A line of the profile by which Slurm warns a job; it may do so a minute earlier than that."""


def test_a_chain_of_three_wall_times_ends_with_the_bytes_of_one(
    cluster: Slurm,
    make: Callable[..., ProjectDir],
    submit: Submit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ended by Slurm again and again, a chain goes on until it is done, with the same draws.

    Nothing but the end itself saves a state, and each job may have one minute, no more. A chain
    that Slurm warns ahead of its time does likewise, and no job of it comes to that time.
    """
    if "STANCHION_SLOW_TESTS" not in os.environ:
        pytest.skip("takes minutes; set STANCHION_SLOW_TESTS=1")
    project, warned, whole = (make(chains=1, slow=WORK) for _ in range(3))
    for project_dir, seconds in ((project, 86400), (warned, 86400), (whole, 0)):
        wanted = f"draws: {DRAWS}, checkpoint: {seconds}}}"
        project_dir.edit("config/config.yaml", "draws: 400}", wanted)
    warned.edit("workflow/profiles/slurm/config.yaml", f"# {AHEAD}", AHEAD)
    monkeypatch.setattr(conftest, "LIMIT", 3000)
    runs = [
        submit(project, *RUN, "--retries", "40", "--set-resources", *ASKED),
        submit(warned, *RUN, "--retries", "40", "--set-resources", *LONGER),
        submit(whole, *RUN),
    ]
    ended, spoken, _ = map(assert_finished, runs)
    assert "TIMEOUT" in ended and "TIMEOUT" not in spoken
    for ended_early, fewest in ((project, 2), (warned, 1)):
        (attempts,) = chains(ended_early, "slow").values()
        assert [attempt["state"] for attempt in attempts[:-1]].count("failed") >= fewest
        (done,) = [attempt for attempt in attempts if attempt["state"] == "done"]
        assert done["notes"]["resumed"]["same_bytes"]
        assert_same_draws(ended_early, whole)
