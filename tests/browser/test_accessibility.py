"""What an accessibility checker, axe-core, says of reports in a real browser."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stanchion.report.page import build
from stanchion.report.render import render
from tests.browser import chromium
from tests.report_inputs import (
    Declared,
    FitCase,
    check,
    failed_checks,
    khat_checks,
    nuts_checks,
    report_job,
)
from tests.unit.test_report_answers import FAILED as FAILED_ANSWER
from tests.unit.test_report_answers import answer, content, fit, row

pytestmark = pytest.mark.browser

SOUND = FitCase("partial", "nuts", parameters=40)
FAILED = FitCase("centred", "nuts", checks=failed_checks())
FLAGGED = FitCase("partial", "advi", "advi", on_fail="flag", checks=khat_checks(0.93, "fail"))
WAIVER = {"reason": "agrees with a longer run", "who": "the statistician", "until": "2027-03-31"}
WAIVED_CHECK = check("rhat", 1.0163, 1.01, "waived", "tau", waiver={"check": "rhat", **WAIVER})
WAIVED = FitCase("centred", "dense", checks=nuts_checks(rhat=WAIVED_CHECK))
EVERYTHING = Declared(compare=True, predictive=True, predict=True, effects=True, prior=True)
BELL = {"x": [-2, 0, 2, 4, 6], "y": [0.05, 0.2, 0.3, 0.2, 0.05], "discrete": False}
ANSWERED = answer(
    "quantity",
    fit(row(2.0, 0.06, lower=-2.9, upper=6.9, sd=3.0, density=BELL)),
    FAILED_ANSWER,
    unit="points",
)
REPORTS: dict[str, tuple[list[FitCase], Declared]] = {
    "sound": ([SOUND, replace(SOUND, model="pooled")], Declared(predictive=True)),
    "failed": ([SOUND, FAILED, FLAGGED], EVERYTHING),
    "waived": ([WAIVED], Declared(compare=True, prior=True, prior_ignored=True)),
    "many models": (
        [replace(SOUND, model=f"model_{n}", parameters=4) for n in range(8)] + [FAILED],
        EVERYTHING,
    ),
    "many methods": (
        [replace(SOUND, method=f"method_{n}", parameters=4) for n in range(14)],
        EVERYTHING,
    ),
    "answers": ([SOUND], Declared(answers=content(ANSWERED, answer("probability", FAILED_ANSWER)))),
    "predictions": ([SOUND], Declared(predict=True)),
}
LOOKED_AT = {"color-contrast", "image-alt", "heading-order", "th-has-data-cells", "region"}
FAULTS = {
    "image-alt": ("</main>", '<img width="9" height="9" src="data:image/gif;base64,R0lGODlhAQABAA'
                  'AAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="></main>'),
    "color-contrast": ("</main>", '<p style="color:#aaa;background:#fff">pale</p></main>'),
    "heading-order": ('<h3', '<h5>deep</h5><h3'),
}  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> chromium.Browser:
    """A Chromium of this machine, and axe-core in the pinned version."""
    program = chromium.find()
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    folder = chromium.AXE.parent
    if not chromium.AXE.exists():
        pytest.skip("axe-core is not installed: `npm ci` in tests/browser installs it")
    pinned = json.loads((folder.parents[1] / "package.json").read_text())["devDependencies"]
    if json.loads((folder / "package.json").read_text())["version"] != pinned["axe-core"]:
        pytest.skip("axe-core is not the pinned version: `npm ci` in tests/browser installs it")
    return chromium.Browser(program, tmp_path_factory.mktemp("profile"))


def page_of(folder: Path, name: str) -> str:
    """Return the report of this name, every step's files made up."""
    fits, declared = REPORTS[name]
    return render(build(report_job(folder / "inputs", fits, declared)))


def audit(browser: chromium.Browser, folder: Path, page: str, width: int) -> dict[str, Any]:
    """Return what axe says of a page."""
    (folder / "report.html").write_text(page)
    return browser.audit(folder, width)


@pytest.mark.parametrize("name", REPORTS)
def test_axe_finds_nothing(browser: chromium.Browser, tmp_path: Path, name: str) -> None:
    """No rule of axe is broken on a laptop or a telephone, the folds opened, grave or minor."""
    page = page_of(tmp_path, name)
    for width in (1280, 390):
        audited = audit(browser, tmp_path, page, width)
        assert audited["violations"] == []
        assert set(audited["passes"]) >= LOOKED_AT


@pytest.mark.parametrize("rule", FAULTS)
def test_axe_finds_a_planted_fault(browser: chromium.Browser, tmp_path: Path, rule: str) -> None:
    """A picture without words, pale letters or a skipped level of headings is found, and named."""
    before, after = FAULTS[rule]
    page = page_of(tmp_path, "predictions")
    assert before in page
    audited = audit(browser, tmp_path, page.replace(before, after, 1), 1280)
    assert [violation["rule"] for violation in audited["violations"]] == [rule]
