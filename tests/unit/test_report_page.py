"""The report: failure first, nothing that was not declared, the same bytes each time."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from stanchion.config import load
from stanchion.plan.argument_json import read_arguments
from stanchion.plan.planner import make_plan
from stanchion.plan.report_arguments import WriteReport
from stanchion.report.page import build
from stanchion.report.render import render
from stanchion.steps.write_report import run
from tests.report_inputs import (
    COLUMNS,
    Declared,
    FitCase,
    attempt,
    check,
    failed_checks,
    khat_checks,
    made_up,
    nuts_checks,
    png,
    report_job,
)
from tests.unit.test_plan import CONFIG, FACTS

SOUND = FitCase("partial", "nuts")
STOPPED = FitCase("centred", "nuts", checks=failed_checks())
FLAGGED = FitCase("partial", "advi", "advi", on_fail="flag", checks=khat_checks(0.934, "fail"))
GOOD = FitCase("partial", "advi", "advi", on_fail="flag", checks=khat_checks(0.41))
EVERYTHING = Declared(compare=True, predictive=True, predict=True, effects=True, prior=True)
WAIVER = {
    "check": "rhat",
    "reason": "agrees with a run ten times as long",
    "who": "the statistician",
    "until": "2027-03-31",
}
WAIVED = FitCase(
    "centred",
    "dense",
    checks=nuts_checks(rhat=check("rhat", 1.0163, 1.01, "waived", "tau", waiver=WAIVER)),
)


def html(folder: Path, *fits: FitCase, declared: Declared | None = None) -> str:
    """Return the report of these fits."""
    return render(build(report_job(folder, fits, declared)))


def test_the_report_names_run_and_commit(tmp_path: Path) -> None:
    """Run, commit and changes are printed where the step is told them; without git none are."""
    git = {"commit": "a1" * 20, "branch": "main", "dirty": True, "diff_sha256": "d2" * 32}
    job = report_job(tmp_path, (SOUND,), None)
    output = text(render(build(replace(job, made_in={"run": "e3" * 16, "git": git}))))
    assert re.search("run ?" + "e3" * 16, output)
    assert re.search("git commit ?" + "a1" * 20, output)
    assert re.search("not committed ?SHA-256 " + "d2" * 32, output)
    clean = {**git, "dirty": False, "diff_sha256": None}
    output = text(render(build(replace(job, made_in={"run": "e3" * 16, "git": clean}))))
    assert "git commit" in output and "not committed" not in output
    output = text(render(build(replace(job, made_in={"run": "e3" * 16, "git": None}))))
    assert "git commit" not in output
    assert "Run that wrote" not in text(render(build(job)))


def text(page: str) -> str:
    """Return what a reader sees."""
    return re.sub(r"\s+", " ", re.sub(r"<style.*?</style>|<[^>]+>", "", page, flags=re.DOTALL))


def first_screen(page: str) -> str:
    """Return what a reader sees before the first answer."""
    return text(page.split('id="estimates"')[0])


def test_a_failure_is_the_first_thing_said(tmp_path: Path) -> None:
    """Check, parameters, value, threshold, consequence and remedy stand before any answer."""
    output = first_screen(html(tmp_path, SOUND, STOPPED))
    assert "✕ computation: fail 2 fits: 1 failed, 1 passed" in output
    assert "R-hat 1.124 (allowed: ≤ 1.01) at tau, theta[1], mu" in output
    assert "bulk ESS 38 (allowed: ≥ 400)" in output and "divergences 57 (allowed: none)" in output
    assert "Nothing was computed from it" in output
    assert "raise adapt_delta towards 0.99. (Now: adapt_delta 0.8.)" in output
    assert output.index("schools/centred/nuts") < output.index("✓ pass")


def test_what_was_tried_is_a_table_of_its_fit(tmp_path: Path) -> None:
    """Name, other settings, gradients, and why it went on; the last one gave the draws."""
    tried = (
        attempt("as declared", "95 divergences, where 0 are allowed", passed=False),
        attempt(
            "adapt_delta 0.9", "3 divergences; no refit is left", passed=False, adapt_delta=0.9
        ),
    )
    retried = check("attempts", 1, 0, "warn", "as declared: 95 divergences, where 0 are allowed")
    page = html(tmp_path, replace(SOUND, tried=tried, checks=nuts_checks(attempts=retried)), GOOD)
    section = text(page.split('id="chains"')[1].replace("<td", " <td"))
    assert section.count("was sampled") == 1
    assert "as declared 12,345 went on: 95 divergences, where 0 are allowed" in section
    assert "adapt_delta 0.9 adapt_delta: 0.9 12,345 taken: 3 divergences" in section
    assert "failed attempts 1 (allowed: none) at as declared: 95 divergences" in first_screen(page)


def test_what_was_tried_without_a_retry_is_not_on_the_first_screen(tmp_path: Path) -> None:
    """Rounds of draws, or starts at draws of Pathfinder, are no fault of a fit."""
    tried = (attempt("250 draws a chain", "enough"),)
    page = html(tmp_path, replace(SOUND, tried=tried))
    assert "250 draws a chain" in text(page.split('id="chains"')[1])
    assert "250 draws a chain" not in first_screen(page) and "failed attempts" not in first_screen(
        page
    )


def test_why_a_round_went_on_is_wrapped(tmp_path: Path) -> None:
    """Its sentence is as long as thresholds are many: in a narrow tile it would be cut off."""
    tried = (attempt("250 draws a chain", "R-hat 1.016 of b; bulk ESS 812 of lp__"),)
    page = html(tmp_path, replace(SOUND, tried=tried))
    assert '<td class="left wrap">taken: R-hat 1.016 of b' in page


def test_a_flagged_failure_says_that_results_follow_from_it(tmp_path: Path) -> None:
    """ADVI's k̂ and what its failure means stand on the first screen."""
    output = first_screen(html(tmp_path, SOUND, FLAGGED))
    assert "Pareto k̂ 0.93 (allowed: ≤ 0.7)" in output
    assert "results were computed from it all the same" in output


