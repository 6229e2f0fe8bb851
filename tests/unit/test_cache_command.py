"""`stanchion cache`: what the cache holds, and what goes when it was long not used."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stanchion.errors import StanchionError, VersioningError
from stanchion.plan.job import JobFile
from stanchion.provenance import cache as caching
from stanchion.provenance.cache import Cache
from stanchion.provenance.keyfile import State, settle
from stanchion.runs import cache_prune
from stanchion.runs.cache_contents import size
from stanchion.runs.cache_prune import prune
from stanchion.sampling import chain
from stanchion.stan.program import _keep, _look_up
from stanchion.stan.states import ChainState, Finished, open_state
from stanchion.system.hashes import file_hash
from stanchion.versions.manifest import Entry, Manifest
from tests.unit.test_states import write_state
from tests.versions import commit, git, make_repository, write_results

DAY = 24 * 3600
DAYS = 90 * DAY
KEYS = [f"{number:064x}" for number in range(1, 40)]
STEP = "collect_draws"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STANCHION_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


def store(root: Path, key: str, text: str = "draws", step: str = STEP, days: float = 0) -> Path:
    """Keep a result of two files that was last used so many days ago, and return its folder."""
    sources = {name: root.parent / name for name in ("draws", "summary")}
    for path in sources.values():
        path.write_text(text)
    hashes = {name: file_hash(path) for name, path in sources.items()}
    Cache(root).store(step, key, sources, {}, 1, hashes)
    folder = root / "steps" / step / key[:2] / key
    age(folder / "entry.json", days)
    return folder


def fetch(root: Path, key: str) -> bool:
    targets = {name: root.parent / f"copy of {name}" for name in ("draws", "summary")}
    entry = Cache(root).fetch(STEP, key, targets, 1)
    assert [path.exists() for path in targets.values()] == [entry is not None] * 2
    return entry is not None


def age(path: Path, days: float) -> None:
    """Have a file, or a folder and all in it, be last used so many days ago."""
    for each in [*path.rglob("*"), path]:
        os.utime(each, (time.time() - days * DAY,) * 2, follow_symlinks=False)


def save(family: str, days: float = 0, finished: str | None = None) -> Path:
    """Save a chain's state, as one of a chain that is done where its key is given."""
    with open_state(family) as state:
        assert state is not None
        write_state(state.folder, "")
        if finished is not None:
            state.finish(Finished(finished, 6, 6), 9, keep=True)
    age(state.folder, days)
    return state.folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Have another process hold a lock."""
    command = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, 2); print(flush=True)"
    words = [sys.executable, "-c", f"{command}; sys.stdin.read()", str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield


def disk_use(*paths: Path) -> int:
    """Return what `du` says that these take together."""
    words = ["du", "--summarize", "--total", "--block-size=1", *map(str, paths)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-2])


def test_what_was_long_not_used_goes(root: Path) -> None:
    """Results, states, descriptions and locks go by their last use; what is younger stays."""
    old, young = store(root, KEYS[0], days=92), store(root, KEYS[1], days=89)
    states = save(KEYS[2], days=92), save(KEYS[3], days=89)
    programs = [root / "programs" / f"{key}.json" for key in KEYS[4:6]]
    locks = [root / "locks/compile_program" / key for key in KEYS[6:8]]
    for (first, second), kind in ((programs, "{}"), (locks, "")):
        first.parent.mkdir(parents=True)
        for path in (first, second):
            path.write_text(kind)
        age(first, 92)
    freed = disk_use(old, states[0], programs[0])
    said = prune(DAYS, keep_tracked=False)
    assert [p.exists() for p in (old, states[0], programs[0], locks[0])] == [False] * 4
    assert [p.exists() for p in (young, states[1], programs[1], locks[1])] == [True] * 4
    assert said.splitlines() == [
        "removed 1 results, 1 states, 1 descriptions of programs, 1 locks that nobody holds: "
        f"{freed / 1000:.1f} kB",
        "kept 4 used since",
    ]
    assert not list(root.rglob(".*"))


def test_a_use_is_noted_once_a_day(root: Path) -> None:
    """A result that is fetched, and a description that is read, stay for another such time."""
    folder, program = store(root, KEYS[0], days=92), root / "programs" / f"{KEYS[1]}.json"
    _keep(program, {})
    age(program, 92)
    assert fetch(root, KEYS[0]) and _look_up(program) == {}
    assert prune(DAYS, keep_tracked=False).splitlines()[-1] == "kept 2 used since"
    for days, renewed in ((0.9, False), (1.1, True)):
        age(folder / "entry.json", days)
        before = (folder / "entry.json").stat().st_mtime
        assert fetch(root, KEYS[0])
        assert ((folder / "entry.json").stat().st_mtime > before) is renewed


def test_what_was_used_within_the_time_stays_though_it_was_not_noted(root: Path) -> None:
    """A use of today may be noted with yesterday's time: `--older 1h` takes nothing of that."""
    folder = store(root, KEYS[0], days=0.9)
    assert fetch(root, KEYS[0])
    prune(3600, keep_tracked=False)
    assert folder.exists()


