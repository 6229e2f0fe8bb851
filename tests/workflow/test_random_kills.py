"""Ten kills at random moments; `python -m tests.workflow.random_kills` makes any number."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.workflow.random_kills import DISKS, SIGNALS, Kills, can_mount

pytestmark = [pytest.mark.stan, pytest.mark.snakemake]


def test_signals_at_random_moments(tmp_path: Path, cache: Path) -> None:
    """Six kills of all or of one: right bytes, no orphan, nothing half-written, and it goes on."""
    kills = Kills(tmp_path, cache, random.Random(20261121), SIGNALS)
    kills.run(6)
    assert kills.counts.total() == 6 and kills.finished


def test_full_disks_at_random_moments(tmp_path: Path, cache: Path) -> None:
    """Four times a disk is full, the project's or the cache's: the run ends, and goes on later."""
    if not can_mount():
        pytest.skip("a full disk is a small tmpfs, which this user may not mount")
    kills = Kills(tmp_path, cache, random.Random(20261121), DISKS)
    kills.run(4)
    assert kills.counts.total() == 4 and kills.finished
