"""Opening the plan while Snakemake parses: what the machine refuses is a sentence."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from stanchion.errors import StanchionError
from stanchion.plan import opening


def test_a_disk_that_fills_while_the_snakefile_is_read_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No space for what a run writes of itself is said like any full disk, and names the file."""

    def fill(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", ".stanchion/runs/r/about.json")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STANCHION_RUN_ID", "r")
    monkeypatch.setattr(opening, "load", fill)
    with pytest.raises(StanchionError, match=r"about\.json: no space left on the device") as caught:
        opening.open_plan(Path("config.yaml"), alone=False)
    assert "free some space" in str(caught.value)
