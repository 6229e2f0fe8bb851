"""Versions of results, the whole way: run, track, change, restore, verify, diff."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import ROOT, ProjectDir
from tests.versions import WRITER, git

pytestmark = [pytest.mark.stan, pytest.mark.snakemake]

POINTER, MANIFEST = "results/means.dvc", "results/means.manifest.json"
SUMMARY = Path("results/means/points/wide/nuts/summary.csv")


@pytest.fixture(scope="module")
def versions(finished: ProjectDir, tmp_path_factory: pytest.TempPathFactory) -> ProjectDir:
    """A project in git with two committed versions of its results, both at a remote."""
    folder = tmp_path_factory.mktemp("versions")
    path = folder / "project"
    shutil.copytree(finished.path, path, symlinks=True)
    shutil.copy(ROOT / ".gitignore", path)
    project = ProjectDir(path, finished.cache)
    git("init", "--quiet", "--initial-branch", "main", str(path))
    for name, value in WRITER.items():
        git("config", name, value, folder=path)
    commit(project, "Declare")
    succeeds(project, "run", "--cores", "2")
    project.call("dvc", "remote", "add", "--default", "store", str(folder / "store"))
    commit(project, "Keep results in DVC")
    succeeds(project, "track", "--commit")
    git("tag", "first", folder=path)
    project.edit("stan/wide.stan", "normal(0, 10)", "normal(0, 0.1)")
    commit(project, "A narrower prior")
    succeeds(project, "run", "--cores", "2")
    succeeds(project, "track", "--commit")
    git("tag", "second", folder=path)
    return project


@pytest.fixture
def clone(versions: ProjectDir, tmp_path: Path) -> ProjectDir:
    """A fresh clone with an empty DVC cache."""
    git("clone", "--quiet", str(versions.path), str(tmp_path / "clone"))
    for name, value in WRITER.items():
        git("config", name, value, folder=tmp_path / "clone")
    return ProjectDir(tmp_path / "clone", versions.cache)


def commit(project: ProjectDir, message: str) -> None:
    git("add", "--all", folder=project.path)
    git("commit", "--quiet", "--message", message, folder=project.path)


def succeeds(project: ProjectDir, *words: str) -> str:
    completed = project.stanchion(*words)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


def fails(project: ProjectDir, *words: str, code: int = 1) -> str:
    completed = project.stanchion(*words)
    assert completed.returncode == code, completed.stdout + completed.stderr
    assert "Traceback" not in completed.stderr
    return completed.stdout + completed.stderr


def test_each_version_comes_back_with_nothing_to_do(
    versions: ProjectDir, clone: ProjectDir
) -> None:
    """In a clone, either version is restored and intact; Snakemake and DVC have nothing to do."""
    texts = {}
    for revision in ("first", "second"):
        assert "nothing to do" in succeeds(clone, "restore", "--rev", revision)
        assert clone.stale() == set()
        assert "up to date" in clone.call("dvc", "status").stdout
        assert "intact" in succeeds(clone, "verify", "--remote")
        assert git("status", "--porcelain", folder=clone.path) == ""
        texts[revision] = (clone.path / SUMMARY).read_bytes()
    assert texts["second"] == (versions.path / SUMMARY).read_bytes()
    assert texts["first"] != texts["second"]


def test_restored_results_run_again_exactly_where_the_declaration_changes(
    clone: ProjectDir,
) -> None:
    """After a restore, a changed threshold stales the checks of its fits, and no sampling."""
    succeeds(clone, "restore")
    clone.edit("config/config.yaml", "    compare:", "    checks: {rhat: 1.02}\n    compare:")
    assert {job.split()[0] for job in clone.stale()} == {
        "diagnose_fit",
        "predict_outcomes",
        "compare_models",
        "write_report",
        "check_verdicts",
    }


def test_diff_tells_what_changed_and_what_it_did(versions: ProjectDir) -> None:
    """Between the versions: the prior's line, and the values that moved with their errors."""
    content = json.loads(succeeds(versions, "diff", "first", "second", "--json"))
    assert (content["declaration"], content["data"], content["toolchain"]) == ([], [], [])
    (program,) = content["programs"]
    assert program["lines"] == ["-  mu ~ normal(0, 10);", "+  mu ~ normal(0, 0.1);"]
    assert {fit["fit"] for fit in content["results"]} == {
        "means/points/wide/nuts",
        "means/points/wide/advi",
    }
    (mu,) = [
        value
        for fit in content["results"]
        for value in fit["values"]
        if fit["fit"].endswith("nuts")
    ]
    # With 12 observations of mean 0.3167 and scale 1, the posterior mean is 0.3164 under
    # normal(0, 10), and 0.3167 * 12 / 112 = 0.0339 under normal(0, 0.1); four errors each.
    assert abs(mu["old"]["mean"] - 0.3164) < 4 * mu["old"]["mcse"]
    assert abs(mu["new"]["mean"] - 0.0339) < 4 * mu["new"]["mcse"]
    assert mu["in_errors"] < -10


