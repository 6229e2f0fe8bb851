"""Results as the runner leaves them, under git and DVC: an analysis of three steps, in a moment."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stanchion.plan import paths
from stanchion.plan.catalogue import STEPS
from stanchion.plan.job import Job, JobFile
from stanchion.plan.keys import key_of
from stanchion.steps import runner
from stanchion.system.hashes import file_hash
from stanchion.versions import dvc as versioning
from stanchion.versions.manifest import make_manifest, manifest_path, pointer_of
from stanchion.versions.results import read_results

DATA = "data/points.csv"
FIT = "results/means/points/wide/nuts"
WILDCARDS = {"analysis": "means", "dataset": "points", "model": "wide", "method": "nuts"}
ORDER = ("prepare_data", "collect_draws", "diagnose_fit")
WRITER = {"user.name": "A person", "user.email": "person@example.org"}
IGNORED = """\
/.stanchion/
/cache/
/results/**
!/results/**/
!/results/**/*.dvc
!/results/**/.gitignore
!/results/*.manifest.json
"""


def git(*words: str, folder: Path | None = None) -> str:
    """Run git as a person with a name."""
    settings = [word for name, value in WRITER.items() for word in ("-c", f"{name}={value}")]
    completed = subprocess.run(
        ["git", *settings, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return completed.stdout.strip()


def make_repository(folder: Path) -> None:
    """Make a git repository with a commit, and let DVC keep the results in it."""
    git("init", "--quiet", "--initial-branch", "main", str(folder))
    for name, value in WRITER.items():
        git("config", name, value, folder=folder)
    (folder / ".gitignore").write_text(IGNORED)
    git("add", "--all", folder=folder)
    git("commit", "--quiet", "--message", "Start", folder=folder)


def commit(message: str) -> None:
    """Commit everything in the current folder."""
    git("add", "--all")
    git("commit", "--quiet", "--message", message)


@dataclass(frozen=True)
class Written:
    """A step that was run: its job, and its key."""

    job: JobFile

    @property
    def record(self) -> Path:
        """The first record of its key."""
        return Path(self.job.records) / f"{self.job.key[:12]}-1.json"


def write_results(monkeypatch: pytest.MonkeyPatch, extra: str = "") -> dict[str, Written]:
    """Run the three steps by the real runner; each writes what it read, and `extra`."""

    def step(job: Job) -> None:
        read = [path.read_text() for path in job.inputs.values() if isinstance(path, Path)]
        for name, path in job.outputs.items():
            path.write_text(f"{name} of {job.step}{extra} from {'; '.join(read)}\n")

    monkeypatch.setattr(runner, "_end_with_parent", lambda: None)
    monkeypatch.setattr(runner, "read_arguments", lambda kind, content, where: content)
    monkeypatch.setattr(runner.signal, "signal", lambda *_: None)
    monkeypatch.setattr(
        runner, "importlib", SimpleNamespace(import_module=lambda _: SimpleNamespace(run=step))
    )
    Path(DATA).parent.mkdir(exist_ok=True)
    if not Path(DATA).exists():
        Path(DATA).write_text("y\n1\n2\n")
    results: dict[str, Written] = {}
    for rule in ORDER:
        results[rule] = Written(_job(rule, extra, results))
        path = Path(".stanchion/job.json")
        path.parent.mkdir(exist_ok=True)
        path.write_text(results[rule].job.text())
        assert runner.main([str(path)]) == 0
    return results


def _job(rule: str, extra: str, completed: dict[str, Written]) -> JobFile:
    before = completed[ORDER[ORDER.index(rule) - 1]].job if completed else None
    first = next(iter(before.outputs.items())) if before is not None else ("points", DATA)
    made_of = {
        "step": rule,
        "version": STEPS[rule].version,
        "content": {} if before is not None else {"points": file_hash(Path(DATA))},
        "upstream": [before.key] if before is not None else [],
    }
    arguments: dict[str, Any] = {"extra": extra}
    return JobFile(
        step=rule,
        key=key_of({**made_of, "arguments": arguments}),
        made_of=made_of,
        arguments=arguments,
        unkeyed={"fit": "means/points/wide/nuts"},
        inputs={first[0]: first[1]},
        expected={first[1]: _expected(before, first[0])},
        outputs=paths.outputs(rule, WILDCARDS),
        key_file=paths.key_file(rule, WILDCARDS),
        stamps=paths.stamps(rule, WILDCARDS),
        records=paths.records(rule, WILDCARDS),
        log=paths.log_file(rule, WILDCARDS),
        drop=(),
        cached=False,
    )


def _expected(before: JobFile | None, output: str) -> dict[str, Any]:
    """What the plan says of an input: the data's hash, or whose output it is."""
    if before is None:
        return {"sha256": file_hash(Path(DATA))}
    return {
        "step": before.step,
        "key": before.key,
        "key_file": before.key_file,
        "output": output,
    }


@dataclass(frozen=True)
class Remote:
    """A DVC remote in a folder."""

    folder: Path

    def objects(self) -> list[Path]:
        """Return every object in it."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def object_of(self, path: Path) -> Path:
        """Return the object that holds a file's content."""
        (result,) = [entry for entry in self.objects() if file_hash(entry) == file_hash(path)]
        return result


def track_results(remote: Path | None = None) -> None:
    """Track the analysis `means` of the current folder as `stanchion track` does, and commit."""
    if not versioning.is_set_up():
        versioning.set_up()
    manifest = make_manifest(read_results("means"))
    manifest_path("means").write_text(manifest.text())
    with versioning.repository() as repo:
        if remote is not None:
            with repo.config.edit() as config:
                config["remote"]["store"] = {"url": str(remote)}
                config["core"]["remote"] = "store"
        versioning.add(repo, "results/means", {"stanchion": {"manifest": manifest.sha256}})
    if remote is not None:
        with versioning.repository() as repo:
            versioning.push(repo, [pointer_of("means")], None)
    commit("Results")
