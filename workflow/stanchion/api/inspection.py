"""Holds an analysis' folder against records and declaration, in a process and folder of its own.

    python -m stanchion.api.inspection ARGUMENTS

All paths of a plan are relative to the project's folder. A process of its own can stand there,
whatever the folder, the threads and the environment of the one that loads results.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from stanchion.api.state import AnalysisState, File, FitState, Request, State
from stanchion.config.configfile import declaration_file
from stanchion.errors import Fault, ResultsError, StanchionError, machine_fault
from stanchion.plan import paths
from stanchion.plan.catalogue import KNOWN, STEPS
from stanchion.plan.model import Fit, Plan, Step, identity
from stanchion.plan.opening import open_plan
from stanchion.provenance.keyfile import read_line
from stanchion.provenance.stamps import contents
from stanchion.system.folders import STATE
from stanchion.system.hashes import content_hash, file_hash
from stanchion.versions.custody import SoundRecord
from stanchion.versions.declared import differences_of, unmade_steps, with_toolchain_of
from stanchion.versions.difference import Difference, Kind
from stanchion.versions.results import Results, folder_of, read_results

_REPORT = "write_report"


def main() -> None:
    """Answer the request in the argument on standard output, as a pickle."""
    with os.fdopen(os.dup(1), "wb") as answer:
        os.dup2(2, 1)
        request = Request(**json.loads(sys.argv[1]))
        try:
            result: AnalysisState | StanchionError = inspect(request)
        except StanchionError as error:
            result = error
        except FileNotFoundError as error:
            result = ResultsError(
                "it went away while these results were read: a run is going on",
                where=str(error.filename),
                todo="wait until the run has ended, then load again",
            )
        except OSError as error:
            fault = machine_fault(error)
            if fault is None:
                raise
            result = StanchionError(fault)
        pickle.dump(result, answer)


def inspect(request: Request) -> AnalysisState:
    """Return what an analysis' results are.

    Raises:
        ResultsError: nothing says of what they are.
    """
    if request.folder is not None:
        alone = Path(request.folder)
        results = read_results(_analysis_of(alone), alone, linked=False)
        because = "no project is above this folder: no Snakefile, no config/config.yaml"
        return _unplanned(results, because)
    plan, because = _plan(request)
    compilations = dict(_compilations(request.analysis))
    results = read_results(request.analysis, hashed=_hashed, linked=False, others=compilations)
    if plan is None:
        return _unplanned(results, because)
    return _planned(with_toolchain_of(plan, results), results)


def _plan(request: Request) -> tuple[Plan | None, str]:
    """Return the plan of the declaration if it names the analysis, or why there is none."""
    chosen = Path(request.configfile) if request.configfile is not None else None
    try:
        plan = open_plan(declaration_file(chosen), main=False)
    except StanchionError as error:
        return None, _in_a_line(error.faults[0])
    declared = plan.project.analyses
    if request.analysis not in declared:
        names = ", ".join(declared)
        return None, f"the declaration names no analysis {request.analysis!r}, but {names}"
    return plan, ""


def _in_a_line(fault: Fault) -> str:
    where = f"{fault.where}: " if fault.where else ""
    return where + fault.what + (f" ({fault.value})" if fault.value is not None else "")


def _planned(plan: Plan, results: Results) -> AnalysisState:
    steps = [step for step in plan if step.wildcards.get("analysis") == results.analysis]
    outputs = [path for s in steps if STEPS[s.rule].keep is None for path in s.outputs.values()]
    paths_of_plan = {*outputs, *(step.key_file for step in steps)}
    records = {step.records for step in steps}
    faults = [
        fault
        for fault in results.custody.faults
        if fault.path in paths_of_plan or str(PurePosixPath(fault.path).parent) in records
    ]
    unmade = [step for step in unmade_steps(plan, results) if not _is_of_its_key(step)]
    behind = [step for step in unmade if not STEPS[step.rule].shared]
    stale = [fault for fault in faults if fault.kind is Kind.STALE]
    if behind:
        stale += differences_of(results, unmade)
    altered = [fault for fault in faults if fault.kind is not Kind.STALE]
    late = {identity(step.rule, step.wildcards) for step in behind}

    def state(fit: Fit) -> State:
        is_late = any(identity(s.rule, s.wildcards) in late for s in plan.steps_of(fit))
        return _state_of(results, fit, altered, otherwise="stale" if is_late else "current")

    report = plan.step(_REPORT, {"analysis": results.analysis})
    described = _fits_of(results.analysis, report.arguments)
    return AnalysisState(
        name=results.analysis,
        question=report.arguments["question"],
        fits=tuple(_fit_state(fit, on_fail, state(fit)) for fit, on_fail in described),
        files=_files(results, outputs),
        altered=tuple(altered),
        stale=tuple(stale),
        unplanned=None,
    )


def _is_of_its_key(step: Step) -> bool:
    """Tell whether a key file says so, where no record does: then the record is what is wrong."""
    line = read_line(step.key_file)
    return line is not None and line.key == step.key


def _unplanned(results: Results, because: str) -> AnalysisState:
    """Describe an analysis by the record of its report, which says of what it is."""
    current = results.custody.current
    reports = [record for record in current if record.rule == _REPORT]
    folder = folder_of(results.analysis)
    try:
        arguments = reports[-1].content["arguments"]
        described, question = _fits_of(results.analysis, arguments), arguments["question"]
    except (IndexError, KeyError, TypeError) as error:
        raise ResultsError(
            f"no record of a report says of what these results are, and {because}",
            where=str(folder),
            todo="load them within their project, after a run",
        ) from error
    altered = [fault for fault in results.custody.faults if fault.kind is not Kind.EXTRA]
    outputs = [path for record in current if _stays(record) for path in record.outputs]
    return AnalysisState(
        name=results.analysis,
        question=question,
        fits=tuple(
            _fit_state(fit, on_fail, _state_of(results, fit, altered, otherwise="unplanned"))
            for fit, on_fail in described
        ),
        files=_files(results, outputs),
        altered=tuple(altered),
        stale=(),
        unplanned=because,
    )


def _fits_of(analysis: str, arguments: Mapping[str, Any]) -> list[tuple[Fit, Any]]:
    """Return the fits that a report is of, and what a failed check of each stops."""
    return [
        (Fit(analysis, fit["dataset"], fit["model"], fit["method"]), fit["on_fail"])
        for fit in arguments["fits"]
    ]


def _fit_state(fit: Fit, on_fail: Any, state: State) -> FitState:
    return FitState(fit.dataset, fit.model, fit.method, on_fail, state)


def _state_of(results: Results, fit: Fit, altered: Sequence[Difference], otherwise: State) -> State:
    needed = [
        path
        for rule in ("collect_draws", "diagnose_fit")
        for path in paths.outputs(rule, fit.wildcards).values()
    ]
    if any(path not in results.hashes for path in needed):
        return "missing"
    folder = f"{folder_of(fit.analysis)}/{fit.dataset}/{fit.model}/{fit.method}/"
    return "altered" if any(d.path.startswith(folder) for d in altered) else otherwise


def _files(results: Results, outputs: Sequence[str]) -> dict[str, File | None]:
    folder = folder_of(results.analysis)
    return {
        str(PurePosixPath(path).relative_to(folder)): File(
            results.hashes[path], results.stamps[path]
        )
        if path in results.hashes
        else None
        for path in outputs
    }


def _stays(record: SoundRecord) -> bool:
    return KNOWN[record.rule].keep is None and not KNOWN[record.rule].shared


def _hashed(files: Sequence[Path]) -> list[str]:
    """Return the SHA-256 of files; of steps' outputs those that changed since the last look."""
    present = {str(path) for path in files}
    known: dict[str, str] = {}
    for file in files:
        if file.parent.name != ".keys":
            continue
        step = paths.step_of(f"{file.parents[1]}/records/{file.name}")
        if step is not None:
            outputs = {n: path for n, path in paths.outputs(*step).items() if path in present}
            hashes = contents(outputs, paths.stamps(*step))
            known |= {outputs[name]: content.sha256 for name, content in hashes.items()}
    return [known.get(str(path)) or file_hash(path) for path in files]


def _compilations(analysis: str) -> Iterator[tuple[str, bytes]]:
    """Yield the records of compiled programs, where they would lie beside tracked results."""
    for record in Path(f"{STATE}/programs").glob("*/records/compile_program/*.json"):
        text, program = record.read_bytes(), record.parents[2].name
        name = f"{record.name[:12]}-{content_hash(text)[:12]}.json"
        yield f"{paths.compile_records(analysis, program)}/{name}", text


def _analysis_of(folder: Path) -> str:
    """Return the analysis that the records of a folder copied alone are of, else its name."""
    for record in sorted(folder.glob(f"records/{_REPORT}/*.json")):
        try:
            return str(json.loads(record.read_bytes())["arguments"]["analysis"])
        except (ValueError, KeyError, TypeError):
            continue
    return folder.name


if __name__ == "__main__":
    main()
