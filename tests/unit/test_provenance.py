"""Key files, the cache and records."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from pathlib import Path

import pytest

from stanchion.provenance import hashes, keyfile, stamps
from stanchion.provenance.cache import Cache
from stanchion.provenance.keyfile import State
from stanchion.provenance.records import open_record
from stanchion.provenance.stamps import contents
from stanchion.provenance.writing import write_whole
from stanchion.steps.job import JobFile

KEY, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STANCHION_RUN_ID", "run")
    return tmp_path


def job(key: str = KEY, **changes: object) -> JobFile:
    fields = {
        "step": "collect_draws",
        "key": key,
        "made_of": {},
        "arguments": {"seed": 1},
        "unkeyed": {},
        "inputs": {},
        "outputs": {"draws": "out/draws.nc"},
        "key_file": "out/.keys/collect_draws",
        "stamps": ".stanchion/stamps/collect_draws",
        "records": "out/records/collect_draws",
        "log": "logs/collect_draws.log",
        "drop": (),
        "cached": True,
    }
    return JobFile(**{**fields, **changes})


def made(project: Path, text: str = "draws") -> Path:
    path = project / "out/draws.nc"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def settle(file: JobFile) -> bool:
    return keyfile.settle(file)


def write_key_file(key: str = KEY) -> None:
    """Write a key file that says what the output holds now."""
    held = contents(job().outputs, "nowhere/stamps")
    write_whole(job().key_file, keyfile.line(key, held))


def test_key_file_of_the_plans_key_is_settled_in_time(project: Path) -> None:
    """A key file that agrees with the plan gets a time older than any other file's."""
    made(project)
    write_key_file()
    assert settle(job())
    assert Path(job().key_file).stat().st_mtime == keyfile.SETTLED


def test_key_file_of_another_key_is_deleted(project: Path) -> None:
    """A key file left by another key is deleted, so that the step runs."""
    made(project)
    write_key_file(OTHER)
    assert not settle(job())
    assert not Path(job().key_file).exists()


@pytest.mark.parametrize("change", ["missing", "longer"])
def test_key_file_does_not_prove_other_outputs(project: Path, change: str) -> None:
    """A missing output, or one of another size, is not proved by its key file."""
    path = made(project)
    write_key_file()
    path.unlink() if change == "missing" else path.write_text("other draws")
    assert not settle(job())


