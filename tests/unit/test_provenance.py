"""Key files, the cache and records."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stanchion import __version__
from stanchion.plan.job import JobFile
from stanchion.provenance import cache as module
from stanchion.provenance import keyfile, stamps
from stanchion.provenance.cache import Cache
from stanchion.provenance.keyfile import State
from stanchion.provenance.records import open_record
from stanchion.provenance.stamps import Content, contents
from stanchion.system import hashes
from stanchion.system.temporaries import sweep
from stanchion.system.writing import write_whole

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
        "expected": {},
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
    return keyfile.settle(file) is State.CURRENT


def write_key_file(key: str = KEY) -> None:
    """Write a key file that says what the output holds now."""
    digests = contents(job().outputs, "nowhere/stamps")
    write_whole(job().key_file, keyfile.line_of(key, digests))


def test_key_file_of_the_plans_key_is_settled_in_time(project: Path) -> None:
    """A key file that agrees with the plan gets a time older than any other file's."""
    made(project)
    write_key_file()
    assert settle(job())
    assert Path(job().key_file).stat().st_mtime == keyfile.SETTLED


def test_key_file_of_another_key_stays_and_the_step_runs(project: Path) -> None:
    """Who asks what would run loses no key file; its step is to run."""
    made(project)
    write_key_file(OTHER)
    assert keyfile.settle(job()) is State.STALE
    assert keyfile.is_to_run(job(), State.STALE)
    assert (keyfile.read_line(job().key_file) or ("",))[0] == OTHER


def test_a_dropped_output_is_made_only_where_it_is_needed(project: Path) -> None:
    """A key file whose output was dropped is kept and settled; another key's step is to run."""
    path = made(project)
    write_key_file()
    path.unlink()
    assert keyfile.settle(job()) is State.MISSING
    assert Path(job().key_file).stat().st_mtime == keyfile.SETTLED
    assert not keyfile.is_to_run(job(), State.MISSING)
    assert keyfile.is_to_run(job(OTHER), State.MISSING)


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


@pytest.mark.parametrize("line", ["", f"{KEY}\n", f"{KEY} draws=5\n", "\x00\n", f"{KEY} draws=5:x"])
def test_a_key_file_that_says_nothing_proves_nothing(project: Path, line: str) -> None:
    """An unreadable key file counts as none: a record decides, and it is written anew."""
    made(project)
    write_whole(job().key_file, line)
    assert keyfile.state_of(job()) is State.STALE
    finished_record("draws")
    assert settle(job())
    expected = (KEY, contents(job().outputs, "nowhere/stamps"), None)
    assert keyfile.read_line(job().key_file) == expected


def leave_table(digest: str) -> dict[str, str]:
    """Leave the key file of a step that need not give the same bytes again, and return its key."""
    path = "clean/.keys/make_table"
    write_whole(path, keyfile.line_of(OTHER, {"table": Content(5, digest * 64)}))
    return {path: OTHER}


def test_a_result_of_another_lineage_is_stale(project: Path) -> None:
    """Of the same key, too, by its key file and by its record, until that lineage is back."""
    made(project)
    lineage = keyfile.lineage_of(leave_table("1"))
    tainted = job(unrepeated=leave_table("1"))
    line = keyfile.line_of(KEY, contents(job().outputs, "nowhere/stamps"), lineage)
    write_whole(tainted.key_file, line)
    assert keyfile.state_of(tainted) is State.CURRENT
    assert keyfile.state_of(job()) is State.STALE
    leave_table("2")
    assert keyfile.state_of(tainted) is State.STALE
    assert keyfile.is_to_run(tainted, State.STALE)
    Path(tainted.key_file).unlink()
    record = open_record(tainted)
    record.content["lineage"] = lineage
    digest = hashlib.sha256(b"draws").hexdigest()
    record.close("done", 0, outputs=[{"name": "draws", "sha256": digest}])
    assert keyfile.state_of(tainted) is State.STALE
    leave_table("1")
    assert keyfile.settle(tainted) is State.CURRENT
    assert keyfile.read_line(tainted.key_file).lineage == lineage
    Path("clean/.keys/make_table").unlink()
    assert keyfile.state_of(tainted) is State.STALE


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


