"""Ten kills at random moments; `python -m tests.workflow.random_kills` makes any number."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.workflow.random_kills import DISKS, SIGNALS, Kills, can_mount

pytestmark = [pytest.mark.stan, pytest.mark.snakemake]
SEED = 20261121


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Kills:
    """What runs give that nobody kills."""
    kills = Kills(tmp_path_factory.mktemp("kills"), cache, random.Random(SEED), SIGNALS)
    kills.leave_alone()
    return kills


def test_signals_at_random_moments(undisturbed: Kills) -> None:
    """Six kills of all or of one: right bytes, no orphan, nothing half-written, and it goes on."""
    kills = replace(undisturbed, rng=random.Random(SEED), counts=Counter())
    kills.run(6)
    assert kills.counts.total() == 6 and kills.finished


def test_full_disks_at_random_moments(undisturbed: Kills) -> None:
    """Four times a disk is full, the project's or the cache's: the run ends, and goes on later."""
    if not can_mount():
        pytest.skip("a full disk is a small tmpfs, which this user may not mount")
    kills = replace(undisturbed, rng=random.Random(SEED), kinds=DISKS, counts=Counter())
    kills.run(4)
    assert kills.counts.total() == 4 and kills.finished