def test_an_approximation_does_not_pass_alone(tmp_path: Path) -> None:
    """The table says what k̂ says, `k̂ found no fault`, and the sentence tells both kinds apart."""
    page = html(tmp_path, SOUND, GOOD)
    output = first_screen(page)
    assert "✓ computation: pass 2 fits: 1 passed, 1 in which k̂ found no fault" in output
    assert "✓ k̂ found no faultpartialadvi" in output
    assert "✓ computation: k̂ found no fault" in text(page.split('id="chains"')[1])
    assert "importance-resampled" in text(page) and "(unweighted)" not in text(page)


def test_unweighted_draws_are_labelled_wherever_they_are_shown(tmp_path: Path) -> None:
    """On the first screen, in the legend, in the tables and at predictions, with the reason."""
    page = html(tmp_path, SOUND, FLAGGED, declared=EVERYTHING)
    assert "✕ fail, unweightedpartialadvi" in first_screen(page)
    estimates = text(page.split('id="estimates"')[1].split('id="comparison"')[0])
    assert estimates.count("advi (unweighted)") > 1
    assert "where the approximation lies, not the posterior" in estimates
    assert "Draws unweighted: k̂ said so." in text(page)
    for section in ("predictive", "predictions"):
        assert "schools/partial/advi unweighted" in text(page.split(f'id="{section}"')[1])
    assert "schools/partial/nuts unweighted" not in text(page)


def test_a_difference_from_nuts_is_a_row_and_a_warning(tmp_path: Path) -> None:
    """With its place and value; where it could not be computed, with the reason and no alarm."""
    far = check(
        "nuts_difference", 1.52, 0.5, "warn", "theta[1]", note="in standard deviations of nuts"
    )
    page = html(tmp_path / "far", SOUND, replace(GOOD, checks=khat_checks(0.4, "pass", far)))
    output = first_screen(page)
    assert "! warnpartialadvi" in output
    assert "difference from the sampler in sds 1.52 (allowed: ≤ 0.5) at theta[1]" in output
    assert "Report the sampler" in output
    none = check("nuts_difference", None, 0.5, "skipped", note="not computed, because nuts failed")
    page = html(tmp_path / "no", STOPPED, replace(GOOD, checks=khat_checks(0.4, "pass", none)))
    assert "k̂ found no fault" in first_screen(page)
    assert "difference from the sampler" not in first_screen(page)
    chains = text(page.split('id="chains"')[1])
    assert "difference from the sampler in sds–≤ 0.5– skipped" in chains
    assert "not computed, because nuts failed." in chains


