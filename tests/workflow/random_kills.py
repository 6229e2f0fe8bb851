"""Kills a run at random moments and holds that nothing is wrong, half-written or left running.

    python -m tests.workflow.random_kills --kills 100 --seed 7 [--only full-disk,main-term]

Each kill hits the run that goes on from the one before; a project that is finished in between must
have the bytes of the run that nobody disturbed, and a fresh one takes its place.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from stanchion.system.processes import descendants
from tests.project import BIN, ProjectDir, cache_of_programs
from tests.workflow.slow import DATA, SLOW, declared

CONFIG = declared("chains: 4, warmup: 50, draws: 150", "checks: {on_fail: flag}", "keep: [csv]")
FILES = {"data/points.json": DATA, "stan/slow.stan": SLOW}
SPACE = "64m"
SIGNALS = ("kill", "term", "main-kill", "main-term", "main-int", "one-kill")
DISKS = ("full-disk", "full-cache")
_END = 90
"""Seconds within which a run that was told to end, or has no disk left, must have ended."""
_ENDS = {
    "term": (143, -signal.SIGTERM),
    "main-term": (143, -signal.SIGTERM),
    "main-int": (130, -signal.SIGINT),
}
"""How a run ends that is told to; by the signal itself while Python still starts."""
_ORPHANS = 15
"""Seconds after which no process of a run that has ended may be there."""
_COMPARED = ("draws.nc", "summary.csv", "diagnostics.json", "verdicts.json", "data.*.json", "*.png")


class WrongError(AssertionError):
    """Something that a kill must not leave."""


def can_mount() -> bool:
    """Tell whether this user may mount a small file system, which a full disk is made of."""
    with TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return False
        return subprocess.run(["umount", folder], check=False).returncode == 0


@dataclass
class Kills:
    """Kills runs of one project after another, in a folder of their own."""

    folder: Path
    programs: Path
    """A cache that holds, or will hold, the compiled program."""
    rng: random.Random
    kinds: tuple[str, ...]
    say: Callable[[str], object] = print
    counts: Counter[str] = field(default_factory=Counter)
    finished: int = 0
    """Projects that were killed and came to their end with the right bytes."""
    reference: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def run(self, kills: int) -> None:
        """Kill so many runs; raises WrongError where one leaves what it must not."""
        if not self.reference:
            self.leave_alone()
        while self.counts.total() < kills:
            with self.fresh() as project:
                hits = 0
                while self.counts.total() < kills and self._kill(project):
                    hits += 1
                if hits:
                    self._complete(project)
                    self._require_same(project, whole=True)
                    self.finished += 1

    def leave_alone(self) -> None:
        """Let two runs come to their end, for their bytes, and for the seconds of the second."""
        for _ in ("compiles", "has it compiled"):
            with self.fresh() as project:
                begun = time.monotonic()
                self._complete(project)
                self.seconds = time.monotonic() - begun
                self.reference = self.reference or contents(project)
                self._require_same(project, whole=True)
        self.say(f"undisturbed: {self.seconds:.1f} s, {len(self.reference)} files")

    @contextmanager
    def fresh(self) -> Iterator[ProjectDir]:
        """Lay out a project and a cache, on file systems of their own where these may be filled."""
        ours = self.folder / "own"
        ours.mkdir(parents=True)
        disks = [ours / "disk", ours / "group"]
        for disk in disks:
            disk.mkdir()
            if set(self.kinds) & set(DISKS):
                command = ["mount", "-t", "tmpfs", "-o", f"size={SPACE}", "tmpfs", str(disk)]
                subprocess.run(command, check=True)
        try:
            cache = cache_of_programs(disks[1] / "cache", self.programs)
            yield ProjectDir.make(disks[0] / "project", cache, CONFIG, FILES)
        finally:
            for disk in disks:
                subprocess.run(["umount", "-l", str(disk)], capture_output=True, check=False)
            shutil.rmtree(ours)

    def _complete(self, project: ProjectDir) -> None:
        completed = project.stanchion("run", "--cores", "2")
        if completed.returncode:
            raise WrongError(
                f"the same command does not go on:\n{completed.stdout}{completed.stderr}"
            )
        if stale := project.stale():
            raise WrongError(f"stale after a run: {stale}")

    def _kill(self, project: ProjectDir) -> bool:
        """Start a run and kill it; return False where it was at its end before that."""
        kind = self.rng.choice(self.kinds)
        moment = self.rng.uniform(0.3, self.seconds)
        run = subprocess.Popen(
            [str(BIN / "stanchion"), "run", "--cores", "2"],
            cwd=project.path,
            env=project.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = run.communicate(timeout=moment)
            if run.returncode:
                raise WrongError(f"a run that nobody killed failed:\n{output}")
            return False
        except subprocess.TimeoutExpired:
            self._strike(kind, project, run)
        self.counts[kind] += 1
        self.say(
            f"{self.counts.total():4d}  {kind:10s} after {moment:5.1f} s: exit {run.returncode}"
        )
        return True

    def _strike(self, kind: str, project: ProjectDir, run: subprocess.Popen[str]) -> None:
        filler = None
        if kind in DISKS:
            disk = project.path if kind == "full-disk" else project.cache
            filler = fill(disk)
        else:
            strike(kind, run, self.rng)
        try:
            output, _ = run.communicate(timeout=_END)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            raise WrongError(
                f"{kind}: it had not ended after {_END} s:\n{run.communicate()[0]}"
            ) from None
        finally:
            if filler is not None:
                filler.unlink()
        allowed = _ENDS.get(kind, (run.returncode,))
        if run.returncode not in (*allowed, 0):
            raise WrongError(f"{kind}: exit {run.returncode}, not {allowed}:\n{output}")
        in_time = run.returncode != -signal.SIGINT
        if in_time and ("Traceback" in output or "internal error" in output):
            raise WrongError(f"{kind}: a raw error:\n{output}")
        require_no_process(project)
        self._require_same(project, whole=False)
        require_whole_texts(project)
        require_whole_cache(project)

    def _require_same(self, project: ProjectDir, *, whole: bool) -> None:
        """Hold every result that is there, and in the end all, to the undisturbed run's bytes."""
        now = contents(project)
        wrong = [name for name in now if self.reference.get(name) != now[name]]
        missing = self.reference.keys() - now.keys() if whole else set()
        if wrong or missing:
            raise WrongError(f"other bytes: {wrong}; missing: {sorted(missing)}")


