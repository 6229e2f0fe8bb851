"""Manifests: what they hold, and what they refuse."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from stanchion.errors import VersioningError
from stanchion.versions.manifest import make_manifest, read_manifest
from stanchion.versions.results import read_results
from tests.versions import FIT, Written, write_results


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Written]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STANCHION_RUN_ID", "run")
    monkeypatch.setenv("STANCHION_CACHE", str(tmp_path / "cache"))
    return write_results(monkeypatch)


def test_every_file_is_listed_with_what_proves_it(written: dict[str, Written]) -> None:
    """Each file stands there with size, SHA-256, key and the record of the step that made it."""
    entries = {entry.path: entry for entry in make_manifest(read_results("means")).files}
    assert set(entries) == {str(p) for p in Path("results").rglob("*") if p.is_file()}
    draws, step = entries[f"{FIT}/draws.nc"], written["collect_draws"]
    content = Path(f"{FIT}/draws.nc").read_bytes()
    assert (draws.size, draws.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert (draws.key, draws.record) == (step.job.key, str(step.record))
    record = entries[str(step.record)]
    assert (record.key, record.record) == (step.job.key, str(step.record))
    assert entries[f"{FIT}/.keys/collect_draws"].record == str(step.record)


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path, written: dict[str, Written]) -> None:
    """Text and object say the same, and the same results give the same bytes."""
    manifest = make_manifest(read_results("means"))
    (tmp_path / "m.json").write_text(manifest.text())
    assert read_manifest(tmp_path / "m.json", "means") == manifest
    assert make_manifest(read_results("means")).text() == manifest.text()
    assert json.loads(manifest.text())["schema"] == "stanchion/manifest/1"


def test_the_latest_record_of_the_current_key_proves_a_file(
    written: dict[str, Written], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a step ran again with another key, its new record is named, and the old one stays."""
    again = write_results(monkeypatch, " again")
    entries = {entry.path: entry for entry in make_manifest(read_results("means")).files}
    assert entries[f"{FIT}/draws.nc"].record == str(again["collect_draws"].record)
    assert str(written["collect_draws"].record) in entries


@pytest.mark.parametrize("text", ["", "[]", '{"schema": "other"}', '{"files": 1}'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    """A file that is no manifest of ours is named."""
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(VersioningError, match=r"means\.manifest\.json: this is not a manifest"):
        read_manifest(tmp_path / "m.json", "means")


def entry(path: str) -> dict[str, object]:
    return {"path": path, "size": 1, "sha256": "0", "key": "0", "record": path}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"analysis": "second", "files": []}, "this is the manifest of 'second'"),
        ({"analysis": "means", "files": [entry("data/points.csv")]}, "outside of results/means/"),
        ({"analysis": "means", "files": [entry("results/means/../x")]}, "outside of"),
    ],
)
def test_another_analysis_or_folder_is_refused(
    tmp_path: Path, content: dict[str, object], message: str
) -> None:
    """A manifest speaks of its own analysis's folder and of nothing else."""
    (tmp_path / "m.json").write_text(json.dumps({"schema": "stanchion/manifest/1", **content}))
    with pytest.raises(VersioningError, match=message):
        read_manifest(tmp_path / "m.json", "means")