def test_the_advice_is_of_the_method_that_failed(tmp_path: Path) -> None:
    """A setting of ADVI mends no Pathfinder; each report names what its method has."""
    failed = replace(FLAGGED, kind="pathfinder", method="pathfinder")
    output = first_screen(html(tmp_path / "pathfinder", failed))
    assert "try more paths" in output and "fullrank" not in output
    output = first_screen(html(tmp_path / "advi", FLAGGED))
    assert "try algorithm: fullrank" in output and "more paths" not in output


def test_a_warning_within_its_limit_says_why(tmp_path: Path) -> None:
    """Raw draws whose k̂ is good: the note on the first screen, and no word of a bad fit."""
    raw = check("khat", -0.17, 0.7, "warn", note="these draws are not weighted")
    output = first_screen(html(tmp_path, replace(GOOD, checks=[raw], weighting="unweighted")))
    assert "Pareto k̂ −0.17 (allowed: ≤ 0.7): these draws are not weighted." in output
    assert "does not cover" not in output and "without resample: false" in output
    assert "these draws are not" not in first_screen(html(tmp_path / "bad", FLAGGED))
    one = check("modes", 1, 1, "warn", "log density -3.2", note="one start shows no other")
    output = first_screen(html(tmp_path / "modes", replace(GOOD, checks=[one])))
    assert "modes 1 (allowed: ≤ 1) at log density -3.2: one start shows no other." in output


def test_what_could_not_be_computed_is_not_said_to_be_bad(tmp_path: Path) -> None:
    """R-hat of chains at one point: its column is there, and no word of chains that disagree."""
    frozen = nuts_checks(
        constant=check("constant", 1, 0, "fail", "mu"),
        rhat=check("rhat", None, 1.01, "fail"),
        ess_bulk=check("ess_bulk", None, 400, "fail"),
        ess_tail=check("ess_tail", None, 400, "fail"),
    )
    output = first_screen(html(tmp_path, FitCase("partial", "nuts", checks=frozen)))
    assert "R-hat could not be computed" in output and "worst R-hat" in output
    assert "A chain did not move" in output and "The chains disagree" not in output
    assert "What could not be computed does not pass." in output


def test_code_in_a_reason_is_set_as_code(tmp_path: Path) -> None:
    """Why draws are unweighted, and why a fit is left out: no backtick is read on the page."""
    raw = replace(FLAGGED, because="declared by `resample: false`")
    page = html(tmp_path, SOUND, replace(SOUND, model="pooled"), raw, declared=EVERYTHING)
    assert page.count("declared by <code>resample: false</code>") == 2
    assert "`" not in text(page.split('id="programs"')[0])


def test_a_waiver_shows_who_why_and_until_when(tmp_path: Path) -> None:
    """A waived failure is no pass: it shows its waiver on the first screen."""
    output = first_screen(html(tmp_path, WAIVED))
    assert "◇ computation: waived 1 fit: 1 failed and waived" in output
    assert (
        "Waived by the statistician until 2027-03-31: agrees with a run ten times as long" in output
    )


def test_sound_fits_alarm_of_nothing(tmp_path: Path) -> None:
    """Where every fit passes, one sentence says so, and there is nothing to try."""
    page = html(tmp_path, SOUND, replace(SOUND, model="pooled"))
    assert "✓ computation: pass All 2 fits passed" in first_screen(page)
    assert "what to try" not in page and 'class="card' not in page


def test_a_stopped_fit_gives_no_estimates(tmp_path: Path) -> None:
    """Its numbers are folded under a warning, and no picture shows them."""
    stopped = replace(STOPPED, because="its fit failed its checks")
    page = html(tmp_path, stopped, declared=EVERYTHING)
    estimates = page.split('id="estimates"')[1].split('id="comparison"')[0]
    assert "no estimates" in estimates and '<figure class="forest">' not in estimates
    assert estimates.index("<details>") < estimates.index(">mu</code>")
    assert "centred/nuts: not made, because the fit failed its checks" in text(page)
    assert "centred/nuts is left out: its fit failed its checks." in text(page)
    assert "Not made, because no fits can be compared" in text(page)


def test_methods_stand_side_by_side(tmp_path: Path) -> None:
    """A quantity's lines are those of all methods of its model, in one table."""
    page = html(tmp_path, SOUND, FLAGGED)
    table = page.split('<table class="estimates">')[1].split("</table>")[0]
    body = re.findall(r"<tbody>.*?</tbody>", table, flags=re.DOTALL)[0]
    assert 'rowspan="2"' in body and "nuts" in body and "advi" in body


