"""Manipulations of tracked results, and of what they were made from: who notices, by which word.

Each is done to a copy of a project whose results were run, tracked, pushed and committed. `verify`
must exit with 1, name the file, and head the analysis with the word; where the results themselves
do not hang together, `track` must refuse them by the same name, and leave git's pointers alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stanchion.errors import StanchionError
from stanchion.system.hashes import file_hash
from stanchion.versions import dvc as versioning
from stanchion.versions.track import track
from stanchion.versions.verify import verify
from tests.project import ROOT, ProjectDir
from tests.versions import WRITER, Remote, git
from tests.workflow.conftest import PROGRAM, VALUES

pytestmark = [pytest.mark.stan, pytest.mark.snakemake]

CONFIG = """\
project: two
seed: 11
datasets:
  points:
    path: data/points.csv
    columns:
      y: {type: real}
    stan: {N: nrow(), y: y}
models:
  wide: {program: stan/wide.stan}
  narrow: {program: stan/narrow.stan}
analyses:
  means:
    question: What is the mean?
    datasets: [points]
    models: [wide]
    methods:
      nuts: {chains: 4, warmup: 300, draws: 500}
    prior_predictive: {draws: 200}
    posterior_predictive: {observed: y, replicated: y_rep, statistics: [mean]}
  second:
    question: Is it so again?
    datasets: [points]
    models: [narrow]
    methods:
      nuts: {chains: 4, warmup: 300, draws: 500}
"""
DECLARATION = Path("config/config.yaml")
RESULTS = "results/means"
MODEL = f"{RESULTS}/points/wide"
FIT = f"{MODEL}/nuts"
POINTER, MANIFEST = "results/means.dvc", "results/means.manifest.json"

Change = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """A manipulation, the word that `verify` must say, and what it and `track` must name."""

    change: Change
    word: str
    named: str
    refused: bool = False
    """Whether `track` must refuse it as well."""
    remote: bool = False
    """Whether it takes `verify --remote` to see it."""


def in_place(path: str) -> None:
    """Change one byte, and put size and times back."""
    file = Path(path)
    before = file.stat()
    file.chmod(0o644)
    content = file.read_bytes()
    middle = len(content) // 2
    file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    file.chmod(before.st_mode)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def append(path: str) -> None:
    with Path(path).open("ab") as file:
        file.write(b"\n")


def cut(path: str) -> None:
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[: len(content) // 2])


def delete(path: str) -> None:
    Path(path).unlink()


def make(path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("more")


def replace(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new, 1))


def record_of(step: str) -> Path:
    (path,) = Path(RESULTS).rglob(f"records/{step}/*-1.json")
    return path


def edit_record(step: str, **changes: Any) -> None:
    """Change fields of a step's record; a name with dots leads into it."""
    path = record_of(step)
    content = json.loads(path.read_text())
    for name, value in changes.items():
        index = content
        *way, last = [int(part) if part.isdecimal() else part for part in name.split("__")]
        for part in way:
            index = index[part]
        index[last] = value
    path.write_text(json.dumps(content, indent=1) + "\n")


def move_record(step: str) -> None:
    path = record_of(step)
    path.rename(path.with_name(path.name.replace("-1.json", "-3.json")))


def forge(step: str, output: str) -> None:
    """Edit a result, and add a second record and a key file that claim it."""
    record = record_of(step)
    content = json.loads(record.read_text())
    (entry,) = [item for item in content["outputs"] if item["name"] == output]
    before = entry["sha256"]
    in_place(entry["path"])
    entry["sha256"] = file_hash(Path(entry["path"]))
    content["attempt"] = 2
    record.with_name(record.name.replace("-1.json", "-2.json")).write_text(json.dumps(content))
    key_file = record.parents[2] / ".keys" / step
    replace(str(key_file), before, entry["sha256"])


def launder(step: str, output: str) -> None:
    """Edit a result and its only record, track that by hand, and commit it."""
    edit_with_its_record(step, output)
    commit_as_it_lies()


def launder_in_silence(step: str, output: str, reader: str) -> None:
    """The same, where the record of the step that reads the result does not name it any more."""
    path = edit_with_its_record(step, output)
    record = record_of(reader)
    content = json.loads(record.read_text())
    content["inputs"] = [entry for entry in content["inputs"] if entry["path"] != path]
    record.write_text(json.dumps(content, indent=1) + "\n")
    commit_as_it_lies()


