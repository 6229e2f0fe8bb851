"""Every method on posteriors that are known: verdicts, errors, cost, and what nobody was told of.

    python -m benchmarks.methods [--problems NAME…] [--methods NAME…] [--draws 1000]
    python -m benchmarks.methods --hard

Eight posteriors with long, checked reference runs, and two with conjugate priors, whose posterior
is exact (tests/reference). Approximations stand in an analysis without a sampler, so that nothing
tells them where the means are. The error is the greatest distance of a mean, or of the share of
draws below a reference quantile, in standard errors of both sides; `off` the greatest distance of a
mean in standard deviations. A miss is silent where the error is 4 or more and every check passes.
Prints tables in Markdown: a row a problem and method, the silent misses by method, and gradients.
With `--hard` the posteriors on which plain NUTS goes wrong, with and without declared repair.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from math import isnan
from pathlib import Path
from statistics import median
from tempfile import mkdtemp

from tests.project import BIN, ProjectDir
from tests.reference import hard
from tests.reference.every_method import (
    EXACT,
    METHODS,
    QUICK,
    SLOW,
    Agreement,
    agreement,
    declaration,
    files,
    held_to,
)
from tests.reference.every_method import fit as fit_folder

Table = Mapping[tuple[str, str], Agreement | str]
NO_DRAWS, NOT_RUN = "no draws", "not run"
FAILED_STEP, FAILED_CHECK = 1, 3


def run(text: str, contents: dict[str, str], cache: Path) -> Path:
    """Run a declaration in a new project, and return its folder."""
    project = ProjectDir.make(Path(mkdtemp()) / "project", cache, text, contents)
    ended = subprocess.run(
        [str(BIN / "stanchion"), "run", "--cores", "2"],
        cwd=project.path,
        env=project.environment(),
        stdout=sys.stderr,
    )
    if ended.returncode not in (0, FAILED_STEP, FAILED_CHECK):
        sys.exit(ended.returncode)
    return project.path


def number(value: float, digits: int) -> str:
    """Return a number, or a dash where there is none."""
    return "–" if isnan(value) else f"{value:.{digits}f}"


def print_fits(table: Table) -> None:
    """Print a row a problem and method."""
    print("| problem | method | verdict | not passed | k̂ | error | where | off | silent miss |")
    print("|---|---|---|---|---|---|---|---|---|")
    for (problem, method), fit in table.items():
        if isinstance(fit, str):
            print(f"| {problem} | {method} | {fit} | | – | – | | – | no |")
            continue
        print(
            f"| {problem} | {method} | {fit.verdict} | {', '.join(fit.faults)} | "
            f"{number(fit.khat, 2)} | {number(fit.error, 1)} | "
            f"{'' if isnan(fit.error) else fit.where} | {number(fit.off, 2)} | "
            f"{'**yes**' if fit.is_silent_miss else 'no'} |"
        )


def print_matrix(table: Table) -> None:
    """Print a row a problem, a column a method: verdict, k̂ and error; a silent miss in bold."""
    methods = list(dict.fromkeys(method for _, method in table))
    print(f"\n| problem | {' | '.join(methods)} |")
    print("|---" * (len(methods) + 1) + "|")
    for problem in dict.fromkeys(problem for problem, _ in table):
        print(f"| {problem} | {' | '.join(cell(table[problem, m]) for m in methods)} |")


def cell(fit: Agreement | str) -> str:
    """Return what a fit came to in a few words."""
    if isinstance(fit, str):
        return fit
    khat = "" if isnan(fit.khat) else f" k̂ {fit.khat:.2f}"
    error = "" if isnan(fit.error) else f" {fit.error:.1f}"
    return f"**{fit.verdict}{khat}{error}**" if fit.is_silent_miss else fit.verdict + khat + error


def print_methods(table: Table) -> None:
    """Print, by method, how many fits pass, warn, fail and miss, and gradients against NUTS."""
    print("\n| method | pass | warn | fail | no draws | silent misses | gradients, NUTS = 1 |")
    print("|---|---|---|---|---|---|---|")
    for method in dict.fromkeys(method for _, method in table):
        fits = [fit for (_, name), fit in table.items() if name == method]
        verdicts = [fit if isinstance(fit, str) else fit.verdict for fit in fits]
        misses = sum(isinstance(fit, Agreement) and fit.is_silent_miss for fit in fits)
        counts = " | ".join(str(verdicts.count(v)) for v in ("pass", "warn", "fail", NO_DRAWS))
        ran = len(fits) - verdicts.count(NOT_RUN)
        print(f"| {method} | {counts} | {misses} of {ran} | {cost(table, method)} |")


def cost(table: Table, method: str) -> str:
    """Return the median and range of a method's gradients as shares of those of NUTS."""
    if method == "gq":
        return "none of its own"
    ratios = []
    for (problem, name), fit in table.items():
        nuts = table.get((problem, "nuts"))
        if name != method or not isinstance(fit, Agreement) or not isinstance(nuts, Agreement):
            continue
        if fit.gradients and nuts.gradients:
            ratios.append(fit.gradients / nuts.gradients)
    if not ratios:
        return "not counted"
    return f"{median(ratios):.3g} ({min(ratios):.3g}–{max(ratios):.3g})"


