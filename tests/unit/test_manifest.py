"""Manifests: what they hold, and what they refuse."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from stanchion.errors import VersioningError
from stanchion.provenance.manifest import make_manifest, read_manifest
from tests.versions import FIT, write_results

KEY = "a" * 64


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STANCHION_RUN_ID", "run")
    write_results(KEY)


def test_every_file_is_listed_with_what_proves_it() -> None:
    """Each file stands there with size, SHA-256, key and the record of the step that made it."""
    entries = {entry.path: entry for entry in make_manifest("means").files}
    assert set(entries) == {str(p) for p in Path("results").rglob("*") if p.is_file()}
    draws = entries[f"{FIT}/draws.nc"]
    assert (draws.size, draws.sha256) == (5, hashlib.sha256(b"draws").hexdigest())
    record = f"{FIT}/records/collect_draws/{KEY[:12]}-1.json"
    assert (draws.key, draws.record) == (KEY, record)
    assert (entries[record].key, entries[record].record) == (KEY, record)
    assert entries[f"{FIT}/.keys/collect_draws"].record == record


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Text and object say the same, and the same results give the same bytes."""
    manifest = make_manifest("means")
    (tmp_path / "m.json").write_text(manifest.text())
    assert read_manifest(tmp_path / "m.json") == manifest
    assert make_manifest("means").text() == manifest.text()
    assert json.loads(manifest.text())["schema"] == "stanchion/manifest/1"


def test_the_latest_record_of_the_current_key_proves_a_file() -> None:
    """Where a step ran again with another key, its new record is named, and the old one stays."""
    write_results("b" * 64, extra=" again")
    entries = {entry.path: entry for entry in make_manifest("means").files}
    assert entries[f"{FIT}/draws.nc"].record == f"{FIT}/records/collect_draws/{'b' * 12}-1.json"
    assert f"{FIT}/records/collect_draws/{'a' * 12}-1.json" in entries


def test_an_edited_result_is_not_tracked() -> None:
    """A file that is not what its step wrote is refused by name, even with the same size."""
    Path(f"{FIT}/s.csv").write_text("naem")
    with pytest.raises(VersioningError, match=r"s\.csv: this file is not what the step"):
        make_manifest("means")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": "stanchion/record/1"}', "null"])
def test_an_unreadable_record_counts_as_altered(text: str) -> None:
    """A record that is no record is named, and nothing is tracked."""
    record = Path(f"{FIT}/records/collect_draws/{KEY[:12]}-1.json")
    record.write_text(text)
    with pytest.raises(VersioningError, match=f"{record.name}: this record was altered"):
        make_manifest("means")


@pytest.mark.parametrize("text", ["", "[]", '{"schema": "other"}', '{"files": 1}'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    """A file that is no manifest of ours is named."""
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(VersioningError, match=r"m\.json: this is not a manifest"):
        read_manifest(tmp_path / "m.json")
