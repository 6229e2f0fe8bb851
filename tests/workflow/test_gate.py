"""The gate: a fit that fails its checks stops what hangs on it, loudly, and nothing else."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

import stanchion
from stanchion.errors import FailedError
from tests.project import ROOT, ProjectDir

pytestmark = [pytest.mark.stan, pytest.mark.snakemake]


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[ProjectDir, int, str]:
    """The example that fails on purpose, run once: project, exit code, what was said."""
    names = [
        "data/eight_schools.csv",
        "stan/models/schools_centred.stan",
        "stan/models/schools_partial_pooling.stan",
    ]
    project = ProjectDir.make(
        tmp_path_factory.mktemp("gate") / "project",
        cache,
        (ROOT / "config/gate.yaml").read_text(),
        {name: (ROOT / name).read_text() for name in names},
    )
    completed = project.stanchion("run", "--cores", "2")
    return project, completed.returncode, completed.stdout + completed.stderr


def result(project: ProjectDir, name: str) -> Path:
    return project.path / "results/gate" / name


def test_run_exits_3_and_names_the_check(gated: tuple[ProjectDir, int, str]) -> None:
    """The run exits 3 and says which fit failed which check."""
    _, code, output = gated
    assert code == 3, output
    assert "gate/schools/centred/nuts failed its checks: " in output
    assert "divergences" in output and "Traceback" not in output
    assert "the comparison of gate/schools failed: models compared 1" in output
    assert re.search(r"^gate/schools: comparison +fail$", output, re.MULTILINE)


def test_report_opens_with_the_failure(gated: tuple[ProjectDir, int, str]) -> None:
    """The report is made, and the failure stands before any estimate."""
    html = result(gated[0], "report.html").read_text()
    body = re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
    assert 0 < body.index("divergences") < body.index("theta[1]")
    assert body.index("fail") < body.index("theta[1]")


def test_nothing_is_predicted_from_the_failed_fit(gated: tuple[ProjectDir, int, str]) -> None:
    """The failed fit has no predictive checks and no place in the comparison; it says why."""
    project = gated[0]
    content = json.loads(result(project, "schools/centred/nuts/predictive.json").read_text())
    assert content["made"] is False and "divergences" in content["because"]
    rows = list(csv.DictReader(result(project, "comparison.csv").open()))
    assert "centred" not in {row["model"] for row in rows}


def test_other_fits_are_finished(gated: tuple[ProjectDir, int, str]) -> None:
    """The other fit has its verdict and its predictive checks."""
    fit = "schools/non_centred/nuts"
    verdict = json.loads(result(gated[0], f"{fit}/diagnostics.json").read_text())["verdict"]
    assert verdict in ("pass", "warn")
    assert json.loads(result(gated[0], f"{fit}/predictive.json").read_text())["made"] is True


def test_python_gets_no_draws_of_the_failed_fit(
    gated: tuple[ProjectDir, int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loaded, it says why, and gives neither draws nor summary unless the call allows it."""
    project = gated[0]
    monkeypatch.setenv("STANCHION_CACHE", str(project.cache))
    analysis = stanchion.load(project.path / "results/gate")
    centred = analysis["centred"]
    assert (centred.verdict, centred.state) == ("fail", "current")
    assert "divergences" in {c.check for c in centred.checks if c.verdict == "fail"}
    for attribute in ("draws", "summary"):
        with pytest.raises(FailedError, match=r"failed its checks: .*divergences"):
            getattr(centred, attribute)
    assert analysis["non_centred"].draws["posterior"].sizes["chain"] == 4
    allowed = stanchion.load(project.path / "results/gate", allow_failed=True)
    assert allowed["centred"].draws["sample_stats"]["diverging"].values.sum() > 0


def test_failure_is_said_again_by_the_next_run(gated: tuple[ProjectDir, int, str]) -> None:
    """A second run samples nothing and exits 3 again: a failed check cannot be overlooked."""
    project = gated[0]
    before = project.records()
    assert project.stanchion("run", "--cores", "2").returncode == 3
    assert project.ran(before) == set()


def test_verdict_edited_by_hand_does_not_pass(gated: tuple[ProjectDir, int, str]) -> None:
    """`fail` edited to `pass` in the same size: the run still exits 3, and `fail` stands there."""
    project = gated[0]
    diagnosed = result(project, "schools/centred/nuts/diagnostics.json")
    content = diagnosed.read_bytes()
    diagnosed.write_bytes(content.replace(b'"fail"', b'"pass"'))
    completed = project.stanchion("run", "--cores", "2")
    assert completed.returncode == 3, completed.stdout + completed.stderr
    assert diagnosed.read_bytes() == content


def test_waiver_turns_the_failure_into_waived(gated: tuple[ProjectDir, int, str]) -> None:
    """A waiver in force lets the run pass, visibly, and nothing is sampled for it."""
    project = gated[0]
    diagnosed = json.loads(result(project, "schools/centred/nuts/diagnostics.json").read_text())
    failed = [check["check"] for check in diagnosed["checks"] if check["verdict"] == "fail"]
    waivers = "".join(
        f"- {{fit: gate/schools/centred/nuts, check: {name}, reason: shown, who: QA, "
        'until: "2999-12-31"}\n'
        for name in failed
    )
    project.write("config/waivers.yaml", waivers)
    before = project.records()
    completed = project.stanchion("run", "--cores", "2")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert not any(step.startswith("sample") for step in project.ran(before))
    assert "waived" in completed.stdout
    assert "waived" in result(project, "report.html").read_text()
    (judged,) = json.loads(result(project, "verdicts.json").read_text())["comparisons"]
    assert judged["comparison"] == "gate/schools" and judged["verdict"] in ("pass", "warn")
