"""`stanchion verify`: what is intact, altered, or cannot be told."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from stanchion.errors import VersioningError
from stanchion.plan.model import Plan
from stanchion.versions.difference import Kind
from stanchion.versions.dvc import read_pointer
from stanchion.versions.manifest import manifest_path
from stanchion.versions.track import track_plan
from stanchion.versions.verify import Finding, Verified, read_tracked, verify_analysis
from tests.versions import FIT, Remote, Written, git, make_repository, track_results
from tests.versions import write_results as run_steps

DRAWS = Path(f"{FIT}/draws.nc")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Written]:
    """Results in the current folder, a git repository."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("STANCHION_RUN_ID", "run")
    monkeypatch.setenv("STANCHION_CACHE", str(tmp_path / "cache"))
    make_repository(Path())
    return run_steps(monkeypatch)


@pytest.fixture
def remote(tmp_path: Path, project: dict[str, Written]) -> Remote:
    """The same, tracked, pushed and committed."""
    track_results(tmp_path / "remote")
    return Remote(tmp_path / "remote")


@pytest.fixture
def record(project: dict[str, Written]) -> Path:
    """The record that proves the draws."""
    return project["collect_draws"].record


def verified(*, remote: bool = False) -> Verified:
    return verify_analysis("means", None, remote=remote, name=None)


def found(result: Verified) -> set[tuple[str, str]]:
    return {(difference.kind, difference.path) for difference in result.differences}