def hashes_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stored(tmp_path: Path, text: str = "draws", **changes: int) -> tuple[Cache, Path]:
    """A cache with one entry of a file and a table, and the entry's folder."""
    cache = Cache(tmp_path / "cache")
    sources = {"draws": tmp_path / "draws", "summary": tmp_path / "summary"}
    for name, path in sources.items():
        path.write_text(f"{text} {name}")
    hashes = {name: hashes_of(path) for name, path in sources.items()}
    origin = {"record": text}
    cache.store("collect_draws", KEY, sources, origin, **{"version": 1, **changes}, hashes=hashes)
    return cache, cache.root / "steps/collect_draws" / KEY[:2] / KEY


def fetched(cache: Cache, tmp_path: Path, version: int = 1) -> list[str] | None:
    targets = {name: tmp_path / f"copy of {name}" for name in ("draws", "summary")}
    entry = cache.fetch("collect_draws", KEY, targets, version)
    if entry is None:
        assert not any(path.exists() for path in targets.values())
        return None
    return [path.read_text() for path in targets.values()]


def test_cache_gives_back_the_bytes_and_the_run_bit(tmp_path: Path) -> None:
    """What was stored by key comes back with its bytes and its mode."""
    source, target = tmp_path / "model", tmp_path / "copy"
    source.write_bytes(b"\x7fELF")
    source.chmod(0o755)
    cache = Cache(tmp_path / "cache")
    hashes = {"executable": hashes_of(source)}
    cache.store("compile_program", KEY, {"executable": source}, {"record": "r"}, 1, hashes)
    entry = cache.fetch("compile_program", KEY, {"executable": target}, 1)
    assert entry is not None and entry["origin"] == {"record": "r"}
    assert target.read_bytes() == b"\x7fELF" and target.stat().st_mode & 0o111


def test_outputs_that_changed_since_they_were_recorded_are_not_kept(tmp_path: Path) -> None:
    """What has not the SHA-256 that its step recorded never stands under its key."""
    (tmp_path / "draws").write_text("other draws")
    cache = Cache(tmp_path / "cache")
    cache.store("collect_draws", KEY, {"draws": tmp_path / "draws"}, {}, 1, {"draws": "0" * 64})
    assert cache.fetch("collect_draws", KEY, {"draws": tmp_path / "copy"}, 1) is None


