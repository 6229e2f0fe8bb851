"""How a run ends when a signal tells it to: its children, then itself, whatever it hangs in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stanchion.system.processes import descendants

RUN = """\
import subprocess, sys, time
from stanchion.system import stopping
from stanchion.errors import StanchionError
stopping._GRACE, stopping._PATIENCE = 1.0, 1.0
try:
    with stopping.stopping():
        for command in sys.argv[2:]:
            subprocess.Popen(["sh", "-c", command])
        print("ready", flush=True)
        while True:
            try:
                time.sleep(60)
            except KeyboardInterrupt:
                if sys.argv[1] != "hangs":
                    raise
except StanchionError as error:
    print(error, flush=True)
    sys.exit(error.exit_code)
"""
STUBBORN = "trap '' TERM INT; while :; do sleep 1; done"


def started(*arguments: str) -> subprocess.Popen[str]:
    """Start a run with these children, and wait until it has them."""
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert run.stdout is not None and run.stdout.readline() == "ready\n"
    return run


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("how", ["ends", "hangs"])
def test_a_signal_ends_children_and_run(number: signal.Signals, code: int, how: str) -> None:
    """The exit code names the signal, also of a run that does not come to its end by itself."""
    run = started(how, "exec sleep 60", "sleep 61 & sleep 62")
    while len(children := descendants(run.pid)) < 4:
        time.sleep(0.05)
    os.kill(run.pid, number)
    output, _ = run.communicate(timeout=30)
    assert run.returncode == code
    assert not [child for child in children if is_alive(child)]
    if how == "ends":
        assert output.startswith(f"stopped by {number.name}\n  do:       finished steps are kept")


def test_a_child_that_does_not_listen_is_killed() -> None:
    """After its time of grace a child ends whether it wants to or not."""
    run = started("ends", STUBBORN)
    children = descendants(run.pid)
    os.kill(run.pid, signal.SIGTERM)
    run.communicate(timeout=30)
    assert run.returncode == 143
    assert not [child for child in children if is_alive(child)]


def is_alive(process: int) -> bool:
    """Tell whether a process runs; one that its parent has not yet asked after does not."""
    end = time.monotonic() + 2
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        if state == "Z":
            return False
        time.sleep(0.05)
    return True