def test_only_declared_sections_are_there(tmp_path: Path) -> None:
    """Somebody's program with a Stan JSON file has no sections of what it did not ask for."""
    ids = {"comparison", "predictive", "predictions", "prior"}
    bare = Declared(question=None, mapping={}, meta={"rows": None})
    page = html(tmp_path / "bare", SOUND, declared=bare)
    assert not ids & set(re.findall(r'<section id="(\w+)"', page))
    assert "<h1>coaching</h1>" in page and "taken as it stands" in page
    page = html(tmp_path / "all", SOUND, declared=EVERYTHING)
    assert ids <= set(re.findall(r'<section id="(\w+)"', page))


def test_names_and_programs_cannot_become_markup(tmp_path: Path) -> None:
    """What people write is escaped wherever it is shown."""
    evil = '<script>alert("x")</script>&'
    declared = Declared(
        question=evil,
        program=f"// {evil}\nmodel {{ x ~ normal(0, 1); }}",
        about={evil: evil},
        mapping={"y": evil},
        meta={"unused": [evil], "dropped": [{"row": 3, "column": evil, "why": evil}]},
    )
    row = made_up(SOUND)[0] | {"variable": evil}
    labels = {evil: f"label {evil}"}
    fit = replace(
        SOUND,
        method="a b<i>",
        summary=[row],
        checks=nuts_checks(rhat=check("rhat", 2, 1, "fail", evil)),
        labels=labels,
    )
    page = html(tmp_path, fit, declared=declared)
    assert "<script" not in page and "b<i>" not in page
    assert page.count("&lt;script&gt;") >= 8


def test_labels_stand_where_parameters_are_named(tmp_path: Path) -> None:
    """In tables, forest, first screen and checks; Stan's name is the title where it differs."""
    labels = {f"theta[{n}]": f"theta[school={s}]" for n, s in enumerate("ABCDEFGH", start=1)}
    checks = nuts_checks(rhat=check("rhat", 1.02, 1.01, "fail", "theta[2]", "mu"))
    page = html(tmp_path, replace(SOUND, on_fail="flag", checks=checks, labels=labels))
    assert "theta[1]" not in text(page) and "theta[2]" not in text(page)
    shown = '<code class="label" title="theta[2]">theta[school=B]</code>'
    banner = page[page.index('class="banner') : page.index("Verdicts of the fits")]
    assert shown in banner
    (items,) = re.findall(r'<span class="where">(.*?)</span>', page)
    assert items == f'at {shown}, <code class="label">mu</code>'
    assert f'<th scope="row">{shown}</th>' in page
    (names,) = re.findall(r'<div class="names".*?</svg>', page, re.DOTALL)
    assert '<span title="theta[school=A]">theta[school=A]</span>' in names
    assert "theta[school=C]" in re.findall(r'aria-label="Intervals of ([^"]*)"', names)[0]


def test_numbers_that_are_none_are_dashes(tmp_path: Path) -> None:
    """NaN, infinity, empty fields and a missing k̂ leave a report without a `nan`."""
    row = {"variable": "x", **dict.fromkeys(COLUMNS, ""), "mean": "nan", "sd": "inf", "q95": "-inf"}
    checks = nuts_checks(
        finite=check("finite", 1, 0, "fail", "x"), rhat=check("rhat", None, 1.01, "pass")
    )
    broken = replace(SOUND, on_fail="flag", summary=[row], checks=checks)
    page = html(tmp_path, broken, replace(FLAGGED, checks=khat_checks(None, "fail"), summary=[row]))
    shown = text(page)
    assert not re.search(r"\b(nan|inf)\b", shown)
    assert "–" in shown and "−∞" in shown


def test_no_digit_beyond_the_monte_carlo_error(tmp_path: Path) -> None:
    """The mean ends where its MCSE begins, the sd where its own does."""
    row = made_up(SOUND)[0] | {"mean": 4.41234, "mcse_mean": 0.0623, "sd": 3.14159, "mcse_sd": 0.2}
    cells = re.findall(r"<td>([^<]*)</td>", html(tmp_path, replace(SOUND, summary=[row])))
    start = cells.index("4.41")
    assert cells[start + 1] == "3.1" and "0.062" in cells[start:]


def test_a_simulation_is_not_called_a_posterior(tmp_path: Path) -> None:
    """Its table says what it is of, as do those of posteriors."""
    simulated = FitCase("partial", "fixed_param", kind="fixed_param")
    assert "Simulation of partial on schools" in text(html(tmp_path, simulated))
    assert "Posterior of partial on schools" in text(html(tmp_path, SOUND))


