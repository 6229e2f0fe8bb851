"""Two runs from nothing give the same bytes, with the warm process and without."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project import ProjectDir, cache_of_programs

pytestmark = [pytest.mark.stan, pytest.mark.snakemake]
NAMES = ("draws.nc", "prior.nc", "summary.csv", "comparison.*", "*.png", "diagnostics.json")


def test_second_run_from_nothing_gives_the_same_bytes(finished: ProjectDir, tmp_path: Path) -> None:
    """Draws, tables and pictures hold no clock, host, path, order of a set, or state of a process.

    Every step of the first run was forked from the warm process, and none of the second.
    """
    cache = cache_of_programs(tmp_path / "cache", finished.cache)
    names = ("config/config.yaml", "data/points.csv", "stan/wide.stan", "stan/narrow.stan")
    files = {name: (finished.path / name).read_text() for name in names}
    again = ProjectDir.make(tmp_path / "again", cache, files[names[0]], files)
    again.variables["STANCHION_WARM"] = "off"
    again.run()
    assert finished.processes() == {"forked"} and again.processes() == {"own"}
    for name in NAMES:
        first = sorted((finished.path / "results").rglob(name))
        assert first
        for path in first:
            other = again.path / path.relative_to(finished.path)
            assert path.read_bytes() == other.read_bytes(), path