DAMAGES: dict[str, Callable[[Path], object]] = {
    "other bytes": lambda entry: (entry / "draws").write_text("DRAWS draws"),
    "cut off": lambda entry: (entry / "summary").write_text("draws sum"),
    "lacks a file": lambda entry: (entry / "summary").unlink(),
    "lacks its description": lambda entry: (entry / "entry.json").unlink(),
    "description cut off": lambda entry: (entry / "entry.json").write_text('{"schema": "stan'),
    "description empty": lambda entry: (entry / "entry.json").write_text(""),
    "description of nothing": lambda entry: (entry / "entry.json").write_text(
        json.dumps({"schema": "stanchion/entry/3"})
    ),
    "description is a list": lambda entry: (entry / "entry.json").write_text("[1]"),
    "description not text": lambda entry: (entry / "entry.json").write_bytes(b"\xff\xfe"),
    "files not named": lambda entry: (entry / "entry.json").write_text(
        (entry / "entry.json").read_text().replace('"summary"', '"other"')
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_cache_never_gives_a_damaged_entry_and_heals(tmp_path: Path, damage: str) -> None:
    """A damaged entry is not used; the next result of its key takes its place for good."""
    cache, entry = stored(tmp_path)
    DAMAGES[damage](entry)
    assert fetched(cache, tmp_path) is None
    assert not entry.exists()
    stored(tmp_path)
    assert fetched(cache, tmp_path) == ["draws draws", "draws summary"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_entry_is_replaced_where_it_stands(tmp_path: Path, damage: str) -> None:
    """Who stores a result over a damaged entry that nobody looked at replaces it."""
    cache, entry = stored(tmp_path)
    DAMAGES[damage](entry)
    stored(tmp_path)
    assert fetched(cache, tmp_path) == ["draws draws", "draws summary"]
    assert [path.name for path in entry.parent.iterdir()] == [KEY]


def test_full_disk_of_the_project_leaves_the_groups_entry(tmp_path: Path) -> None:
    """A copy that cannot be written is an error of its own place; the entry stays."""
    cache, entry = stored(tmp_path)
    before = sorted(path.read_bytes() for path in entry.iterdir())
    full = {"draws": tmp_path / "full", "summary": tmp_path / "summary copy"}
    full["draws"].symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device") as caught:
        cache.fetch("collect_draws", KEY, full, 1)
    assert caught.value.errno == errno.ENOSPC and caught.value.filename == str(full["draws"])
    with pytest.raises(FileNotFoundError):
        cache.fetch("collect_draws", KEY, {"draws": tmp_path / "no folder/copy"}, 1)
    assert sorted(path.read_bytes() for path in entry.iterdir()) == before


def test_entry_that_may_not_be_read_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed read says nothing of an entry's bytes: it is not used, and not removed."""
    cache, entry = stored(tmp_path)

    def fail(_file: object) -> bytes:
        raise module._UnreadableError("Input/output error")

    monkeypatch.setattr(module, "_block", fail)
    assert fetched(cache, tmp_path) is None
    monkeypatch.undo()
    assert entry.exists()
    assert fetched(cache, tmp_path) == ["draws draws", "draws summary"]


def test_entry_of_another_version_of_the_step_is_not_used(tmp_path: Path) -> None:
    """An entry names step, version and Stanchion's version; another version's is replaced."""
    cache, entry = stored(tmp_path, "old", version=1)
    content = json.loads((entry / "entry.json").read_text())
    assert (content["step"], content["version"], content["stanchion"]) == (
        "collect_draws",
        1,
        __version__,
    )
    assert fetched(cache, tmp_path, version=2) is None
    assert entry.exists()
    stored(tmp_path, "new", version=2)
    assert fetched(cache, tmp_path, version=2) == ["new draws", "new summary"]


def test_entry_without_a_version_is_replaced(tmp_path: Path) -> None:
    """An entry of the first schema says nothing of who made it: it is not used."""
    cache, entry = stored(tmp_path, "old")
    content = json.loads((entry / "entry.json").read_text())
    del content["version"]
    (entry / "entry.json").write_text(json.dumps(content | {"schema": "stanchion/entry/1"}))
    assert fetched(cache, tmp_path) is None
    stored(tmp_path, "new")
    assert fetched(cache, tmp_path) == ["new draws", "new summary"]


def test_second_writer_of_a_cache_entry_changes_nothing(tmp_path: Path) -> None:
    """The first whole entry of a key stays; a second writer is silently content with it."""
    stored(tmp_path, "first")
    cache, entry = stored(tmp_path, "second")
    assert fetched(cache, tmp_path) == ["first draws", "first summary"]
    assert [path.name for path in entry.parent.iterdir()] == [KEY]


def test_what_a_killed_writer_left_in_the_cache_is_swept(tmp_path: Path) -> None:
    """The folder of a writer that lives no more goes with the next entry beside it."""
    _, entry = stored(tmp_path)
    dead = subprocess.Popen(["true"])
    dead.wait()
    remaining = entry.with_name(f".{OTHER}.new-{os.uname().nodename}-{dead.pid}")
    remaining.mkdir()
    shutil.rmtree(entry)
    stored(tmp_path)
    assert [path.name for path in entry.parent.iterdir()] == [KEY]


def test_sweep_takes_only_what_belongs_to_no_living_process(tmp_path: Path) -> None:
    """Living processes, other machines' fresh entries and other names stay; the rest goes."""
    dead = subprocess.Popen(["true"])
    dead.wait()
    host, month = os.uname().nodename, 31 * 24 * 3600
    names = {
        f"key-{host}-{os.getpid()}": True,
        f"key-{host}-1": True,
        f"key-{host}-{dead.pid}": False,
        f"chain.csv-{host}-{dead.pid}": False,
        "key-elsewhere-17": True,
        "long-ago-elsewhere-17": False,
        "notes": True,
    }
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "chain_1.csv").write_text("1")
    for path in (
        tmp_path / "long-ago-elsewhere-17/chain_1.csv",
        tmp_path / "long-ago-elsewhere-17",
    ):
        os.utime(path, (time.time() - month, time.time() - month))
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {n for n, stays in names.items() if stays}
    sweep(tmp_path / "nowhere")


def test_text_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk the old text stays, nothing half-written lies beside it, the file is named."""
    write_whole(tmp_path / "note.json", "old")

    def fill(path: Path, text: str) -> None:
        path.write_bytes(text[:2].encode())
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fill)
    with pytest.raises(OSError) as caught:
        write_whole(tmp_path / "note.json", "newer")
    assert caught.value.filename == str(tmp_path / "note.json")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


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
    expected = [hashlib.sha256(text).hexdigest() for text in texts]
    assert hashes.file_hashes(paths) == expected