def test_long_tables_are_folded_and_end(tmp_path: Path) -> None:
    """A table shows some rows, folds some, and names the file that holds all."""
    page = html(tmp_path, replace(SOUND, parameters=500))
    assert "<details><summary>184 more</summary>" in page
    assert "302 more rows, and unrounded numbers: schools/partial/nuts/summary.csv" in text(page)


def test_declared_intervals_replace_the_quantiles(tmp_path: Path) -> None:
    """A declared HDI heads the table and is what the picture shows."""
    page = html(tmp_path, SOUND, declared=Declared(intervals={"prob": 0.8, "kind": "hdi"}))
    assert "80 % HDI, from" in page and "Median and 80 % highest-density interval" in page


def test_the_comparison_has_a_verdict_on_the_first_screen(tmp_path: Path) -> None:
    """Bad k̂ stand in the banner and the table, where all fits passed, and no model is better."""
    fits = [SOUND, replace(SOUND, model="pooled"), replace(SOUND, model="other")]
    declared = replace(EVERYTHING, khat_bad=7, observations=8)
    page = html(tmp_path, *fits, declared=declared)
    first = text(page.split('id="verdict"')[1].split("</section>")[0])
    assert "All 3 fits passed; the comparison with a warning" in first
    assert "comparison on schools: bad Pareto k̂ in LOO 7 (allowed: none) (partial/nuts: 7" in first
    assert re.search(r'<tr class="warn">.*">comparison</a></th><td class="left">LOO</td>', page)
    assert "<title>warn: coaching" in page
    assert "predicts better than" not in text(page)
    assert "Which of partial and pooled and other predicts better is not to be said" in text(page)


def test_a_sound_comparison_says_which_is_better(tmp_path: Path) -> None:
    """And its row in the table of verdicts says pass."""
    fits = [SOUND, replace(SOUND, model="pooled"), replace(SOUND, model="other")]
    page = html(tmp_path, *fits, declared=EVERYTHING)
    output = "partial predicts better than pooled and other: the difference is above 4 and"
    assert output in text(page)
    assert re.search(r'<tr class="pass">.*">comparison</a></th><td class="left">LOO</td>', page)


@pytest.mark.parametrize(
    ("less", "factor", "words"),
    [
        (0.5, "1.6", "not worth more than a bare mention"),
        (1.5, "4.5", "positive"),
        (3.0, "20", "positive"),
        (4.0, "55", "strong"),
        (6.0, "403", "very strong"),
        (900.0, "more than 10,000", "very strong"),
    ],
)
def test_bayes_factors_of_conjugate_models_are_said_in_words(
    tmp_path: Path, less: float, factor: str, words: str
) -> None:
    """By the scale of Kass and Raftery, whose limits are 1, 3 and 5 of the natural logarithm."""
    fits = [SOUND, replace(SOUND, model="pooled")]
    evidence = {"pooled": -20.0, "partial": -20.0 - less}
    page = text(html(tmp_path, *fits, declared=replace(EVERYTHING, evidence=evidence)))
    sentence = f"pooled comes before partial: a Bayes factor of {factor}, “{words}” in the words"
    assert sentence in page
    assert f"partial−{20 + less:.2f}−{less:.2f}" in page
    assert "Marginal likelihoods" not in text(html(tmp_path / "no", *fits, declared=EVERYTHING))


def test_a_comparison_that_lacks_a_model_warns(tmp_path: Path) -> None:
    """The fit that failed is named beside the comparison of the others."""
    fits = [SOUND, replace(SOUND, model="pooled"), STOPPED]
    output = text(html(tmp_path, *fits, declared=EVERYTHING))
    assert "comparison on schools: models compared 2 (allowed: ≥ 3)" in output


def test_what_was_dropped_and_transformed_is_said(tmp_path: Path) -> None:
    """Dropped rows, constants of transforms and unused variables stand with the data."""
    meta = {
        "dropped": [{"dataset": "schools", "row": 5, "column": "effect", "why": "missing"}],
        "transforms": {"age": {"kind": "standardize", "center": 41.25, "scale": 9.5}},
        "unused": ["n"],
    }
    output = text(html(tmp_path, SOUND, declared=Declared(meta=meta)))
    assert "8 rows used, 1 dropped." in output and "row 5, effect: missing" in output
    assert "age: standardize (center 41.25, scale 9.5)" in output
    assert "Not used by the program: n." in output and "5f" * 32 in output