def edit_in_place(path: Path) -> None:
    """Change a byte and put size and times back."""
    before = path.stat()
    mode = before.st_mode
    path.chmod(0o644)
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    path.chmod(mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_untouched_results_are_intact(remote: Remote) -> None:
    """Nothing is found where nothing was touched, here, in the cache and at the remote."""
    result = verified(remote=True)
    assert (result.finding, found(result)) == (Finding.INTACT, set())


def test_an_edit_with_size_and_time_put_back_is_found(remote: Remote) -> None:
    """The bytes decide, not what the file system says of them."""
    edit_in_place(DRAWS)
    result = verified()
    assert (result.finding, result.state) == (Finding.FOUND, "altered")
    assert found(result) == {("altered", str(DRAWS))}


def test_missing_and_extra_files_are_named(remote: Remote) -> None:
    """A file that is gone and one that was added are each named."""
    DRAWS.unlink()
    (DRAWS.parent / "more.txt").write_text("more")
    assert found(verified()) == {("missing", str(DRAWS)), ("extra", f"{FIT}/more.txt")}


def test_an_edited_cache_object_is_found(remote: Remote) -> None:
    """The cache's copy is hashed, whatever DVC remembers of it."""
    cache = Remote(Path(".dvc/cache/files"))
    edit_in_place(cache.object_of(DRAWS))
    result = verified()
    assert found(result) == {("altered", str(DRAWS))}
    assert "cache" in result.text()


def test_an_edited_remote_object_is_found_where_asked(remote: Remote) -> None:
    """The remote's copy is hashed with --remote, and not read without."""
    edit_in_place(remote.object_of(DRAWS))
    assert verified().finding is Finding.INTACT
    result = verified(remote=True)
    assert found(result) == {("altered", str(DRAWS))}
    assert "remote store" in result.text()


def test_a_lost_remote_object_is_found(remote: Remote) -> None:
    """An object that the remote does not hold any more is missing."""
    remote.object_of(DRAWS).unlink()
    assert found(verified(remote=True)) == {("missing", str(DRAWS))}


def test_an_edited_list_of_files_is_found(remote: Remote) -> None:
    """The remote's list of a folder's files is held to its own name."""
    (listing,) = [path for path in remote.objects() if path.suffix == ".dir"]
    edit_in_place(listing)
    assert found(verified(remote=True)) == {("altered", str(listing))}


def test_a_pointer_that_cannot_be_read_is_brought_back_before_track(remote: Remote) -> None:
    """Of a pointer elsewhere, as that of an extracted revision, nothing such is advised."""
    pointer, other = Path("results/means.dvc"), Path("data/points.csv.dvc")
    for path in (pointer, other):
        path.write_text("outs: []\n")
    plan = cast(Plan, SimpleNamespace(project=SimpleNamespace(analyses={"means": None})))
    with pytest.raises(VersioningError, match=f"git restore {pointer}` .* remove it and track"):
        track_plan(plan)
    with pytest.raises(VersioningError, match="remove it and track"):
        read_tracked("means")
    with pytest.raises(VersioningError, match="not a pointer") as refused:
        read_pointer(other)
    assert refused.value.faults[0].todo is None


def test_a_pruned_cache_is_no_alteration(remote: Remote) -> None:
    """Objects that the cache lacks come back from the remote: intact."""
    Remote(Path(".dvc/cache/files")).object_of(DRAWS).unlink()
    assert verified().finding is Finding.INTACT


def test_an_empty_cache_hides_no_other_pointer(remote: Remote) -> None:
    """Where the cache has no list of files, the pointer is held to the files themselves."""
    shutil.rmtree(".dvc/cache")
    assert verified().finding is Finding.INTACT
    pointer = Path("results/means.dvc")
    md5 = next(line for line in pointer.read_text().splitlines() if "md5: " in line)
    pointer.write_text(pointer.read_text().replace(md5, f"- md5: {'0' * 32}.dir"))
    git("commit", "--quiet", "--all", "--message", "Another")
    assert found(verified()) == {("altered", str(pointer))}


def _shorten(path: Path) -> None:
    path.write_text(path.read_text()[:-20])


def _claim_another_hash(path: Path) -> None:
    content = json.loads(path.read_text())
    content["outputs"][0]["sha256"] = "0" * 64
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("change", [_shorten, _claim_another_hash])
def test_an_altered_record_is_found(
    remote: Remote, record: Path, change: Callable[[Path], None]
) -> None:
    """A record that was edited or cut is altered."""
    change(record)
    assert ("altered", str(record)) in found(verified())


@pytest.mark.parametrize("change", [_shorten, edit_in_place])
def test_an_altered_manifest_is_found(remote: Remote, change: Callable[[Path], None]) -> None:
    """A manifest that is not the one that the pointer names proves nothing: altered."""
    change(manifest_path("means"))
    result = verified()
    assert result.state == "altered"
    assert {path for _, path in found(result)} == {"results/means.manifest.json"}


@pytest.mark.parametrize("name", ["results/means.dvc", "results/means.manifest.json"])
def test_a_deleted_pointer_is_missing(remote: Remote, name: str) -> None:
    """What git's HEAD holds and is not here is missing, not merely untracked."""
    Path(name).unlink()
    result = verified()
    assert (result.state, found(result)) == ("missing", {("missing", name)})


def test_both_deleted_are_missing(remote: Remote) -> None:
    """Pointer and manifest deleted together are both missed."""
    for name in ("results/means.dvc", "results/means.manifest.json"):
        Path(name).unlink()
    assert verified().state == "missing"
    assert len(found(verified())) == 2


def test_a_pointer_that_is_not_committed_is_named(remote: Remote) -> None:
    """Results tracked anew are intact in themselves; their pointers are not those of HEAD."""
    git_rm = ["results/means.dvc", "results/means.manifest.json"]
    git("rm", "--quiet", "--cached", *git_rm)
    commit_nothing_of_results()
    result = verified()
    assert result.state == "not committed"
    assert {path for _, path in found(result)} == set(git_rm)


def commit_nothing_of_results() -> None:
    git("commit", "--quiet", "--message", "Without results")


def test_results_made_since_are_newer(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    """What steps made after `track` is newer and not tracked, which is no alteration."""
    run_steps(monkeypatch, " again")
    result = verified()
    assert result.state == "newer, not tracked"
    assert {difference.kind for difference in result.differences} == {Kind.NEWER}


def test_results_of_another_revision_are_told_as_such(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results of an earlier version beside the pointer of a later one: stale, with the revision."""
    first = git("rev-parse", "--short", "HEAD")
    path = Path("../kept")
    shutil.copytree("results/means", path)
    run_steps(monkeypatch, " again")
    track_results()
    shutil.rmtree("results/means")
    shutil.copytree(path, "results/means")
    result = verified()
    assert (result.state, found(result)) == ("stale", {("stale", "results/means")})
    assert first in result.text()


def test_what_is_not_tracked_is_told(project: dict[str, Written]) -> None:
    """Results without manifest and pointer are not tracked; where there are none, they miss."""
    assert (verified().state, verified().finding) == ("newer, not tracked", Finding.FOUND)
    assert "stanchion track" in verified().text()
    assert verify_analysis("other", None, remote=False, name=None).state == "missing"


@pytest.mark.parametrize("folder", ["../scratch", "scratch"])
def test_a_link_in_place_of_the_folder_of_results_is_named(remote: Remote, folder: str) -> None:
    """Tracked results behind a link are not intact, wherever it leads: git takes them for deleted.
    Untracked ones are newer, as without it; `track` refuses them before it writes anything.
    """
    shutil.move("results", folder)
    Path("results").symlink_to(folder, target_is_directory=True)
    assert (verified().state, found(verified())) == ("altered", {("altered", "results")})
    assert f"results (a link to {folder} " in verified().text()
    for path in Path(folder).glob("means.*"):
        path.unlink()
    git("rm", "--quiet", "--cached", "results/means.dvc", "results/means.manifest.json")
    commit_nothing_of_results()
    assert (verified().state, found(verified())) == (Kind.NEWER, {(Kind.NEWER, "results/means")})
    assert f"results is a link to {folder} " in verified().text()
    plan = cast(Plan, SimpleNamespace(project=SimpleNamespace(analyses={"means": None})))
    with pytest.raises(VersioningError, match=f"a link to {folder} "):
        track_plan(plan)
    assert [path.name for path in Path(folder).glob("means.*")] == []


def test_a_remote_that_is_not_known_cannot_be_told(remote: Remote) -> None:
    """Where the remote cannot be read, results are neither intact nor altered."""
    result = verify_analysis("means", None, remote=True, name="elsewhere")
    assert (result.finding, result.state) == (Finding.UNKNOWN, "cannot tell")
    assert "elsewhere" in result.text()
