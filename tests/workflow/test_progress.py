"""How far chains are, seen from outside while a run goes on."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.project import BIN, ProjectDir, cache_of_programs
from tests.workflow.slow import DATA, SLOW
from tests.workflow.test_bad_luck import CONFIG, Run, halt

pytestmark = [pytest.mark.stan, pytest.mark.snakemake]

FIT = "luck/points/slow/nuts"
LINE = re.compile(
    rf"^\d+ of \d+ steps done; {FIT}: [12] chains?, \d+ of (400100|800200) iterations \(\d+ %\)",
    re.MULTILINE,
)


def test_progress_is_seen_while_chains_sample(tmp_path: Path, cache: Path) -> None:
    """A line in a pipe, `status --json` and `--watch` say how far a run's chains are, and go on;
    a run that is stopped leaves none behind."""
    files = {"data/points.json": DATA, "stan/slow.stan": SLOW}
    own = cache_of_programs(tmp_path / "cache", cache)
    project = ProjectDir.make(tmp_path / "project", own, CONFIG, files)
    project.edit("config/config.yaml", "draws: 400", "draws: 400000")
    run = Run(project)
    try:
        run.wait_for(f".stanchion/progress/{FIT}/sample_chain.*.json")
        halted = halt(project)  # the first line comes after a minute
        text = read_until(run.process, LINE)
        for sampler in halted:
            os.kill(sampler, signal.SIGCONT)
        end = time.monotonic() + 180
        while not is_sampling(before := progress(project)):
            assert time.monotonic() < end, before
        assert [chain["of"] for chain in before] == [FIT] * 2
        assert all(chain["iterations"] == 400_100 for chain in before)
        assert all(chain["per_second"] > 0 and chain["seconds_left"] > 0 for chain in before)
        assert watched(project)
        after = progress(project)
        for early, late in zip(before, after, strict=True):
            assert 100 < early["iteration"] < late["iteration"] < 400_100
            assert late["divergences"] is not None and 1 <= late["treedepth"] <= 10
        assert len(LINE.findall(text)) == 1
        os.kill(run.process.pid, signal.SIGTERM)
        run.process.communicate(timeout=60)
        assert progress(project) == []
        assert not list((project.path / ".stanchion/progress").rglob("*.json"))
    finally:
        if run.process.poll() is None:
            os.killpg(run.process.pid, signal.SIGKILL)
        run.process.wait()


def is_sampling(chains: list[dict[str, Any]]) -> bool:
    """Tell whether two chains are beyond their warm-up, and have a rate."""
    rates = [chain["per_second"] for chain in chains if chain["phase"] == "sampling"]
    return len(rates) == 2 and None not in rates


def progress(project: ProjectDir) -> list[dict[str, Any]]:
    """Return what `status --json` says of progress."""
    done = project.stanchion("status", "--json")
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    running = bool(content["progress"])
    assert content["fits"][0]["state"] == ("running" if running else "missing")
    chains: list[dict[str, Any]] = content["progress"]
    return chains


def watched(project: ProjectDir) -> bool:
    """Tell whether `status --watch` shows two states of a chain, and ends well by Ctrl-C."""
    watch = subprocess.Popen(
        [str(BIN / "stanchion"), "status", "--watch"],
        cwd=project.path,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    read_until(watch, re.compile(r"  chain \d  \d+ / 400100(.|\n)*  chain \d  (.|\n)*  chain \d"))
    watch.send_signal(signal.SIGINT)
    _, complaint = watch.communicate(timeout=30)
    return watch.returncode == 0 and complaint == ""


def read_until(process: subprocess.Popen[str], pattern: re.Pattern[str]) -> str:
    """Return what a process prints until it holds a pattern."""
    assert process.stdout is not None
    text, end = "", time.monotonic() + 120
    while not pattern.search(text):
        assert time.monotonic() < end, text
        if select.select([process.stdout], [], [], 1)[0]:
            block = os.read(process.stdout.fileno(), 64 << 10).decode()
            assert block, text
            text += block
    return text
