"""What a person sees of a run: on a terminal, in a pipe, as JSON, and by plain Snakemake."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import termios
import time

import pytest

from tests.project import BIN, ProjectDir

pytestmark = [pytest.mark.stan, pytest.mark.snakemake]

OF_SNAKEMAKE = re.compile(
    r"Job stats|SNAKEMAKE|jobid|RuleException|Error in rule|CalledProcess|Select jobs|"
    r"\d+%\) done|Elapsed time|\b(compile_program|write_report|sample_chain|collect_draws)\b"
)
"""Words that are Snakemake's, or a rule's name, which also stands in the path of a log."""


def without_logs(text: str) -> str:
    """Leave out the names of logs, which are files to be opened."""
    return re.sub(r"logs/\S+", "", text)


def on_terminal(project: ProjectDir, *command: str, **variables: str) -> str:
    """Run a command on a terminal of 80 columns and return what it shows."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    process = subprocess.Popen(
        [str(BIN / command[0]), *command[1:]],
        cwd=project.path,
        env={**project.environment(), "TERM": "xterm", **variables},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    text, end = b"", time.monotonic() + 300
    while time.monotonic() < end and select.select([ours], [], [], 300)[0]:
        try:
            block = os.read(ours, 4096)
        except OSError:
            break
        text += block
    os.close(ours)
    assert process.wait(timeout=60) == 0, text
    return text.decode().replace("\r\n", "\n")


def test_terminal_says_steps_and_the_pipe_what_matters(project: ProjectDir) -> None:
    """A line a step in plain words, 80 columns, no colour by NO_COLOR; a pipe has the table only;
    a run without work says so; as JSON it is one document."""
    report = project.path / "results/means/report.html"
    report.unlink()
    shown = on_terminal(project, "stanchion", "run", "--cores", "2", NO_COLOR="1")
    assert not re.search(r"\x1b\[[\d;]*m", shown), "a colour"
    shown = re.sub(r"\x1b\[\d*[A-Z]|\r", "", shown)
    assert re.search(
        r"^wrote the report of means in [\d.]+ s \(its result was gone or altered\)$", shown, re.M
    ), shown
    assert shown.rstrip().endswith("next: open results/means/report.html")
    assert not OF_SNAKEMAKE.search(shown), shown
    assert max(map(len, shown.split("\n"))) <= 80, shown

    report.unlink()
    piped = project.stanchion("run", "--cores", "2")
    assert piped.returncode == 0 and piped.stderr == "", piped.stderr
    assert piped.stdout.startswith("\nfit ") and "\x1b" not in piped.stdout + piped.stderr
    assert "\nnext: open results/means/report.html\n" in piped.stdout

    idle = project.stanchion("run", "--json")
    content = json.loads(idle.stdout)
    assert (content["schema"], content["exit_code"], content["steps"]) == (
        "stanchion/run_result/1",
        0,
        0,
    )
    assert {fit["verdict"] for fit in content["fits"]} <= {"pass", "warn"}
    assert "nothing had to run: every result is current" in project.stanchion("run").stdout


def test_plain_snakemake_says_a_failure_once(project: ProjectDir) -> None:
    """Two steps that fail alike are one message, its cause first, and rows that name it; nothing of
    Snakemake's own, which `--verbose` brings back; a fault of the declaration has no traceback."""
    project.edit("config/config.yaml", "y: {type: real}", "y: {type: real, upper: 0}")
    failed = project.snakemake()
    output = failed.stdout + failed.stderr
    assert failed.returncode == 1
    told, _, closing = output.partition("\nfit ")
    assert len(re.findall(r"^preparing the data of means/points for \w+ failed$", told, re.M)) == 1
    assert told.count("datasets.points.columns.y") == 1, told
    assert not OF_SNAKEMAKE.search(without_logs(output)), output
    assert closing.count("  failed: data/points.csv") == 5, "four fits and a comparison"
    assert re.search(r"^next: look at logs/means/points/prepare_data\.\w+\.log", closing, re.M)
    assert "Job stats" in project.snakemake("--verbose").stderr
    project.edit("config/config.yaml", "seed: 11", "sed: 11")
    refused = project.snakemake()
    assert refused.returncode == 2 and "config/config.yaml" in refused.stderr
    assert "open_graph" not in refused.stderr and "Traceback" not in refused.stderr