def test_dvc_compares_the_metrics_of_versions(versions: ProjectDir) -> None:
    """`dvc metrics diff` knows the figures of each fit at both revisions."""
    completed = versions.call("dvc", "metrics", "diff", "--json", "first", "second")
    assert completed.returncode == 0, completed.stderr
    (metrics,) = json.loads(completed.stdout).values()
    assert "comparison.points/wide/nuts.elpd" in metrics
    assert any(name.startswith("points/wide/nuts.checks.") for name in metrics)
    assert not any(name.startswith("points/narrow/nuts") for name in metrics)


def test_track_commits_nothing_else(clone: ProjectDir) -> None:
    """`track --commit` leaves the user's staged and unstaged changes as they are."""
    succeeds(clone, "restore")
    clone.edit("config/config.yaml", "What is the mean?", "What is the true mean?")
    commit(clone, "Another question")
    succeeds(clone, "run", "--cores", "2")
    clone.write("staged.txt", "staged")
    git("add", "staged.txt", folder=clone.path)
    clone.write("loose.txt", "loose")
    succeeds(clone, "track", "--commit")
    assert set(git("status", "--porcelain", folder=clone.path).splitlines()) == {
        "A  staged.txt",
        "?? loose.txt",
    }
    changed = git("show", "--name-only", "--format=", "HEAD", folder=clone.path).splitlines()
    assert set(changed) == {"results/means.dvc", "results/means.manifest.json"}


def test_track_prints_the_line_that_commits(clone: ProjectDir) -> None:
    """Without --commit nothing is committed; the printed line does it."""
    succeeds(clone, "restore")
    git("rm", "--quiet", "--cached", POINTER, MANIFEST, folder=clone.path)
    git("commit", "--quiet", "--message", "Without results", folder=clone.path)
    head = git("rev-parse", "HEAD", folder=clone.path)
    line = succeeds(clone, "track").splitlines()[-1]
    assert git("rev-parse", "HEAD", folder=clone.path) == head
    subprocess.run(line, shell=True, check=True, cwd=clone.path)
    assert git("status", "--porcelain", folder=clone.path) == ""
    assert git("rev-parse", "HEAD^", folder=clone.path) == head


def test_two_people_and_one_remote(versions: ProjectDir, clone: ProjectDir, tmp_path: Path) -> None:
    """Two clones push different results to one remote; each comes back, and that of the other."""
    git("clone", "--quiet", str(versions.path), str(tmp_path / "other"))
    for name, value in WRITER.items():
        git("config", name, value, folder=tmp_path / "other")
    other = ProjectDir(tmp_path / "other", versions.cache)
    people = ((clone, "Which is the mean?"), (other, "What, then, is the mean?"))
    for person, question in people:
        succeeds(person, "restore")
        person.edit("config/config.yaml", "What is the mean?", question)
        commit(person, question)
        succeeds(person, "run", "--cores", "2")
        succeeds(person, "track", "--commit")
    for person, question in people:
        shutil.rmtree(person.path / ".dvc/cache")
        shutil.rmtree(person.path / "results/means")
        assert "nothing to do" in succeeds(person, "restore")
        assert question in (person.path / "results/means/report.html").read_text()
        assert "intact" in succeeds(person, "verify", "--remote")
    git("fetch", "--quiet", str(clone.path), "main:theirs", folder=other.path)
    assert "nothing to do" in succeeds(other, "restore", "--rev", "theirs")
    assert people[0][1] in (other.path / "results/means/report.html").read_text()
    assert "intact" in succeeds(other, "verify", "--remote")