def print_hard(project: Path) -> None:
    """Print a row a fit, with what was tried."""
    print("| model | method | verdict | not passed | error | off | what was tried |")
    print("|---|---|---|---|---|---|---|")
    for model in hard.MODELS:
        expected = hard.expected(project, model)
        for method in hard.METHODS:
            folder = hard.fit(project, model, method)
            fit = held_to(expected, folder)
            if fit is None:
                print(f"| {model} | {method} | no draws | | – | – | {failure(folder)} |")
                continue
            content = json.loads((folder / "diagnostics.json").read_text())
            tried = (content.get("attempts") or {}).get("tried", [])
            words = "; ".join(f"{a['name']}: {a['because']}" for a in tried)
            print(
                f"| {model} | {method} | {fit.verdict} | {', '.join(fit.faults)} | "
                f"{number(fit.error, 1)} | {number(fit.off, 2)} | {words} |"
            )


def without(project: Path, problem: str, method: str) -> str:
    """Return why there is no fit: a step of it has failed, or nobody has run it."""
    return NO_DRAWS if failure(fit_folder(project, problem, method)) else NOT_RUN


def failure(folder: Path) -> str:
    """Return what the record of a step that failed says."""
    for path in sorted((folder / "records").glob("sample_*/*.json")):
        error = json.loads(path.read_text()).get("error")
        if error:
            return str(error).splitlines()[0]
    return ""


def main() -> None:
    """Run what is asked for, and print the tables."""
    parser = argparse.ArgumentParser(description="Every method on known posteriors.")
    parser.add_argument("--problems", nargs="*", default=[*QUICK, *EXACT, *SLOW])
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS))
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--cache", type=Path, default=None, help="a cache to use, not one's own")
    parser.add_argument("--project", type=Path, default=None, help="read a project that has run")
    parser.add_argument("--hard", action="store_true", help="the hard ones, and their repair")
    options = parser.parse_args()
    if options.hard:
        text, contents = hard.DECLARATION.read_text(), hard.files()
    else:
        text = declaration(options.problems, options.methods, options.draws)
        contents = files(options.problems)
    folder = options.project or run(text, contents, options.cache or Path(mkdtemp()))
    print(f"project: {folder}", file=sys.stderr)
    if options.hard:
        print_hard(folder)
        return
    table = {
        (problem, method): agreement(folder, problem, method) or without(folder, problem, method)
        for problem in options.problems
        for method in options.methods
    }
    print_fits(table)
    print_matrix(table)
    print_methods(table)


if __name__ == "__main__":
    main()