def forget_verdict() -> None:
    """Delete the analysis's verdict with all that tells of it, track that by hand, commit it."""
    shutil.rmtree(record_of("check_verdicts").parent)
    delete(f"{RESULTS}/.keys/check_verdicts")
    delete(f"{RESULTS}/verdicts.json")
    commit_as_it_lies()


def edit_with_its_record(step: str, output: str) -> str:
    """Edit a result, and have its record and its key file claim it; return its path."""
    record = record_of(step)
    content = json.loads(record.read_text())
    (entry,) = [item for item in content["outputs"] if item["name"] == output]
    before = entry["sha256"]
    in_place(entry["path"])
    entry["sha256"] = file_hash(Path(entry["path"]))
    record.write_text(json.dumps(content, indent=1) + "\n")
    replace(str(record.parents[2] / ".keys" / step), before, entry["sha256"])
    return str(entry["path"])


def commit_as_it_lies() -> None:
    """Have manifest and pointer name the results as they are, and commit them."""
    manifest = json.loads(Path(MANIFEST).read_text())
    present = [item for item in manifest["files"] if Path(item["path"]).exists()]
    for item in present:
        item.update(size=Path(item["path"]).stat().st_size, sha256=file_hash(Path(item["path"])))
    rows = ",\n".join(json.dumps(item) for item in present)
    head = json.dumps({name: manifest[name] for name in ("schema", "analysis")})[:-1]
    Path(MANIFEST).write_text(f'{head}, "files": [\n{rows}\n]}}\n')
    point_at_manifest()
    commit("Results")


def point_at_manifest() -> None:
    """Track the folder as it is, with the manifest as it is."""
    with versioning.repository() as repo:
        meta = {"stanchion": {"manifest": file_hash(Path(MANIFEST))}}
        versioning.add(repo, RESULTS, meta)


def point_elsewhere() -> None:
    """Have the pointer name another list of files, which no cache contradicts, and commit it."""
    shutil.rmtree(".dvc/cache")
    md5 = re.compile(r"md5: [0-9a-f]{32}")
    Path(POINTER).write_text(md5.sub(f"md5: {'0' * 32}", Path(POINTER).read_text()))
    commit("Results")


def claim(changes: Callable[[dict[str, Any]], object]) -> None:
    """Edit the manifest, and have the pointer name it."""
    content = json.loads(Path(MANIFEST).read_text())
    changes(content)
    before = file_hash(Path(MANIFEST))
    Path(MANIFEST).write_text(json.dumps(content))
    replace(POINTER, before, file_hash(Path(MANIFEST)))


def take_another() -> None:
    """Put another analysis's pointer and manifest in place of this one's."""
    shutil.copy("results/second.dvc", POINTER)
    shutil.copy("results/second.manifest.json", MANIFEST)


def take_another_and_tamper() -> None:
    take_another()
    append(f"{FIT}/summary.csv")
    delete(f"{FIT}/plots/ranks.png")


def swap() -> None:
    for end in (".dvc", ".manifest.json"):
        first, other, aside = (f"results/{name}{end}" for name in ("means", "second", "aside"))
        for source, target in ((first, aside), (other, first), (aside, other)):
            Path(source).rename(target)


def link_out() -> None:
    """Put a link to the same content, outside of the project, in place of a result."""
    outside = Path("../outside.csv")
    shutil.move(f"{FIT}/summary.csv", outside)
    Path(f"{FIT}/summary.csv").symlink_to(outside.resolve())


def link_folder_out() -> None:
    shutil.move(f"{FIT}/plots", "../plots")
    Path(f"{FIT}/plots").symlink_to(Path("../plots").resolve())


def declare(old: str, new: str) -> None:
    """Change the declaration and commit it, without a run."""
    replace(str(DECLARATION), old, new)
    commit("Another declaration")


def remove_from_declaration() -> None:
    text = DECLARATION.read_text()
    DECLARATION.write_text(text[: text.index("  means:")] + text[text.index("  second:") :])


def commit(message: str) -> None:
    git("add", "--all")
    git("commit", "--quiet", "--message", message)


def edit_object(folder: str, path: str) -> None:
    in_place(str(Remote(Path(folder)).object_of(Path(path))))


def edit_listing(folder: str) -> None:
    for path in Remote(Path(folder)).objects():
        if path.suffix == ".dir":
            in_place(str(path))


def lose_object(folder: str, path: str) -> None:
    Remote(Path(folder)).object_of(Path(path)).unlink()