def test_git_switch_then_restore(clone: ProjectDir) -> None:
    """After a plain `git switch`, results that are tracked in any revision are replaced."""
    succeeds(clone, "restore")
    git("switch", "--quiet", "--detach", "first", folder=clone.path)
    output = fails(clone, "verify")
    assert "means: stale" in output
    assert "these are the results of" in output
    assert "nothing to do" in succeeds(clone, "restore")
    assert "intact" in succeeds(clone, "verify")


def test_a_dry_run_deletes_nothing(clone: ProjectDir) -> None:
    """Whoever asks what would run, after a change, finds every tracked file as it was."""
    succeeds(clone, "restore")
    clone.edit("config/config.yaml", "seed: 11", "seed: 12")
    before = files(clone)
    assert clone.stale()
    succeeds(clone, "run", "--", "-n")
    assert files(clone) == before
    clone.edit("config/config.yaml", "seed: 12", "seed: 11")
    assert clone.stale() == set()
    assert "intact" in succeeds(clone, "verify")


def files(project: ProjectDir) -> dict[str, bytes]:
    """Return every result with its content."""
    paths = (path for path in (project.path / "results").rglob("*") if path.is_file())
    return {str(path.relative_to(project.path)): path.read_bytes() for path in paths}


def test_results_of_a_renamed_analysis_are_named_and_cleaned(clone: ProjectDir) -> None:
    """`status` names them, `clean` removes what is tracked, and asks before it loses anything."""
    succeeds(clone, "restore")
    assert "all its results are declared" in succeeds(clone, "clean", "means")
    clone.edit("config/config.yaml", "  means:\n", "  averages:\n")
    assert "not declared: results/means; `stanchion clean means`" in succeeds(clone, "status")
    (clone.path / "results/means/mine.txt").write_text("mine")
    assert "results/means/mine.txt" in fails(clone, "clean", "means")
    assert (clone.path / SUMMARY).exists()
    (clone.path / "results/means/mine.txt").unlink()
    assert "means: removed" in succeeds(clone, "clean", "means")
    assert files(clone) == {}
    assert git("status", "--porcelain", folder=clone.path).splitlines() == [
        "M config/config.yaml",
        " M dvc.yaml",
        " D results/.gitignore",
        f" D {POINTER}",
        f" D {MANIFEST}",
    ]
    for name in ("data", "config", "stan", "../clone"):
        assert "there are no results" in fails(clone, "clean", name)
    git("restore", ".", folder=clone.path)
    assert "nothing to do" in succeeds(clone, "restore")


def test_a_fit_that_is_not_declared_any_more(clone: ProjectDir) -> None:
    """Its results are named, not tracked, and cleaned; its records stay, and so do the others."""
    succeeds(clone, "restore")
    clone.edit("config/config.yaml", "      advi: {draws: 500}\n", "")
    succeeds(clone, "run", "--cores", "2")
    advi = "results/means/points/wide/advi/draws.nc"
    assert f"not declared: {advi}" in succeeds(clone, "status")
    assert advi in fails(clone, "track")
    assert advi in succeeds(clone, "clean", "means")
    assert "not declared" not in succeeds(clone, "status")
    assert list((clone.path / advi).parent.glob("records/collect_draws/*"))
    succeeds(clone, "track", "--commit")
    succeeds(clone, "run", "--cores", "2")
    commit(clone, "Without ADVI")
    assert "intact" in succeeds(clone, "verify")


def test_tracking_after_a_run_where_declared(clone: ProjectDir) -> None:
    """With `track: after_run`, a run ends with tracked and pushed results."""
    succeeds(clone, "restore")
    clone.edit("config/config.yaml", "seed: 11\n", "seed: 11\nversioning: {track: after_run}\n")
    clone.edit("config/config.yaml", "What is the mean?", "Which is the mean?")
    assert "pushed to store and read back" in succeeds(clone, "run", "--cores", "2")
    assert "means: not committed" in fails(clone, "verify", "--remote")