def test_eight_fits_stay_under_five_megabytes(tmp_path: Path) -> None:
    """Large pictures are left out rather than the report growing: it names where they are."""
    picture = png(800, 500)
    fits = [replace(SOUND, model=f"m{n}", parameters=400, picture=picture) for n in range(8)]
    page = html(tmp_path, *fits, declared=EVERYTHING)
    assert len(picture) > 1_000_000 and 3_000_000 < len(page.encode()) < 5_000_000
    assert "it is in <code>schools/m7/nuts/plots/autocorrelation.png</code>" in page


def test_the_report_needs_nothing_beside_it(tmp_path: Path) -> None:
    """Pictures and style are in the file: no address is fetched, no script runs."""
    page = html(tmp_path, SOUND, declared=EVERYTHING)
    addresses = re.findall(r'\b(?:src|href|action|data|poster)="([^"]*)"', page)
    assert {a.split(",")[0] for a in addresses if a[0] != "#"} == {"data:image/png;base64"}
    for word in ("<script", "<link", "@import", "url(", "http:", "https:"):
        assert word not in page.lower(), word


def test_how_it_was_made_is_said(tmp_path: Path) -> None:
    """Seed, keys, toolchain, compile options and the command that makes it again are there."""
    output = text(html(tmp_path, SOUND, declared=EVERYTHING))
    assert "partial.stan, compiled with threads" in output
    assert "stanchion run coaching" in output and "1234567" in output and "20261121" in output
    assert "diagnose_fit 444444444444" in output and "sample_prior abababababab" in output
    assert "version2.39.0" in output and "driver sha256" not in output


def test_stan_data_of_any_form_can_be_shown(tmp_path: Path) -> None:
    """Scalars, arrays, empty ones, words for infinity and tuples are shown by size and range."""
    job = report_job(tmp_path, [SOUND])
    values = {"a": 3, "b": [[1, 2.5], [4, -3]], "c": [], "d": ["Inf", 2, "NaN"], "e": {"1": 2}}
    job.paths("data")[0].write_text(json.dumps(values))
    rows = re.findall(
        r"<code>([a-e])</code></th>.*?<td class=\"left\">(.*?)</td></tr>", render(build(job))
    )
    shown = {name: cells.split('</td><td class="left">') for name, cells in rows}
    assert shown["a"] == ["one number", "3"] and shown["b"] == ["2 × 2", "−3 … 4"]
    assert shown["c"] == ["0", ""] and shown["d"] == ["3", "2 … 2"] and shown["e"] == ["tuple", ""]


def test_the_plan_tells_what_the_report_asks_for(tmp_path: Path) -> None:
    """The arguments of the planned step are those that the report reads, no more and no less."""
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    step = make_plan(load(config), FACTS).step("write_report", {"analysis": "means"})
    arguments = read_arguments(WriteReport, {**step.arguments, **step.unkeyed}, "write_report")
    assert len(arguments.fits) == len(step.inputs["summaries"]) == 4
    assert len(arguments.priors) == len(step.inputs["prior_predictive_pictures"]) == 2
    assert sum(fit.has_predictive for fit in arguments.fits) == len(step.inputs["predictives"])


def test_the_report_is_the_same_each_time(tmp_path: Path) -> None:
    """The same inputs give the same bytes, through the step as well."""
    job = report_job(tmp_path, [SOUND, FLAGGED, STOPPED, WAIVED], EVERYTHING)
    run(job)
    first = job.outputs["report"].read_bytes()
    run(job)
    assert job.outputs["report"].read_bytes() == first == render(build(job)).encode()


