"""`stansummary` and `diagnose`, held to CmdStan's own programs of these names.

Those come from the wheel `prophet`, which carries CmdStan 2.37's, and are used by tests alone. They
go on for ever on some files (a simplex' last column, rounded), so that each run has a time limit.
"""

from __future__ import annotations

import math
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import cmdstanpy
import pytest

from stanchion.stan.toolchain import Toolchain
from tests.project import REFERENCE

pytestmark = pytest.mark.stan

CASES = (
    *("sample_four_chains", "sample_save_warmup_thin", "sample_dense", "sample_unit"),
    *("sample_no_adapt", "sample_static_hmc", "sample_init_zero", "sample_threads_1"),
    *("sample_ode", "fixed_param"),
)
OPTIONS = (
    [],
    ["--sig_figs=4", "--percentiles=2.5,50,97.5"],
    ["-s", "6", "-p", "10,90"],
    ["--autocorr=1"],
)
SECONDS = 60


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CmdStan 2.37's two programs, with the library they need."""
    folder = tmp_path_factory.mktemp("prophet")
    command = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "-d", str(folder)]
    ran = subprocess.run(
        [sys.executable, "-m", "pip", *command, "prophet==1.5.0"], capture_output=True, check=False
    )
    if ran.returncode:
        pytest.skip("the wheel `prophet`, which carries CmdStan's tools, is not to be had")
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        for name in wheel.namelist():
            if re.search(r"bin/(stansummary|diagnose)$|libtbb-\w+\.so\.2$", name):
                (folder / Path(name).name).write_bytes(wheel.read(name))
                (folder / Path(name).name).chmod(0o755)
    return folder


def said(tool: Path, library: Path, words: Sequence[str | Path]) -> tuple[int, str]:
    """Return a tool's exit code and what it prints."""
    ran = subprocess.run(
        [tool, *words],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env={"LD_LIBRARY_PATH": str(library)},
    )
    return ran.returncode, ran.stdout


def chains(case: str) -> list[Path]:
    return sorted((REFERENCE / "cmdstan" / "expected" / case).glob("out*.csv"))


@pytest.mark.parametrize("case", CASES)
def test_diagnose_is_cmdstan_s(home: Toolchain, theirs: Path, case: str) -> None:
    """On CmdStan's own chains of every kind both say the same, word for word."""
    files = chains(case)
    expected, ours = (said(f / "diagnose", theirs, files) for f in (theirs, home.path / "bin"))
    assert ours == expected


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
@pytest.mark.parametrize("case", CASES)
def test_stansummary_is_cmdstan_s(
    home: Toolchain, theirs: Path, case: str, options: list[str]
) -> None:
    """On CmdStan's own chains of every kind both print the same words and numbers.

    Widths of columns are not compared, and autocorrelations are to one decimal: what CmdStan 2.37
    prints there depends on the column that it has printed before.
    """
    words = [*options, *chains(case)]
    expected, ours = (said(f / "stansummary", theirs, words) for f in (theirs, home.path / "bin"))
    assert ours[0] == expected[0]
    table, lags = ours[1].partition("Displaying")[::2]
    their_table, their_lags = expected[1].partition("Displaying")[::2]
    assert words_of(table) == words_of(their_table)
    for first, other in zip(words_of(lags), words_of(their_lags), strict=True):
        assert first == other or float(str(first)) == pytest.approx(float(str(other)), abs=0.051)


def words_of(text: str) -> list[float | str]:
    """Return words and numbers: 0.000e+00 is 0.0, and NaN is a word."""
    results: list[float | str] = []
    for word in text.split():
        try:
            number = float(word)
        except ValueError:
            results.append(word)
        else:
            results.append("nan" if math.isnan(number) else number)
    return results


def test_tools_agree_on_our_chains(
    home: Toolchain, theirs: Path, fit: cmdstanpy.CmdStanMCMC, tmp_path: Path
) -> None:
    """CmdStan's programs read our driver's chains, and the CSV of statistics has the same bytes."""
    results = []
    for folder in (theirs, home.path / "bin"):
        out = tmp_path / f"{len(results)}.csv"
        words = ["--sig_figs=8", "--percentiles=2.5,50,97.5", f"--csv_filename={out}"]
        code, _ = said(folder / "stansummary", theirs, [*words, *fit.runset.csv_files])
        results.append((code, out.read_text()))
    assert results[0] == results[1]
    files = fit.runset.csv_files
    assert said(home.path / "bin/diagnose", theirs, files) == said(
        theirs / "diagnose", theirs, files
    )


def test_summary_of_some_parameters(home: Toolchain, fit: cmdstanpy.CmdStanMCMC) -> None:
    """`--include_param` narrows the table; an unknown one is refused by its name."""
    tool, files = home.path / "bin/stansummary", fit.runset.csv_files
    code, text = said(tool, home.path, ["--include_param=mu", *files])
    assert code == 0
    assert re.search(r"^mu ", text, re.MULTILINE) and "y_rep" not in text
    assert said(tool, home.path, ["--include_param=nu", *files])[0] == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--sig_figs=0"],
        ["--sig_figs=19"],
        ["--percentiles=101"],
        ["--percentiles=90,10"],
        ["--autocorr=5"],
        ["--csv_filename=/dev/null"],
        ["--no_such_option"],
        ["nowhere.csv"],
    ],
)
def test_wrong_words_are_refused(
    home: Toolchain, fit: cmdstanpy.CmdStanMCMC, words: list[str]
) -> None:
    """An option out of its documented bounds, or a file that is not there, is exit code 1."""
    ran = said(home.path / "bin/stansummary", home.path, [*words, *fit.runset.csv_files])
    assert ran == (1, "")