def test_data_under_dvc_are_fetched_when_a_run_needs_them(
    versions: ProjectDir, tmp_path: Path
) -> None:
    """A dataset that lies at the remote is pulled by a run, and changes no key."""
    git("clone", "--quiet", str(versions.path), str(tmp_path / "with_data"))
    project = ProjectDir(tmp_path / "with_data", versions.cache)
    succeeds(project, "restore")
    git("rm", "--quiet", "--cached", "data/points.csv", folder=project.path)
    assert project.call("dvc", "add", "data/points.csv").returncode == 0
    assert project.call("dvc", "push", "data/points.csv.dvc").returncode == 0
    (project.path / "data/points.csv").unlink()
    shutil.rmtree(project.path / ".dvc/cache")
    assert "fetched data/points.csv" in succeeds(project, "run", "--cores", "2")
    assert project.stale() == set()


def test_changes_are_not_overwritten(clone: ProjectDir) -> None:
    """A restore refuses a tree with changes, and results that are not tracked as they are."""
    succeeds(clone, "restore")
    (clone.path / SUMMARY).write_text("mine")
    output = fails(clone, "restore", "--rev", "first")
    assert f"{SUMMARY}: this result is not tracked in any revision" in output
    assert (clone.path / SUMMARY).read_text() == "mine"
    clone.edit("config/config.yaml", "seed: 11", "seed: 12")
    output = fails(clone, "restore", "--rev", "first")
    assert "config/config.yaml" in output
    assert "git stash" in output
    assert git("rev-parse", "HEAD", folder=clone.path) == git(
        "rev-parse", "second", folder=clone.path
    )


def test_what_is_not_up_to_date_or_was_edited_is_not_tracked(clone: ProjectDir) -> None:
    """`track` names the step that has not run, and the file that was edited."""
    succeeds(clone, "restore")
    text = (clone.path / SUMMARY).read_text()
    (clone.path / SUMMARY).write_text(text.replace("0", "1", 1))
    assert str(SUMMARY) in fails(clone, "track")
    (clone.path / SUMMARY).write_text(text)
    clone.edit("config/config.yaml", "seed: 11", "seed: 12")
    output = fails(clone, "track")
    assert "not up to date" in output
    assert "stanchion run" in output


def test_remotes_that_cannot_take_results(clone: ProjectDir, tmp_path: Path) -> None:
    """An unknown remote and one that cannot be written are one sentence each."""
    succeeds(clone, "restore")
    clone.edit("config/config.yaml", "seed: 11", "versioning: {remote: nowhere}\nseed: 11")
    assert "'nowhere'" in fails(clone, "track")
    clone.edit("config/config.yaml", "nowhere", "file")
    (tmp_path / "file").write_text("not a folder")
    clone.call("dvc", "remote", "add", "file", str(tmp_path / "file"))
    assert str(tmp_path / "file") in fails(clone, "track")


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system can be mounted by root only")
def test_a_full_remote(clone: ProjectDir, tmp_path: Path) -> None:
    """A remote without space left is one sentence, and the next try sends the rest."""
    succeeds(clone, "restore")
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        clone.call("dvc", "remote", "add", "small", str(small))
        clone.edit("config/config.yaml", "seed: 11", "versioning: {remote: small}\nseed: 11")
        assert "no space left" in fails(clone, "track")
        subprocess.run(["mount", "-o", "remount,size=50m", str(small)], check=True)
        assert "pushed to small and read back" in succeeds(clone, "track")
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_locked_repository(clone: ProjectDir) -> None:
    """While another process works with DVC, `track` says so and ends."""
    succeeds(clone, "restore")
    hold = "import sys, dvc.repo; r = dvc.repo.Repo(); r.lock.lock(); print(1); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", hold],
        cwd=clone.path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "1\n"
        assert "another process works with DVC" in fails(clone, "track")
    finally:
        other.kill()
        other.wait()


def test_outside_git_versions_are_refused(finished: ProjectDir, tmp_path: Path) -> None:
    """In a folder that is no git repository, each command of versions is one sentence."""
    shutil.copytree(finished.path, tmp_path / "plain", symlinks=True)
    plain = ProjectDir(tmp_path / "plain", finished.cache)
    for words in (["track"], ["restore"], ["diff", "HEAD"]):
        assert "not in a git repository" in fails(plain, *words)
    assert "cannot tell" in fails(plain, "verify", code=2)