def edit_in_place(path: Path, text: str) -> None:
    """Write over a file, and set its times back as they were."""
    before = path.stat()
    with path.open("r+") as file:
        file.write(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("looked", [True, False], ids=["looked-at-before", "first-look"])
def test_an_edit_of_the_same_size_and_time_is_found(project: Path, looked: bool) -> None:
    """A result edited by hand is altered and made again, though size and time are as before."""
    path = made(project)
    write_key_file()
    time.sleep(0.1)
    if looked:
        assert keyfile.state_of(job()) is State.CURRENT
    edit_in_place(path, "DRAWS")
    assert keyfile.state_of(job()) is State.ALTERED
    assert not settle(job())
    assert keyfile.state_of(job()) is not State.CURRENT


def test_what_has_not_changed_is_not_hashed_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After one look, another look at an unchanged result reads none of its bytes."""
    made(project)
    write_key_file()
    time.sleep(0.1)
    assert settle(job())
    monkeypatch.setattr(stamps, "file_hashes", lambda paths: pytest.fail(f"hashed {paths}"))
    assert settle(job())


def test_a_change_within_the_clocks_tick_is_not_overlooked(project: Path) -> None:
    """A result that changed just now is not taken for known: its next change may have this time."""
    made(project)
    write_key_file()
    assert keyfile.state_of(job()) is State.CURRENT
    assert json.loads(Path(job().stamps).read_text()) == {}


def test_copied_results_are_proved_by_their_hash(project: Path) -> None:
    """A copy of a project has no stamps, or those of other files: it is hashed, and is current."""
    path = made(project)
    write_key_file()
    time.sleep(0.1)
    assert keyfile.state_of(job()) is State.CURRENT
    shutil.copy(path, "copy")
    path.unlink()
    Path("copy").rename(path)
    assert keyfile.state_of(job()) is State.CURRENT
    shutil.rmtree(".stanchion")
    assert keyfile.state_of(job()) is State.CURRENT


@pytest.mark.parametrize("said", ["", f"{KEY}\n", f"{KEY} draws=5\n", "\x00\n", f"{KEY} draws=5:x"])
def test_a_key_file_that_says_nothing_proves_nothing(project: Path, said: str) -> None:
    """An unreadable key file counts as none: a record decides, and it is written anew."""
    made(project)
    write_whole(job().key_file, said)
    assert keyfile.state_of(job()) is State.STALE
    finished_record("draws")
    assert settle(job())
    assert keyfile.read_line(job().key_file) == (KEY, contents(job().outputs, "nowhere/stamps"))


def test_an_altered_result_stays_altered_without_its_key_file(project: Path) -> None:
    """Once the key file is gone, the record still tells an altered result from a stale one."""
    made(project, "DRAWS")
    finished_record("draws")
    assert keyfile.state_of(job()) is State.ALTERED
    other = open_record(job(OTHER))
    digest = hashlib.sha256(b"DRAWS").hexdigest()
    other.close("done", 0, outputs=[{"name": "draws", "sha256": digest}])
    assert keyfile.state_of(job()) is State.STALE


def finished_record(text: str) -> None:
    record = open_record(job())
    digest = hashlib.sha256(text.encode()).hexdigest()
    record.close("done", 0, outputs=[{"name": "draws", "sha256": digest}])


def test_record_proves_outputs_where_the_key_file_is_gone(project: Path) -> None:
    """Without a key file, a finished record of the plan's key and the same bytes prove a result."""
    made(project)
    finished_record("draws")
    assert settle(job())
    assert Path(job().key_file).exists()


def test_record_does_not_prove_altered_outputs(project: Path) -> None:
    """An output of the same size with other bytes is not proved by a record."""
    made(project, "DRAWS")
    finished_record("draws")
    assert not settle(job())


def test_record_of_a_killed_step_proves_nothing(project: Path) -> None:
    """A record that says `started` proves no result."""
    made(project)
    open_record(job())
    assert not settle(job())


def test_records_are_never_overwritten(project: Path) -> None:
    """Each attempt at the same key leaves a record of its own."""
    first, second = open_record(job()), open_record(job())
    first.close("failed", 1, error="no")
    second.close("done", 0, outputs=[])
    states = {p.name: json.loads(p.read_text())["state"] for p in first.path.parent.iterdir()}
    assert states == {f"{KEY[:12]}-1.json": "failed", f"{KEY[:12]}-2.json": "done"}


def test_cache_gives_back_the_bytes_and_the_run_bit(tmp_path: Path) -> None:
    """What was stored by key comes back with its bytes and its mode."""
    source, target = tmp_path / "model", tmp_path / "copy"
    source.write_bytes(b"\x7fELF")
    source.chmod(0o755)
    cache = Cache(tmp_path / "cache")
    cache.store("compile_program", KEY, {"executable": source}, "record")
    entry = cache.fetch("compile_program", KEY, {"executable": target})
    assert entry is not None and entry["origin"] == "record"
    assert target.read_bytes() == b"\x7fELF" and target.stat().st_mode & 0o111


def test_cache_never_gives_a_damaged_entry(tmp_path: Path) -> None:
    """An entry whose bytes changed is dropped, not used."""
    source, target = tmp_path / "draws", tmp_path / "copy"
    source.write_text("draws")
    cache = Cache(tmp_path / "cache")
    cache.store("collect_draws", KEY, {"draws": source}, "record")
    (entry,) = (tmp_path / "cache").rglob(f"{KEY}/draws")
    entry.write_text("DRAWS")
    assert cache.fetch("collect_draws", KEY, {"draws": target}) is None
    assert not entry.exists()


def test_second_writer_of_a_cache_entry_changes_nothing(tmp_path: Path) -> None:
    """The first entry of a key stays; a second writer is silently content with it."""
    cache = Cache(tmp_path / "cache")
    for text in ("first", "second"):
        (tmp_path / "draws").write_text(text)
        cache.store("collect_draws", KEY, {"draws": tmp_path / "draws"}, text)
    cache.fetch("collect_draws", KEY, {"draws": tmp_path / "copy"})
    assert (tmp_path / "copy").read_text() == "first"
    assert not list((tmp_path / "cache").rglob(".*"))


@pytest.mark.parametrize("large", [0, 1 << 30])
def test_many_files_are_hashed_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    """Each file has its own SHA-256, in order, by one thread or by several."""
    monkeypatch.setattr(hashes, "_LARGE", large)
    texts = [f"content {number}".encode() for number in range(9)]
    paths = [tmp_path / str(number) for number in range(9)]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(text)
    wanted = [hashlib.sha256(text).hexdigest() for text in texts]
    assert hashes.file_hashes(paths) == wanted