class Outline(HTMLParser):
    """Collects what assistive technology needs of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.images_without_alt = 0
        self.unscoped = 0
        self.ids: list[str] = []
        self.lang: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        result = dict(attrs)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.images_without_alt += tag == "img" and not result.get("alt")
        self.unscoped += tag == "th" and "scope" not in result
        if result.get("id"):
            self.ids.append(str(result["id"]))
        if tag == "html":
            self.lang = result.get("lang")


@pytest.mark.parametrize("declared", [None, EVERYTHING])
def test_the_page_can_be_read_aloud(tmp_path: Path, declared: Declared | None) -> None:
    """Headings skip no level, pictures have words, header cells a scope, ids are single."""
    outline = Outline()
    outline.feed(html(tmp_path, SOUND, STOPPED, WAIVED, FLAGGED, declared=declared))
    levels = outline.headings
    assert levels[0] == 1 and levels.count(1) == 1 and outline.lang == "en"
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert outline.images_without_alt == 0 and outline.unscoped == 0
    assert len(outline.ids) == len(set(outline.ids))


def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("ground", ["#ffffff", "#f5f7f9", "#fdf4f3", "#e3edf4"])
def test_text_has_enough_contrast(tmp_path: Path, ground: str) -> None:
    """Every colour of text has a contrast of 4.5 on every ground (WCAG AA)."""
    page = html(tmp_path, SOUND)
    names = ("ink", "soft", "accent", "pass", "warn", "fail", "waived")
    result = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", page))
    listed = re.findall(r"\.(?:comment|type|keyword)[^{]*\{ color: (#[0-9a-f]{6})", page)
    for colour in [*(result[name] for name in names), *listed]:
        light, dark = sorted((luminance(ground), luminance(colour)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, colour


def test_a_prior_s_verdict_is_said_to_be_the_sampler_s(tmp_path: Path) -> None:
    """No badge on the heading: whether a prior is sensible, no check knows."""
    page = html(tmp_path, FitCase("partial", "nuts"), declared=EVERYTHING)
    section = page.split('id="prior"')[1].split("</section>")[0]
    assert '<span class="badge aside-of warn">prior draws: warn</span>' in section
    assert "not whether the prior is sensible" in section
    heading = re.search(r"<article>\s*<h3>([^<]*)</h3>\s*<figure><img[^>]*prior", page)
    assert heading is not None and "badge" not in heading[0]


def test_a_pass_is_never_of_the_model(tmp_path: Path) -> None:
    """Each badge says whose it is, in itself or by the heading of its column."""
    page = html(tmp_path, SOUND, replace(SOUND, model="pooled"), declared=EVERYTHING)
    bare = '<span class="badge pass"><span aria-hidden="true">✓</span> pass</span>'
    tables = re.findall(r"<table.*?</table>", page, flags=re.DOTALL)
    assert [t for t in tables if bare in t] != []
    for table in filter(lambda table: bare in table, tables):
        assert re.search(r'<th scope="col" class="left">(computation|verdict)</th>', table)
    outside = re.sub(r"<table.*?</table>", "", page, flags=re.DOTALL)
    assert bare not in outside and "✓</span> computation: pass</span>" in outside
    for section in ("predictive", "predictions"):
        own = page.split(f'<section id="{section}"')[1].split("</section>")[0]
        assert "badge" not in own and "pass" not in text(own)


@pytest.mark.parametrize("is_declared", [True, False])
def test_the_first_screen_says_what_a_pass_is_not(tmp_path: Path, is_declared: bool) -> None:
    """And where the model itself is checked, or that nothing checks it."""
    page = first_screen(html(tmp_path, SOUND, declared=Declared(predictive=is_declared)))
    assert "not whether the model is right" in page
    assert ("no posterior predictive check was declared" in page) is not is_declared


def test_a_prior_that_is_the_posterior_is_on_the_first_screen(tmp_path: Path) -> None:
    """With what to write in the program."""
    ignored = Declared(prior=True, prior_ignored=True)
    page = first_screen(html(tmp_path, FitCase("partial", "nuts"), declared=ignored))
    assert "The prior of schools/partial: effect of prior_only" in text(page)
    assert "if (!prior_only)" in text(page)


def test_a_predicted_row_shows_what_it_was_given(tmp_path: Path) -> None:
    """Its columns stand before the numbers, escaped; not where the rows are other ones.

    The column that names the rows stands once, as their heading; one that holds their numbers by
    chance names none.
    """
    rows = {"school": ["<A>", *["B"] * 29], "age": [31.5, None, *[7] * 28]}
    given = {"dataset": "new", "rows": 30, "columns": rows}

    def predictions(**changed: object) -> str:
        declared = replace(EVERYTHING, meta={"new_rows": {**given, **changed}})
        return html(tmp_path, SOUND, declared=declared).split('<section id="predictions"')[1]

    page = predictions()
    heads = re.findall(r'<th scope="col"[^>]*>([^<]*)</th>', page)
    assert heads[:4] == ["row", "school", "age", "mean"]
    cells = re.findall(r'<span class="value">([^<]*)</span>', page)
    assert cells[:4] == ["&lt;A&gt;", "31.5", "B", "–"]
    for other in (predictions(rows=29), predictions(dataset="other")):
        assert re.findall(r'<th scope="col"[^>]*>([^<]*)</th>', other)[:2] == ["row", "mean"]
    numbered = predictions(columns={"dose": [*range(1, 31)]})
    assert re.findall(r'<th scope="col"[^>]*>([^<]*)</th>', numbered)[:2] == ["row", "dose"]
    names = [f"pupil {number}" for number in range(30)]
    given["columns"] = {"age": rows["age"], "name": names}
    declared = replace(EVERYTHING, meta={"new_rows": given}, new_labels=names)
    page = html(tmp_path, SOUND, declared=declared).split('<section id="predictions"')[1]
    heads = re.findall(r'<th scope="col"[^>]*>([^<]*)</th>', page)
    assert heads[:3] == ["name", "age", "mean"] and heads.count("name") == 2
    assert re.findall(r'<span class="value">([^<]*)</span>', page)[:2] == ["31.5", "–"]


def test_levels_reference_and_scaling_stand_with_the_data(tmp_path: Path) -> None:
    """Beside the data, escaped; what the table says of a transform is not said twice."""
    scaling = {"by": "scale(age)", "center": 41.25, "scale": 9.5}
    levels = ["f", "<m>"]
    columns = [
        {"column": "sex", "type": "category", "levels": levels, "reference": ["f"]},
        {"column": "age", "type": "real", "scaling": [scaling]},
        {"column": "county", "type": "category", "levels": [f"c{n}" for n in range(50)]},
    ]
    transforms = {"age": {"kind": "center", "center": 41.25}}
    declared = Declared(meta={"columns": columns, "transforms": transforms})
    page = html(tmp_path, SOUND, declared=declared)
    assert "<b>f</b> (reference), &lt;m&gt;" in page
    assert "scale(age): less 41.25, divided by 9.5" in page
    assert "c39 and 10 more levels" in page and "c40" not in page
    assert "Transformed:" not in page


def test_lines_of_the_prior_that_are_not_there_say_why(tmp_path: Path) -> None:
    """The step's reason, or that the prior's own draws failed; none is asked of no prior."""
    shown = "No lines of the prior are drawn: "
    sound = Declared(effects=True, prior=True)
    assert shown not in text(html(tmp_path / "sound", SOUND, declared=sound))
    for name, declared, because in (
        ("failed", replace(sound, prior_ignored=True), "its draws failed their checks"),
        ("stopped", replace(sound, no_prior_lines="x is not finite"), "x is not finite"),
    ):
        page = text(html(tmp_path / name, SOUND, declared=declared))
        assert f"{shown}{because}." in page and "Thin lines are draws of the prior" not in page


def test_what_is_always_shown_is_not_held(tmp_path: Path) -> None:
    """A predictor of every effect is held nowhere: with no other column nothing is said of it."""
    job = report_job(tmp_path, [SOUND], Declared(effects=True))
    (path,) = job.paths("effects")
    content = json.loads(path.read_text())
    visits = {"column": "visits", "value": 2, "how": "median"}
    content["effects"] = content["effects"][:1]
    path.write_text(json.dumps(content | {"held": [*content["held"], visits]}))
    assert "Held where they are not shown: visits 2 (median)." in text(render(build(job)))
    path.write_text(json.dumps(content))
    assert "Held" not in text(render(build(job)))


def test_effects_are_said_in_words(tmp_path: Path) -> None:
    """What is held and what each line does, beside the picture and for those who do not see it.

    A fit that failed has a reason in place of both.
    """
    page = html(tmp_path, SOUND, declared=Declared(effects=True))
    assert "Held where they are not shown: se 12.38 (mean)." in text(page)
    line = "mu_new over Standard error (points): with state a, 0.00 [−0.20, 0.20] at 20, "
    line += "highest 1.00 [0.80, 1.20] at 23, "
    levels = "mu_new over coached: 1.00 [0.00, 2.00] at no and 2.00 [1.00, 3.00] at yes."
    for sentence in (line, levels):
        assert sentence in text(page)
    assert f'alt="Conditional effects of {SOUND.path}. {line}' in page
    failed = html(tmp_path / "failed", STOPPED, declared=Declared(effects=True))
    assert f"{STOPPED.path}: not made, because the fit failed its checks: R-hat" in text(failed)
