"""DVC: calls, errors, and the form of what it leaves on disk."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stanchion.errors import VersioningError
from stanchion.versions import dvc as ours
from tests.contracts import mend, takes

OURS = "versions/dvc.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository, with nothing of DVC's in it."""
    path = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "--quiet"], cwd=path, check=True)
    return path


@pytest.fixture
def inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(folder)
    yield folder


def test_calls_take_the_arguments_that_we_give() -> None:
    """What we call of DVC's takes these arguments by name."""
    from dvc.data_cloud import DataCloud
    from dvc.repo import Repo
    from dvc_objects.db import ObjectDB

    for function, names in {
        Repo.init: ["subdir"],
        Repo.add: ["targets", "relink"],
        Repo.push: ["targets", "remote"],
        Repo.pull: ["targets", "remote", "force"],
        DataCloud.get_remote: ["name"],
        DataCloud.get_remote_odb: ["name"],
        ObjectDB.add: ["path", "fs", "oid", "check_exists"],
        ObjectDB.oid_to_path: ["oid"],
    }.items():
        what = f"{function.__qualname__}({', '.join(names)})"
        assert takes(function, *names), mend(OURS, what)


def test_errors_are_those_that_we_put_into_words(inside: Path) -> None:
    """Each error that has a sentence of ours is raised where the sentence says, under its name."""
    from dvc.config import NoRemoteError, RemoteNotFoundError
    from dvc.exceptions import CheckoutError, ConfirmRemoveError, DvcException, NotDvcRepoError
    from dvc.lock import LockError
    from dvc.repo import Repo

    with pytest.raises(NotDvcRepoError):
        Repo(str(inside.parent))
    with pytest.raises(VersioningError, match="this folder is not under DVC"), ours.repository():
        pass
    ours.set_up()
    with Repo() as repo:
        with pytest.raises(NoRemoteError):
            ours.remote_store(repo, None)
        with pytest.raises(RemoteNotFoundError):
            ours.remote_store(repo, "nowhere")
    for error in (CheckoutError, ConfirmRemoveError, LockError):
        assert issubclass(error, DvcException), mend(OURS, error.__name__)


def test_what_is_tracked_lies_where_we_look(inside: Path) -> None:
    """Pointer, listing, objects and settings have the form that we read without DVC."""
    if not (inside / ".dvc").is_dir():
        ours.set_up()
    (inside / "results").mkdir()
    (inside / "results/a.txt").write_text("a")
    with ours.repository() as repo:
        assert repo.config["cache"]["type"] == ["reflink", "copy"], mend(OURS, "cache.type")
        assert Path(str(repo.tmp_dir)).is_dir(), mend(OURS, "Repo.tmp_dir")
        ours.add(repo, "results", {"key": "value"})
        listing, meta = ours.read_pointer(Path("results.dvc"))
        assert listing.endswith(".dir") and meta == {"key": "value"}, mend(OURS, "the pointer")
        cache = ours.cache_store(repo)
        assert cache.has(listing), mend(OURS, "repo.cache.local")
        with cache.open(listing) as file:
            names = ours.read_listing(file.read())
        assert names == {"a.txt": "0cc175b9c0f1b6a831c399e269772661"}, mend(OURS, "the listing")
        with cache.open(names["a.txt"]) as file:
            assert file.read() == b"a", mend("versions/objects.py", "an object's content")


def test_notes_and_temporary_names_are_dvcs() -> None:
    """The note of readers and writers, and the names of files that a kill leaves half-written."""
    from dvc.rwlock import RWLOCK_FILE
    from dvc_objects.fs.utils import tmp_fname

    assert RWLOCK_FILE == "rwlock", mend(OURS, "the file rwlock")
    assert ours._PARTIAL.search(tmp_fname("a")), mend(OURS, "_PARTIAL")


def test_loggers_are_dvcs(inside: Path) -> None:
    """What DVC only logs, we hear: its loggers have these names."""
    import dvc.repo
    import dvc_data.index
    import dvc_objects.db

    for module in (dvc.repo, dvc_data.index, dvc_objects.db):
        top = module.__name__.partition(".")[0]
        names = logging.Logger.manager.loggerDict
        assert any(name.startswith(f"{top}.") for name in names), mend(OURS, f"the logger {top}")


def test_the_half_written_note_of_a_kill_is_mended(inside: Path) -> None:
    """DVC reads its note as JSON, and takes its own lock by `with repo.lock`."""
    if not (inside / ".dvc").is_dir():
        ours.set_up()
    note = inside / ".dvc/tmp/rwlock"
    note.parent.mkdir(exist_ok=True)
    note.write_text('{"half')
    with ours.repository():
        assert not note.exists() or json.loads(note.read_text()) == {}
