"""Results as steps leave them, under git and DVC, without anything having run."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from stanchion import versioning
from stanchion.provenance import keyfile
from stanchion.provenance.hashes import file_hash
from stanchion.provenance.manifest import make_manifest, manifest_path, pointer_of
from stanchion.provenance.records import describe_files, open_record
from stanchion.provenance.stamps import Content
from stanchion.provenance.writing import write_whole
from stanchion.steps.job import JobFile

FIT = "results/means/points/wide/nuts"
FILES = {
    "collect_draws": {"draws": (f"{FIT}/draws.nc", "draws"), "summary": (f"{FIT}/s.csv", "mean")},
    "diagnose_fit": {"diagnostics": (f"{FIT}/diagnostics.json", "{}")},
}
WRITER = {"user.name": "A person", "user.email": "person@example.org"}
IGNORED = """\
/.stanchion/
/results/**
!/results/**/
!/results/**/*.dvc
!/results/**/.gitignore
!/results/*.manifest.json
"""


def git(*words: str, folder: Path | None = None) -> str:
    """Run git as a person with a name."""
    settings = [word for name, value in WRITER.items() for word in ("-c", f"{name}={value}")]
    done = subprocess.run(
        ["git", *settings, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def make_repository(folder: Path) -> None:
    """Make a git repository with a commit, and let DVC keep the results in it."""
    git("init", "--quiet", "--initial-branch", "main", str(folder))
    for name, value in WRITER.items():
        git("config", name, value, folder=folder)
    (folder / ".gitignore").write_text(IGNORED)
    git("add", "--all", folder=folder)
    git("commit", "--quiet", "--message", "Start", folder=folder)


def write_results(key: str = "a" * 64, extra: str = "") -> None:
    """Write a fit's files with records and key files, in the current folder."""
    for step, outputs in FILES.items():
        write_step(step, {n: (p, text + extra) for n, (p, text) in outputs.items()}, key)


def write_step(step: str, outputs: dict[str, tuple[str, str]], key: str) -> None:
    """Write a step's outputs, its record and its key file."""
    job = JobFile(
        step=step,
        key=key,
        made_of={},
        arguments={},
        unkeyed={},
        inputs={},
        expected={},
        outputs={name: path for name, (path, _) in outputs.items()},
        key_file=f"{FIT}/.keys/{step}",
        stamps=f".stanchion/stamps/{step}",
        records=f"{FIT}/records/{step}",
        log="log",
        drop=(),
        cached=False,
    )
    record = open_record(job)
    for path, text in outputs.values():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
    described = describe_files({name: Path(path) for name, path in job.outputs.items()})
    record.close("done", 0, outputs=described)
    held = {entry["name"]: Content(entry["size"], entry["sha256"]) for entry in described}
    write_whole(job.key_file, keyfile.line(key, held))


@dataclass(frozen=True)
class Remote:
    """A DVC remote in a folder."""

    folder: Path

    def objects(self) -> list[Path]:
        """Return every object in it."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def object_of(self, path: Path) -> Path:
        """Return the object that holds a file's content."""
        (found,) = [one for one in self.objects() if file_hash(one) == file_hash(path)]
        return found


def track_results(remote: Path | None = None) -> None:
    """Track the analysis `means` of the current folder as `stanchion track` does."""
    if not versioning.is_set_up():
        versioning.set_up()
    manifest = make_manifest("means")
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
