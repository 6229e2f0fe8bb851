"""What the warm process has imported before it forks: all that a step's child will need."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

from stanchion.runs.warm.offer import THREADLESS
from tests.golden import recording
from tests.golden.cases import PURE, pure

ROOT = Path(__file__).parents[2]
CHILDREN = """
import importlib, json, os, pickle, sys
from pathlib import Path
from stanchion.runs.warm.server import count_threads, prepare
with open(sys.argv[1], "rb") as file:
    jobs = pickle.load(file)
for step, job in jobs.items():
    prepare(step, Path(sys.argv[2]))
    before = set(sys.modules)
    print(json.dumps({"step": step, "threads": count_threads()}), flush=True)
    if os.fork() == 0:
        importlib.import_module(f"stanchion.steps.{step}").run(job)
        late = sorted(set(sys.modules) - before)
        print(json.dumps({"step": step, "late": late}), flush=True)
        os._exit(0)
    os.wait()
"""
"""Forks a child a step, as the warm process does, which says what it had still to import."""


def test_a_child_imports_nothing_that_could_have_been_there(tmp_path: Path) -> None:
    """No step's child imports a module, and the process that forks it has one thread."""
    with recording(*PURE) as jobs:
        pure(tmp_path)
    pickled = tmp_path / "jobs"
    pickled.write_bytes(pickle.dumps({step: jobs[step][-1] for step in PURE}))
    environment = {**os.environ, **THREADLESS}
    text = tmp_path / "job.json"
    text.write_text(repr(jobs["prepare_data"][-1].arguments))
    command = [sys.executable, "-c", CHILDREN, str(pickled), str(text)]
    printed = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in printed.stdout.splitlines()]
    assert {line["step"] for line in lines if "late" in line} == set(PURE)
    assert [line for line in lines if line.get("late") or line.get("threads", 1) != 1] == []
