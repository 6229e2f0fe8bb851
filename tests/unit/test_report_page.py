"""The report: failure first, nothing that was not declared, the same bytes each time."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from stanchion.report.page import page
from stanchion.steps.job import Job

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PROGRAM = "// <a mean>\nmodel {\n  mu ~ normal(0, 1); // wide & open\n}\n"
HEAD = "variable,mean,median,sd,mad,q5,q95,mcse_mean,mcse_sd,ess_bulk,ess_tail,rhat"


def check(name: str, verdict: str, value: float | None, threshold: float | None) -> dict[str, Any]:
    where = ["theta[1]"] if verdict == "fail" else []
    return {
        "check": name,
        "value": value,
        "threshold": threshold,
        "verdict": verdict,
        "where": where,
        "source": "a source",
    }


def diagnostics(verdict: str) -> dict[str, Any]:
    rhat = 1.234 if verdict == "fail" else 1.001
    return {
        "verdict": verdict,
        "checks": [check("ess_bulk", "pass", 900.0, 400.0), check("rhat", verdict, rhat, 1.01)],
        "notes": [],
    }


@pytest.fixture
def job(tmp_path: Path) -> Any:
    def write(name: str, content: object) -> Path:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def make(*verdicts: str, on_fail: str = "stop", rows: int = 1, **changes: Any) -> Job:
        names = [f"fit{place}" for place in range(len(verdicts))]
        table = "\n".join(
            [
                HEAD,
                *(
                    f'"theta[{n}]",1.23456,1.2,0.5,0.5,0.4,2.1,0.01,0.01,900,800,1.001'
                    for n in range(rows)
                ),
            ]
        )
        fits = [
            {
                "dataset": "d",
                "model": "m",
                "method": name,
                "kind": "nuts",
                "on_fail": on_fail,
                "settings": {"chains": 4},
                "checks": {},
                "seed": 7,
                "parameters": None,
                "keys": {"collect_draws": "k" * 64},
                "has_predictive": False,
            }
            for name in names
        ]
        meta = {"rows": 8, "dropped": [], "transforms": {}, "unused": [], "sizes": {}}
        arguments = {
            "project": "p",
            "analysis": "a",
            "question": "Is <b> better & cheaper?",
            "seed": 1,
            "about": {},
            "datasets": [{"name": "d", "path": "data/d.csv", "sha256": "0" * 64, "declared": {}}],
            "models": [{"name": "m", "program": "stan/m.stan", "options": {}}],
            "mappings": [{"y": "effect"}],
            "pairs": [{"dataset": "d", "model": "m"}],
            "fits": fits,
            "priors": [],
            "compare": None,
            "predict": None,
            "posterior_predictive": None,
            "intervals": None,
            "toolchain": {"version": "2.39.0"},
        }
        inputs: dict[str, Any] = {
            "summaries": [write(f"{n}.csv", table) for n in names],
            "diagnostics": [
                write(f"{n}.json", diagnostics(v)) for n, v in zip(names, verdicts, strict=True)
            ],
            "ranks": [write("ranks.png", PNG) for _ in names],
            "data": [write("data.json", {})],
            "metas": [write("meta.json", meta)],
            "predictives": [],
            "predictive_pictures": [],
            "priors": [],
            "prior_pictures": [],
            "programs": [write("m.stan", PROGRAM)],
        }
        return Job("write_report", "k", {**arguments, **changes}, inputs, {}, tmp_path / "log")

    return make


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", html, flags=re.S))


def test_failure_stands_before_everything_else(job: Any) -> None:
    """The failed check, its parameter, value and threshold stand before any estimate."""
    said = text(page(job("pass", "fail")))
    first_screen = said.index("rhat is 1.234 , against 1.01".replace(" ,", ","))
    assert first_screen < said.index("Estimates")
    assert "theta[1]" in said[: said.index("Estimates")]
    assert "Nothing was computed from this fit" in said


def test_flagged_failure_says_so(job: Any) -> None:
    """A failure that is declared to flag says that results were computed from it all the same."""
    assert "results below were computed from it all the same" in text(
        page(job("fail", on_fail="flag"))
    )


def test_passing_report_shows_no_alarm(job: Any) -> None:
    """Where every fit passes, the first screen says so and alarms of nothing."""
    html = page(job("pass"))
    assert "Every fit passed its checks" in html and 'class="alarm' not in html


def test_names_and_programs_are_escaped(job: Any) -> None:
    """What people write cannot become markup."""
    html = page(job("pass"))
    assert "Is &lt;b&gt; better &amp; cheaper?" in html
    assert "//&nbsp;" not in html and "&lt;a mean&gt;" in html


def test_only_declared_sections_are_there(job: Any) -> None:
    """Without comparison, predictive and prior checks there are no such sections."""
    html = page(job("pass"))
    assert not [name for name in ("comparison", "predictive", "prior") if f'id="{name}"' in html]


def test_long_tables_are_folded_and_end(job: Any) -> None:
    """A table shows some rows, folds some, and names the file that holds the others."""
    html = page(job("pass", rows=300))
    assert "200 more rows" in html
    assert "88 rows more are in <code>results/a/d/m/fit0/summary.csv</code>" in html


def test_mean_shows_no_digit_beyond_its_error(job: Any) -> None:
    """A mean with a Monte Carlo error of 0.01 is shown with two decimals."""
    assert "<td>1.23</td>" in page(job("pass")) and "1.2346" not in page(job("pass"))


def test_report_needs_nothing_beside_it(job: Any) -> None:
    """Pictures and styles are in the file: no address is fetched, no script runs."""
    html = page(job("pass"))
    assert set(re.findall(r'(?:src|href)="([a-z]+):', html)) == {"data"}
    assert "<script" not in html and "@import" not in html and "url(" not in html


def test_report_is_the_same_each_time(job: Any) -> None:
    """The same inputs give the same bytes."""
    assert page(job("pass", "fail")) == page(job("pass", "fail"))
