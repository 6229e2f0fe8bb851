"""Results against the declaration: what is stale, what is missing, and what nothing declares."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from stanchion.errors import GateError
from stanchion.plan import paths
from stanchion.plan.catalogue import FORMER, STEPS
from stanchion.plan.model import Facts, Plan, Step, identity
from stanchion.plan.planner import make_plan
from stanchion.system.hashes import text_hash
from stanchion.versions.custody import SoundRecord
from stanchion.versions.difference import Difference, Kind
from stanchion.versions.results import Results

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def steps_of(plan: Plan, analysis: str) -> list[Step]:
    """Return the steps of an analysis and those that they follow, in an order of running."""
    pending = [step for step in plan if step.wildcards.get("analysis") == analysis]
    selected: dict[tuple[str, ...], Step] = {}
    while pending:
        step = pending.pop()
        name = identity(step.rule, step.wildcards)
        if name not in selected:
            selected[name] = step
            pending += step.upstream
    return [step for name, step in plan.steps.items() if name in selected]


def with_toolchain_of(plan: Plan, results: Results) -> Plan:
    """Return the plan as it was on the machine that made the results.

    Who verifies has a processor and a compiler of their own: what these change is not stale.
    """
    return make_plan(plan.project, _facts_of(plan.facts, results))


def _facts_of(facts: Facts, results: Results) -> Facts:
    compilers = dict(facts.compilers)
    for record in _used_compilations(results):
        content = record.content["made_of"]["content"]
        for model, program in facts.programs.items():
            if text_hash(program.canonical) == content["program"]:
                compilers[model] = content["compiler"]
    reports = [record for record in results.custody.current if record.rule == "write_report"]
    toolchain = reports[0].content["arguments"]["toolchain"] if reports else facts.toolchain
    return replace(facts, compilers=compilers, toolchain=toolchain)


def _used_compilations(results: Results) -> list[SoundRecord]:
    """Return the records of the programs that present results were made with."""
    used = {
        key for record in results.custody.current for key in record.content["made_of"]["upstream"]
    }
    records = [record for record in results.custody.records if record.ended_well]
    return [record for record in records if record.rule == "compile_program" and record.key in used]


def not_of_the_plan(plan: Plan, results: Results) -> Iterator[Difference]:
    """Yield what the declaration asks for and the results are not, and what it does not name."""
    unmade = unmade_steps(plan, results)
    yield from differences_of(results, unmade)
    if not unmade:
        yield from _unjudged(plan, results)
    yield from dict.fromkeys(_silent_records(plan, results))
    for name, record in _current(results).items():
        if name not in plan.steps:
            for path in record.outputs:
                if path in results.hashes:
                    yield Difference(Kind.STALE, path, "the declaration names no such result")


def unmade_steps(plan: Plan, results: Results) -> list[Step]:
    """Return the steps of an analysis, or before it, that have not run as they are planned."""
    current = _current(results)
    return [
        step
        for step in steps_of(plan, results.analysis)
        for record in [current.get(identity(step.rule, step.wildcards))]
        if not (STEPS[step.rule].may_fail and record is None)
        and not _is_made(step, record, results.custody.records)
    ]


def differences_of(results: Results, unmade: Sequence[Step]) -> Iterator[Difference]:
    """Yield what results were made with, other than is planned, of these steps.

    Of steps that follow each other the first is named.
    """
    current, stale = _current(results), set[tuple[str, ...]]()
    for step in unmade:
        name = identity(step.rule, step.wildcards)
        stale.add(name)
        if not any(identity(before.rule, before.wildcards) in stale for before in step.upstream):
            yield _behind(step, current.get(name), results.custody.records)


def _unjudged(plan: Plan, results: Results) -> Iterator[Difference]:
    """Yield the steps that may fail, and have neither ended well nor failed as they are planned."""
    current, records = _current(results), results.custody.records
    ended = {record.key for record in records if record.ended_well or _has_judged(record)}
    for step in steps_of(plan, results.analysis):
        is_here = identity(step.rule, step.wildcards) in current
        if STEPS[step.rule].may_fail and step.key not in ended and not is_here:
            yield _behind(step, None, records)


def _has_judged(record: SoundRecord) -> bool:
    """Tell whether a step failed by what it judged: one that was stopped did not judge."""
    content = record.content
    return content["state"] == "failed" and content.get("exit_code") == GateError.exit_code


def _silent_records(plan: Plan, results: Results) -> Iterator[Difference]:
    """Yield the records that leave out what their step reads: nothing links them to what it was."""
    paths_of = defaultdict[tuple[str, str], set[str]](set)
    records_of = defaultdict[tuple[str, str], list[SoundRecord]](list)
    for record in results.custody.records:
        if record.ended_well:
            records_of[record.rule, record.key].append(record)
            for entry in record.content["outputs"]:
                paths_of[record.key, entry["name"]].add(entry["path"])
    for step in steps_of(plan, results.analysis):
        for record in records_of[step.rule, step.key]:
            if unnamed := list(_unnamed_inputs(step, record, paths_of)):
                more = f" and {len(unnamed) - 1} more" if unnamed[1:] else ""
                what = f"it does not name {unnamed[0]}{more}, which its step reads"
                yield Difference(Kind.ALTERED, record.path, what)


def _unnamed_inputs(
    step: Step, record: SoundRecord, paths_of: Mapping[tuple[str, str], Collection[str]]
) -> Iterator[str]:
    """Yield the inputs that a record leaves out, whatever their paths were by then.

    `paths_of` is where the step of a key has left its output of a name. Of sources the number
    counts, which follows from the key; a program has more entries by what it includes.
    """
    named = {(entry["name"], entry["path"]) for entry in record.content["inputs"]}
    numbers = Counter(entry["name"] for entry in record.content["inputs"])
    for name, planned in step.inputs.items():
        each_planned = planned if isinstance(planned, list) else [planned]
        for index, path in enumerate(each_planned):
            expected = step.expected[path]
            known = "step" in expected and paths_of.get((expected["key"], expected["output"]))
            lacks = index >= numbers[name] if "step" not in expected else not numbers[name]
            if lacks or (known and not any((name, each) in named for each in known)):
                yield path


def _current(results: Results) -> dict[tuple[str, ...], SoundRecord]:
    """Return the record of each result that lies there, by its step's identity."""
    return {_identity(record.folder): record for record in results.custody.current}


