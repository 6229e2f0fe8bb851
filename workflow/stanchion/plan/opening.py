"""A declaration's plan: worked out, or taken from the run that this process belongs to."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stanchion.config import load
from stanchion.errors import StanchionError, machine_fault
from stanchion.plan import handover
from stanchion.plan.facts import gather
from stanchion.plan.model import Plan
from stanchion.plan.planner import make_plan
from stanchion.plan.settling import require_writable, settle_steps
from stanchion.provenance.runs import describe_run, run_id
from stanchion.stan.toolchain import find
from stanchion.system.lock import lock_for_snakemake


def open_plan(
    file: Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    main: bool = True,
    alone: bool = True,
) -> Plan:
    """Read a declaration and return its plan; the main process settles key files and writes jobs.

    A job of a run on another machine takes the plan that the main process has handed over. A main
    process that is to be alone holds the project's lock from here on.

    Raises:
        StanchionError: another run holds the lock, or the disk is full.
        DeclarationError: the declaration, a dataset or a program is wrong.
        ToolchainError: there is no CmdStan to read the programs with.
    """
    try:
        return _open(file, overrides, main=main, alone=alone)
    except OSError as error:
        fault = machine_fault(error)
        if fault is None:
            raise
        raise StanchionError(fault) from error


def _open(file: Path, overrides: Mapping[str, Any] | None, *, main: bool, alone: bool) -> Plan:
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    run_id()
    if not main and (plan := handover.handed_over()) is not None:
        return plan
    if main and alone:
        lock_for_snakemake(sys.argv[1:])
    project = load(file, dict(overrides or {}))
    plan = make_plan(project, gather(project, file.parent / "waivers.yaml"))
    if main and (stale := settle_steps(plan)):
        if alone:
            require_writable(stale)
        describe_run(project.project, plan.facts.toolchain, find().stanc)
        handover.keep(plan)
    return plan
