"""What a person sees who runs plain `snakemake`: the same words as by `stanchion run`.

The Snakefile asks for it. Snakemake's own words come back with `--verbose`, `--printshellcmds`, a
dry run or whatever else asks for them.
"""

from __future__ import annotations

import atexit
import sys
from contextlib import suppress
from typing import Any

from snakemake.settings.enums import Quietness

from stanchion.plan.model import Plan
from stanchion.provenance.runs import failures, is_listening
from stanchion.runs.terminal import Terminal, quieten


def speak_for_steps(plan: Plan, workflow: Any) -> None:
    """Say of each step what it leaves word of, once, and at the end what came out.

    Nothing where `stanchion run` does so already, or where this is a cluster's job.
    """
    if not workflow.is_main_process or is_listening():
        return
    settings = workflow.output_settings
    quiet = frozenset(settings.quiet or ())
    terminal = quieten()
    terminal.keeps_nothing_to_do = True
    terminal.shows_all = bool(
        settings.dryrun or settings.verbose or settings.printshellcmds or settings.debug_dag
    )
    if Quietness.ALL in quiet:
        terminal.is_screen = False
    elif not settings.dryrun:
        atexit.register(_close, plan, workflow, terminal)


def _close(plan: Plan, workflow: Any, terminal: Terminal) -> None:
    """Say what came out, where everything was asked for and there was something to run."""
    from stanchion.runs.closing import as_text, exit_code_of, run_result

    if not terminal.has_run_all or workflow.touch:
        return
    with suppress(Exception):
        failed = failures()
        terminal.speak_of_rest(failed)
        chosen = list(plan.project.analyses)
        result = run_result(plan, chosen, failed, exit_code_of(failed), terminal.steps)
        print(f"\n{as_text(result, sys.stderr)}", file=sys.stderr, flush=True)