def _identity(folder: str) -> tuple[str, ...]:
    step = paths.step_of(folder)
    return identity(*step) if step is not None else ()


def _is_made(step: Step, current: SoundRecord | None, records: Sequence[SoundRecord]) -> bool:
    """Tell whether a step has run as planned; a program and dropped chains leave records."""
    if current is not None:
        return current.key == step.key
    return any(
        record.key == step.key and record.rule == step.rule and record.ended_well
        for record in records
    )


def _behind(step: Step, current: SoundRecord | None, records: Sequence[SoundRecord]) -> Difference:
    last = current or _last(step, records)
    where = _first(step.inputs if step.rule == "compile_program" else step.outputs)
    if last is None:
        return Difference(Kind.MISSING, where, f"{step.rule} has not run as it is declared")
    return Difference(Kind.STALE, where, f"{step.rule} ran with {_otherwise(step, last.content)}")


def _last(step: Step, records: Sequence[SoundRecord]) -> SoundRecord | None:
    """Return a record of the same step, or of the same program's compilation, with another key."""
    candidates = [record for record in records if record.rule == step.rule and record.ended_well]
    if step.rule == "compile_program":
        program = step.inputs["program"]
        candidates = [record for record in candidates if program in _input_paths(record)]
    else:
        name = identity(step.rule, step.wildcards)
        candidates = [record for record in candidates if _identity(record.folder) == name]
    return candidates[-1] if candidates else None


def _input_paths(record: SoundRecord) -> list[str]:
    return [entry["path"] for entry in record.content["inputs"]]


def _otherwise(step: Step, content: Mapping[str, Any]) -> str:
    """Return in words what a step was made with, other than what is planned now."""
    was, now = content["made_of"], step.made_of
    if was["version"] != now["version"]:
        return "another version of Stanchion's step"
    names = [
        *_differing(content["arguments"], step.arguments),
        *_differing(was["content"], now["content"]),
    ]
    if not names:
        return "another result before it"
    return f"other settings or files: {', '.join(names)}"


def _differing(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]


def _first(named: Mapping[str, Any]) -> str:
    return str(next(iter(named.values())))


def undeclared(plan: Plan) -> dict[str, list[str]]:
    """Return the results that the declaration does not name, by analysis.

    All of an analysis that it does not name, else the outputs and key files of single steps.
    """
    extra: dict[str, list[str]] = {}
    results, planned = Path("results"), {path for step in plan for path in step.outputs.values()}
    analyses = {path.name for path in results.glob("*") if path.is_dir()}
    analyses |= {path.name.removesuffix(".dvc") for path in results.glob("*.dvc")}
    for name in sorted(analyses):
        if name not in plan.project.analyses:
            extra[name] = [f"results/{name}"]
        elif undeclared_paths := sorted(_undeclared_paths(plan, results / name, planned)):
            extra[name] = undeclared_paths
    return extra


def _undeclared_paths(plan: Plan, folder: Path, planned: Collection[str]) -> Iterator[str]:
    for path in folder.rglob(".keys/*"):
        step = paths.step_of(f"{PurePosixPath(path).parents[1]}/records/{path.name}")
        if step is None or identity(*step) in plan.steps:
            continue
        outputs = [output for output in paths.outputs(*step).values() if output not in planned]
        present = [output for output in outputs if Path(output).exists()]
        if present or step[0] in FORMER:
            yield from (*present, str(path))