def strike(kind: str, run: subprocess.Popen[str], rng: random.Random) -> None:
    """Send what this kind of kill is made of."""
    if kind == "one-kill":
        below = descendants(run.pid)
        os.kill(rng.choice(below or [run.pid]), signal.SIGKILL)
    elif kind.startswith("main-"):
        number = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "int": signal.SIGINT}
        os.kill(run.pid, number[kind.removeprefix("main-")])
    else:
        os.killpg(run.pid, {"kill": signal.SIGKILL, "term": signal.SIGTERM}[kind])


def fill(folder: Path) -> Path:
    """Fill a folder's file system to the last byte, and return the file that does it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                continue
    return filler


def contents(project: ProjectDir) -> dict[str, str]:
    """Return the SHA-256 of each result; of a Stan CSV without its comments, which hold clocks."""
    results = project.path / "results"
    paths = {path for name in _COMPARED for path in results.rglob(name)}
    hashes = {path: hashlib.sha256(path.read_bytes()) for path in paths}
    for path in results.rglob("chains/*.csv"):
        lines = path.read_bytes().splitlines(keepends=True)
        hashes[path] = hashlib.sha256(b"".join(x for x in lines if not x.startswith(b"#")))
    return {str(path.relative_to(results)): digest.hexdigest() for path, digest in hashes.items()}


def require_no_process(project: ProjectDir) -> None:
    """Wait for the end of every process that works in the project's folder."""
    end = time.monotonic() + _ORPHANS
    while remaining := processes_in(project.path):
        if time.monotonic() > end:
            raise WrongError(f"left running: {remaining}")
        time.sleep(0.1)


def processes_in(folder: Path) -> list[str]:
    """Return the command lines of the processes whose working folder is this one or in it."""
    results = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and (entry / "cwd").readlink().is_relative_to(folder):
                results.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return results


def require_whole_texts(project: ProjectDir) -> None:
    """Hold every JSON and every report that a person may open to be whole."""
    for path in (project.path / "results").rglob("*.json"):
        try:
            json.loads(path.read_text())
        except ValueError as error:
            raise WrongError(f"half-written: {path}: {path.read_text()[:200]!r}") from error
    for path in (project.path / "results").rglob("report.html"):
        if not path.read_text().rstrip().endswith("</html>"):
            raise WrongError(f"half-written: {path}")


def require_whole_cache(project: ProjectDir) -> None:
    """Hold every entry of the cache to its own hashes."""
    for path in project.cache.glob("steps/*/??/*/entry.json"):
        if path.parent.name.startswith("."):
            continue
        outputs = json.loads(path.read_text())["outputs"]
        for name, digest in outputs.items():
            if hashlib.sha256((path.parent / name).read_bytes()).hexdigest() != digest:
                raise WrongError(f"a damaged entry: {path.parent / name}")


def main() -> int:
    """Kill as often as the command line says, and print what was held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="kinds of kills, separated by commas")
    arguments = parser.parse_args()
    everything = (*SIGNALS, *(DISKS if can_mount() else ()))
    kinds = tuple(arguments.only.split(",")) if arguments.only else everything
    with TemporaryDirectory() as folder:
        programs = Path(folder) / "programs"
        programs.mkdir()
        from stanchion.system.folders import cache_root

        (programs / "toolchains").symlink_to(cache_root() / "toolchains")
        kills = Kills(Path(folder), programs, random.Random(arguments.seed), kinds)
        try:
            kills.run(arguments.kills)
        except WrongError as error:
            print(error, file=sys.stderr)
            return 1
    counts = ", ".join(f"{kind} {count}" for kind, count in sorted(kills.counts.items()))
    print(
        f"{arguments.kills} kills held ({counts}); {kills.finished} projects ended with right bytes"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