FILES = {
    "draws": (f"{FIT}/draws.nc", "collect_draws"),
    "summary": (f"{FIT}/summary.csv", "collect_draws"),
    "verdict": (f"{FIT}/diagnostics.json", "diagnose_fit"),
    "ranks": (f"{FIT}/plots/ranks.png", "diagnose_fit"),
    "predictive": (f"{FIT}/predictive.json", "predict_outcomes"),
    "predictive picture": (f"{FIT}/plots/posterior_predictive.png", "predict_outcomes"),
    "data": (f"{RESULTS}/points/data.wide.json", "prepare_data.wide"),
    "data's meta": (f"{RESULTS}/points/data.wide.meta.json", "prepare_data.wide"),
    "prior draws": (f"{MODEL}/prior.nc", "sample_prior"),
    "prior checks": (f"{MODEL}/prior.json", "sample_prior"),
    "report": (f"{RESULTS}/report.html", "write_report"),
    "metrics": (f"{RESULTS}/metrics.json", "write_report"),
    "verdicts": (f"{RESULTS}/verdicts.json", "check_verdicts"),
    "key file": (f"{FIT}/.keys/collect_draws", "collect_draws"),
    "key file of a chain": (f"{FIT}/.keys/sample_chain.2", "sample_chain.2"),
}
CASES: dict[str, Case] = {
    # pointers, manifests and git
    "another analysis's pointer": Case(take_another, "altered", MANIFEST),
    "and a file appended, one deleted": Case(take_another_and_tamper, "altered", MANIFEST),
    "swapped pointers": Case(swap, "altered", MANIFEST),
    "deleted pointer": Case(partial(delete, POINTER), "missing", POINTER),
    "deleted manifest": Case(partial(delete, MANIFEST), "missing", MANIFEST),
    "pointer cut off": Case(partial(cut, POINTER), "altered", POINTER, refused=True),
    "pointer without its manifest": Case(
        partial(replace, POINTER, "stanchion:", "other:"), "altered", POINTER
    ),
    "pointer to another path": Case(
        partial(replace, POINTER, "path: means", "path: second"), "altered", POINTER, refused=True
    ),
    "manifest edited": Case(partial(in_place, MANIFEST), "altered", MANIFEST),
    "manifest without a file": Case(
        partial(claim, lambda content: content["files"].pop()), "altered", "lists a file too many"
    ),
    "manifest with a file too many": Case(
        partial(
            claim,
            lambda content: content["files"].append(
                {**content["files"][0], "path": f"{FIT}/never.csv"}
            ),
        ),
        "missing",
        f"{FIT}/never.csv",
    ),
    "manifest of another schema": Case(
        partial(claim, lambda content: content.update(schema="other")), "altered", MANIFEST
    ),
    "manifest names a file elsewhere": Case(
        partial(claim, lambda content: content["files"][0].update(path="data/points.csv")),
        "altered",
        MANIFEST,
    ),
    # what the results were made from
    "results of v1, declaration of v2": Case(
        partial(declare, "seed: 11", "seed: 12"), "stale", "other settings or files: seed"
    ),
    "another threshold": Case(
        partial(declare, "prior_predictive: {draws: 200}", "checks: {rhat: 1.02}"), "stale", FIT
    ),
    "analysis not declared any more": Case(remove_from_declaration, "stale", RESULTS),
    "data edited after track": Case(
        partial(replace, "data/points.csv", "1.2", "1.3"), "stale", "points"
    ),
    "program edited after track": Case(
        partial(replace, "stan/wide.stan", "normal(0, 10)", "normal(0, 9)"),
        "stale",
        "stan/wide.stan",
    ),
    # the results themselves
    "link out of the folder": Case(link_out, "altered", f"{FIT}/summary.csv", refused=True),
    "folder linked out": Case(link_folder_out, "altered", f"{FIT}/plots", refused=True),
    **{
        f"{name} edited in place": Case(partial(in_place, path), "altered", path, refused=True)
        for name, (path, _) in FILES.items()
    },
    "record edited in place": Case(
        lambda: in_place(str(record_of("diagnose_fit"))), "altered", "diagnose_fit/", refused=True
    ),
    "appended to a file": Case(
        partial(append, f"{FIT}/summary.csv"), "altered", f"{FIT}/summary.csv", refused=True
    ),
    "a file cut off": Case(
        partial(cut, f"{FIT}/draws.nc"), "altered", f"{FIT}/draws.nc", refused=True
    ),
    "a result deleted": Case(
        partial(delete, f"{FIT}/draws.nc"), "missing", f"{FIT}/draws.nc", refused=True
    ),
    "a picture deleted": Case(
        partial(delete, f"{FIT}/plots/ranks.png"), "missing", "ranks.png", refused=True
    ),
    "a key file deleted": Case(
        partial(delete, f"{FIT}/.keys/diagnose_fit"), "altered", f"{FIT}/diagnostics.json", True
    ),
    "a file too many": Case(
        partial(make, f"{FIT}/more.csv"), "altered", f"{FIT}/more.csv", refused=True
    ),
    "a hidden file too many": Case(
        partial(make, f"{RESULTS}/.more"), "altered", f"{RESULTS}/.more", refused=True
    ),
    "a file among the records": Case(
        partial(make, f"{FIT}/records/diagnose_fit/more.json"), "altered", "more.json", True
    ),
    "a folder too many": Case(
        partial(make, f"{RESULTS}/points/other/nuts/summary.csv"), "altered", "other/nuts", True
    ),
    # the records
    "record's output edited": Case(
        partial(edit_record, "collect_draws", outputs__0__sha256="0" * 64), "altered", "", True
    ),
    "record's input edited": Case(
        partial(edit_record, "diagnose_fit", inputs__0__sha256="0" * 64), "altered", "", True
    ),
    "record's arguments edited": Case(
        partial(edit_record, "diagnose_fit", arguments__checks={}), "altered", "diagnose_fit/", True
    ),
    "record's content edited": Case(
        partial(edit_record, "prepare_data.wide", made_of__content__points="0" * 64),
        "altered",
        "prepare_data.wide/",
        True,
    ),
    "record's key edited": Case(
        partial(edit_record, "diagnose_fit", key="0" * 64), "altered", "diagnose_fit/", True
    ),
    "record's state edited": Case(
        partial(edit_record, "diagnose_fit", state="failed"), "altered", "", True
    ),
    "record renamed": Case(
        partial(move_record, "diagnose_fit"), "altered", "diagnose_fit/", refused=True
    ),
    "record deleted": Case(
        lambda: record_of("collect_draws").unlink(), "altered", "records/collect_draws/", True
    ),
    "record of a dropped chain deleted": Case(
        lambda: record_of("sample_chain.3").unlink(), "altered", "sample_chain.3", refused=True
    ),
    "record of the compilation deleted": Case(
        lambda: next(Path(RESULTS).glob("records/compile_program.*/*.json")).unlink(),
        "missing",
        "compile_program",
    ),
    "forged second record, seen by the next step": Case(
        partial(forge, "collect_draws", "summary"), "altered", "collect_draws/", refused=True
    ),
    "forged second record of a last step": Case(
        partial(forge, "check_verdicts", "verdicts"), "altered", "check_verdicts/", refused=True
    ),
    "a record laundered and committed": Case(
        partial(launder, "collect_draws", "summary"), "altered", "write_report/", refused=True
    ),
    "laundered, and the next record silent": Case(
        partial(launder_in_silence, "collect_draws", "summary", "write_report"),
        "altered",
        "write_report/",
        refused=True,
    ),
    "verdict forgotten and committed": Case(
        forget_verdict, "missing", "verdicts.json", refused=True
    ),
    # what DVC holds
    "pointer to other files, without a cache": Case(point_elsewhere, "altered", POINTER),
    "cache's object edited": Case(
        partial(edit_object, ".dvc/cache/files", f"{FIT}/draws.nc"), "altered", f"{FIT}/draws.nc"
    ),
    "cache's listing edited": Case(partial(edit_listing, ".dvc/cache/files"), "altered", ".dir"),
    "remote's object edited": Case(
        partial(edit_object, "../store", f"{FIT}/draws.nc"),
        "altered",
        f"{FIT}/draws.nc",
        remote=True,
    ),
    "remote's listing edited": Case(
        partial(edit_listing, "../store"), "altered", ".dir", remote=True
    ),
    "remote's object lost": Case(
        partial(lose_object, "../store", f"{FIT}/draws.nc"),
        "missing",
        f"{FIT}/draws.nc",
        remote=True,
    ),
}


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> ProjectDir:
    """Two analyses whose results were run, tracked, pushed and committed."""
    folder = tmp_path_factory.mktemp("manipulations")
    points = "y\n" + "".join(f"{value}\n" for value in VALUES)
    project = ProjectDir.make(
        folder / "project",
        cache,
        CONFIG,
        {
            "data/points.csv": points,
            "stan/wide.stan": PROGRAM.replace("PRIOR", "10"),
            "stan/narrow.stan": PROGRAM.replace("PRIOR", "1"),
        },
    )
    shutil.copy(ROOT / ".gitignore", project.path)
    git("init", "--quiet", "--initial-branch", "main", str(project.path))
    for name, value in WRITER.items():
        git("config", name, value, folder=project.path)
    git("add", "--all", folder=project.path)
    git("commit", "--quiet", "--message", "Declare", folder=project.path)
    completed = project.stanchion("run", "--cores", "2")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    project.call("dvc", "remote", "add", "--default", "store", "../store")
    completed = project.stanchion("track", "--commit")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return project