def test_a_cache_that_may_only_be_read_serves(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the time of use may not be written, the result is given all the same."""
    store(root, KEYS[0], days=92)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "utime", refuse)
    assert fetch(root, KEYS[0])


def test_an_entry_that_goes_while_it_is_read_is_none(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader gets nothing, leaves nothing half-copied, and its step's result is kept anew."""
    folder, copy = store(root, KEYS[0]), caching._copy

    def copy_late(source: Path, target: Path) -> str:
        if source.name == "summary":
            age(folder / "entry.json", 92)
            prune(DAYS, keep_tracked=False)
        return copy(source, target)

    monkeypatch.setattr(caching, "_copy", copy_late)
    assert not fetch(root, KEYS[0])
    assert not folder.exists()
    monkeypatch.undo()
    store(root, KEYS[0])
    assert fetch(root, KEYS[0])


def test_a_state_that_a_chain_holds_stays(root: Path) -> None:
    """However old its files are: the kernel's lock says that a chain runs; later it goes."""
    folder = save(KEYS[0], days=92)
    with locked(folder / "lock"):
        age(folder, 92)
        assert prune(DAYS, keep_tracked=False).endswith("kept 1 in use")
    assert folder.exists()
    prune(DAYS, keep_tracked=False)
    assert not folder.exists()


def test_opening_a_state_is_a_use(root: Path) -> None:
    """A chain that has only looked at its state has used it."""
    folder = save(KEYS[0], days=92)
    with open_state(KEYS[0]):
        pass
    prune(DAYS, keep_tracked=False)
    assert folder.exists()


def test_without_its_state_or_its_rows_a_chain_starts_anew(root: Path) -> None:
    """A family whose state went is an empty one; a state whose finished chain went is let go."""
    save(KEYS[0], days=92, finished=KEYS[1])
    store(root, KEYS[1], step="sample_chain", days=92)
    young = save(KEYS[2], finished=KEYS[1])
    prune(DAYS, keep_tracked=False)
    with open_state(KEYS[0]) as state:
        assert state is not None
        assert state.finished() is None and state.position() is None
    assert ChainState(young).finished() is not None
    assert not chain._fetch(KEYS[1], root.parent / "finished.csv")


def test_a_result_whose_key_is_locked_stays(root: Path) -> None:
    """What one run at a time makes or takes, such as a program, stays while its lock is held."""
    folder = store(root, KEYS[0], step="compile_program", days=92)
    lock = root / "locks/compile_program" / KEYS[0]
    lock.parent.mkdir(parents=True)
    lock.touch()
    with locked(lock):
        age(lock, 92)
        assert prune(DAYS, keep_tracked=False).endswith("kept 2 in use")
        assert folder.exists()
    prune(DAYS, keep_tracked=False)
    assert not folder.exists() and not lock.exists()


def test_only_what_dead_writers_left_goes(root: Path) -> None:
    """A half-written entry stays while its process lives, and goes with it, whatever its time."""
    dead = subprocess.Popen(["true"])
    dead.wait()
    folder, host = store(root, KEYS[0]).parent, os.uname().nodename
    living = folder / f".{KEYS[1]}.new-{host}-{os.getpid()}"
    left = folder / f".{KEYS[1]}.new-{host}-{dead.pid}"
    for path in (living, left):
        path.mkdir()
    age(living, 400)
    said = prune(DAYS, keep_tracked=False)
    assert "1 pieces that killed processes left" in said and "1 in use" in said
    assert living.exists() and not left.exists()


def in_child(work: Callable[[], object]) -> int:
    """Do something in a child of this process, and return how it ended."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_killed_prune_leaves_nothing_that_could_be_used(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between taking an entry away and removing it: it is none, and the next one ends it."""
    folder = store(root, KEYS[0], days=92)

    def killed() -> None:
        monkeypatch.setattr(cache_prune, "remove", lambda _: os.kill(os.getpid(), signal.SIGKILL))
        prune(DAYS, keep_tracked=False)

    assert in_child(killed) == -signal.SIGKILL
    assert not fetch(root, KEYS[0])
    assert len(list(folder.parent.iterdir())) == 1
    assert "1 pieces that killed processes left" in prune(DAYS, keep_tracked=False)
    assert not list(folder.parent.iterdir())


def test_prunes_beside_each_other_do_no_harm(root: Path) -> None:
    """Three at once end well, each entry goes once, and together they have removed them all."""
    for key in KEYS:
        store(root, key, days=92)
    words = [sys.executable, "-m", "stanchion", "cache", "prune", "--older", "90d"]
    prunes = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    printed = [process.communicate()[0] for process in prunes]
    assert [process.returncode for process in prunes] == [0] * 3
    numbers = [text.split()[1].replace("nothing:", "0") for text in printed]
    assert sum(map(int, numbers)) == len(KEYS)
    assert not [path for path in root.rglob("*") if path.is_file()]


def test_what_tracked_results_stand_on_stays(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of any branch and of the manifests that lie there, with the states of their chains."""
    project = tmp_path / "project"
    project.mkdir()
    make_repository(project)
    monkeypatch.chdir(project)
    Path("results").mkdir()
    for name, key in (("committed", KEYS[0]), ("present", KEYS[1])):
        record = Entry(f"results/{name}/r.json", 1, "f" * 64, key, f"results/{name}/r.json")
        path = Path(f"results/{name}.manifest.json")
        path.write_text(Manifest(name, (record,)).text())
        if name == "committed":
            commit("Track")
            path.unlink()
            commit("Remove")
    tracked = [store(root, key, days=92) for key in KEYS[:2]]
    tracked.append(save(KEYS[2], days=92, finished=KEYS[0]))
    others = [store(root, KEYS[3], days=92), save(KEYS[4], days=92, finished=KEYS[3])]
    assert prune(DAYS, keep_tracked=True).splitlines()[1] == "kept 3 tracked"
    assert all(path.exists() for path in tracked)
    assert not any(path.exists() for path in others)
    prune(DAYS, keep_tracked=False)
    assert not any(path.exists() for path in tracked)


def test_where_nothing_is_tracked_nothing_is_taken_for_untracked(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that is not the project, `--keep-tracked` removes nothing and says so."""
    folder = store(root, KEYS[0], days=92)
    with pytest.raises(VersioningError, match="not in a git repository"):
        prune(DAYS, keep_tracked=True)
    (tmp_path / "project").mkdir()
    make_repository(tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    with pytest.raises(VersioningError, match="no results are tracked"):
        prune(DAYS, keep_tracked=True)
    Path("results").mkdir()
    Path("results/means.manifest.json").write_text(Manifest("means", ()).text())
    commit("Track")
    clone = tmp_path / "clone"
    git("clone", "--quiet", "--depth", "1", f"file://{tmp_path / 'project'}", str(clone))
    monkeypatch.chdir(clone)
    with pytest.raises(VersioningError, match="not all of git's history"):
        prune(DAYS, keep_tracked=True)
    assert folder.exists()


def test_current_results_stay_current(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project's results do not need the cache: without it no step is to run."""
    monkeypatch.setenv("STANCHION_RUN_ID", "run")
    jobs: list[JobFile] = [written.job for written in write_results(monkeypatch).values()]
    for job in jobs:
        outputs = {name: Path(path) for name, path in job.outputs.items()}
        hashes = {name: file_hash(path) for name, path in outputs.items()}
        Cache(root).store(job.step, job.key, outputs, {}, 1, hashes)
    age(root, 92)
    assert "removed 3 results" in prune(DAYS, keep_tracked=False)
    assert [settle(job) for job in jobs] == [State.CURRENT] * 3


def test_what_may_not_be_removed_stays_whole(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's entry stays where it is, can be used, and is counted in one line."""
    folders = [store(root, key, days=92) for key in KEYS[:2]]
    monkeypatch.setattr(os, "access", lambda path, _: str(path) != str(folders[0]))
    said = prune(DAYS, keep_tracked=False)
    assert said.splitlines()[1:] == [
        f"1 may not be removed by you and stay; the first: {folders[0]}: permission denied"
    ]
    assert [folder.exists() for folder in folders] == [True, False]
    assert fetch(root, KEYS[0])


def test_odd_things_in_the_cache_do_no_harm(root: Path, tmp_path: Path) -> None:
    """Files for folders, links, loops, entries without description: one's own go, others stay."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("not the cache's")
    rule = root / "steps" / STEP
    names = [rule / key[:2] / key for key in KEYS[:4]]
    names[0].parent.mkdir(parents=True)
    names[0].write_text("a file in place of a folder")
    names[1].symlink_to(outside)
    names[2].symlink_to(names[2])
    names[3].mkdir()
    (rule / "ff").symlink_to(rule / "ff")
    (rule / "file").write_text("")
    foreign = [rule / "00/notes.txt", root / "notes.txt", root / "mine"]
    for path in foreign:
        path.write_text("not the cache's")
    age(root, 92)
    assert json.loads(size(as_json=True))["results"][STEP]["number"] == 4
    freed = disk_use(*names)
    assert prune(DAYS, keep_tracked=False).splitlines() == [
        f"removed 4 results: {freed / 1000:.1f} kB",
        "kept 3 not of the cache's making",
    ]
    assert not any(os.path.lexists(path) for path in names)
    assert all(path.exists() for path in (*foreign, outside / "precious"))


def test_a_time_that_is_to_come_becomes_the_present(root: Path) -> None:
    """An entry from a clock that was wrong stays, and ages from now on."""
    entry, state = store(root, KEYS[0], days=-4000) / "entry.json", save(KEYS[1], days=-4000)
    prune(DAYS, keep_tracked=False)
    times = [path.stat().st_mtime for path in (entry, *state.iterdir())]
    assert max(times) < time.time() + DAY


def test_size_counts_by_kind_what_du_counts(root: Path) -> None:
    """Numbers by step and kind, the bytes of the disk; two names of one file count once."""
    folders = [store(root, key, text="1" * 300_000) for key in KEYS[:2]]
    (folders[1] / "draws").unlink()
    os.link(folders[0] / "draws", folders[1] / "draws")
    chain = store(root, KEYS[2], step="sample_chain")
    state = save(KEYS[3])
    _keep(root / "programs" / f"{KEYS[4]}.json", {"name": "model"})
    (root / "toolchains/cmdstan").mkdir(parents=True)
    (root / "toolchains/cmdstan/stanc").write_bytes(bytes(10_000))
    said = json.loads(size(as_json=True))
    assert said.pop("bytes") == sum(
        disk_use(*each) for each in (folders, [chain], [state], *_children(root))
    )
    assert said == {
        "schema": "stanchion/cache/1",
        "cache": str(root),
        "results": {
            STEP: {"number": 2, "bytes": disk_use(*folders)},
            "sample_chain": {"number": 1, "bytes": disk_use(chain)},
        },
        "states": {"number": 1, "bytes": disk_use(state)},
        "programs": {"number": 1, "bytes": disk_use(root / "programs" / f"{KEYS[4]}.json")},
        "toolchains": {"number": 1, "bytes": disk_use(root / "toolchains/cmdstan")},
        "locks": {"number": 0, "bytes": 0},
        "unreadable": 0,
    }
    rows = [row.split() for row in size(as_json=False).splitlines()]
    assert [row[:2] for row in rows[1:5]] == [
        ["results", "3"],
        [STEP, "2"],
        ["sample_chain", "1"],
        ["states", "1"],
    ]


def _children(root: Path) -> list[list[Path]]:
    return [list((root / folder).iterdir()) for folder in ("programs", "toolchains")]


def test_what_removing_frees_is_not_what_has_a_second_name(root: Path, tmp_path: Path) -> None:
    """Bytes that another name holds on to are not said to be free."""
    folder = store(root, KEYS[0], text="1" * 300_000, days=92)
    os.link(folder / "draws", tmp_path / "backup")
    freed = disk_use(folder) - disk_use(tmp_path / "backup")
    assert prune(DAYS, keep_tracked=False) == f"removed 1 results: {freed / 1000:.1f} kB"


def test_folders_that_may_not_be_read_are_counted(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Size and prune go on with the rest and say how many they did not see."""
    folder, scandir = store(root, KEYS[0], days=92), os.scandir
    store(root, KEYS[1], days=92, step="sample_chain")

    def refuse(path: str | Path) -> object:
        if str(path) == str(folder.parent):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert json.loads(size(as_json=True))["unreadable"] == 1
    assert prune(DAYS, keep_tracked=False).splitlines() == [
        "removed 1 results: 16.4 kB",
        "1 folders may not be looked into by you",
    ]


def test_no_cache_is_an_empty_one_and_a_file_is_none(root: Path) -> None:
    """Where nothing was ever kept there is nothing to count; what is no folder is said."""
    assert json.loads(size(as_json=True))["bytes"] == 0
    assert prune(DAYS, keep_tracked=False) == "removed nothing: 0 bytes"
    assert not root.exists()
    root.write_text("a file")
    for look in (lambda: size(as_json=True), lambda: prune(DAYS, keep_tracked=False)):
        with pytest.raises(StanchionError, match="cannot be read: not a directory"):
            look()


def test_the_time_must_be_a_duration(root: Path) -> None:
    """Without a duration nothing is removed, and the exit code is that of a bad declaration."""
    folder = store(root, KEYS[0], days=92)
    for words in ((), ("--older", "90"), ("--older", "0d")):
        command = [sys.executable, "-m", "stanchion", "cache", "prune", *words]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 2 and "--older" in done.stderr
    assert folder.exists()


def test_a_lock_of_this_process_counts_too(root: Path) -> None:
    """A lock that is held by this very process is in use too: locks are of open files."""
    folder = save(KEYS[0], days=92)
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert prune(DAYS, keep_tracked=False).endswith("1 in use")