@pytest.fixture
def project(tracked: ProjectDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it and of its remote; the current folder."""
    for name in ("project", "store"):
        shutil.copytree(tracked.path.parent / name, tmp_path / name, symlinks=True)
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("STANCHION_CACHE", str(tracked.cache))
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    for name in ("STANCHION_RUN_ID", "STANCHION_SCRATCH"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return tmp_path / "project"


def test_what_nobody_touched_is_intact_and_tracked_again(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a manipulation nothing is noticed, and another `track` changes nothing."""
    assert verify([], remote=True, configfile=DECLARATION) == 0
    track([], configfile=DECLARATION, commit=False)
    output = capsys.readouterr().out
    assert "means: intact" in output and "second: intact" in output
    assert "nothing to commit" in output


@pytest.mark.parametrize("name", CASES)
def test_manipulation_is_noticed(
    name: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`verify` exits with 1 and says the word and the name; `track` refuses what it must."""
    case = CASES[name]
    case.change()
    assert verify([], remote=case.remote, configfile=DECLARATION) == 1
    output = capsys.readouterr().out
    assert f"means: {case.word}\n" in output, output
    assert case.named in output, output
    if not case.refused:
        return
    pointers = [Path(path).read_bytes() for path in (POINTER, MANIFEST)]
    with pytest.raises(StanchionError) as refused:
        track([], configfile=DECLARATION, commit=False)
    assert case.named in str(refused.value)
    assert [Path(path).read_bytes() for path in (POINTER, MANIFEST)] == pointers


def test_pointers_that_are_not_committed_are_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results that were tracked, and not committed, are no version yet: `verify` says so."""
    git("reset", "--quiet", "--soft", "HEAD^")
    git("reset", "--quiet")
    assert verify([], remote=True, configfile=DECLARATION) == 1
    output = capsys.readouterr().out
    assert "means: not committed" in output and POINTER in output and MANIFEST in output


def test_a_comment_in_a_program_is_a_note(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A text that compiles to the same is told, and leaves the results intact."""
    append("stan/wide.stan")
    assert verify([], remote=False, configfile=DECLARATION) == 0
    assert "note: stan/wide.stan is not the text that was compiled" in capsys.readouterr().out


def test_track_refuses_what_dvc_would_leave_out(project: Path) -> None:
    """A result that .dvcignore hides would be lost: it is named, and the pointer stays."""
    Path(".dvcignore").write_text("*.png\n")
    shutil.rmtree(".dvc/cache")
    before = Path(POINTER).read_bytes()
    with pytest.raises(StanchionError, match=r"plots/.*\.png: DVC is told to ignore this result"):
        track([], configfile=DECLARATION, commit=False)
    assert Path(POINTER).read_bytes() == before


@pytest.mark.parametrize("change", [lose_object, edit_object])
def test_track_repairs_the_remote(
    project: Path, change: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """An object that the remote lost, or holds altered, is sent again by `track`."""
    change("../store", f"{FIT}/draws.nc")
    track([], configfile=DECLARATION, commit=False)
    assert "sent again" in capsys.readouterr().out
    assert verify([], remote=True, configfile=DECLARATION) == 0


def test_every_records_key_follows_from_its_content(project: Path) -> None:
    """Of every record of the run, those of compilations too, the key is recomputed rightly."""
    from stanchion.plan.keys import key_of

    records = [json.loads(path.read_text()) for path in Path("results").rglob("records/*/*.json")]
    assert {record["step"] for record in records} >= {"compile_program", "sample_chain"}
    for record in records:
        assert key_of({**record["made_of"], "arguments": record["arguments"]}) == record["key"]
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(".stanchion/programs")
    assert verify([], remote=False, configfile=DECLARATION) == 0
