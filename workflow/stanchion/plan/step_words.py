"""What a person reads of a step: what it makes, of which fit, and why it ran. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from stanchion.plan.job import JobFile
from stanchion.plan.paths import job_label, step_of
from stanchion.provenance.keyfile import lineage_of
from stanchion.system.durations import time_taken

_FIT = "{analysis}/{dataset}/{model}/{method}"
_HASH = re.compile(r"-[0-9a-f]{12}$")
AGAIN = "made before with the same data, program and settings"
"""Why a result is reused: its key is that of an earlier one."""


@dataclass(frozen=True)
class StepWords:
    """What a step makes, by its wildcards, with the verb for it, done and under way."""

    what: str
    did: str = "made"
    doing: str = "making"
    failing: str = ""
    """What is said to have failed, where that is not the doing."""


WORDS: Mapping[str, StepWords] = {
    "compile_program": StepWords("the program {program}", "compiled", "compiling"),
    "make_table": StepWords("the table of {analysis}/{dataset}"),
    "prepare_data": StepWords(
        "the data of {analysis}/{dataset} for {model}", "prepared", "preparing"
    ),
    "prepare_quantities_data": StepWords(
        "the data {purpose} of {analysis}/{dataset}/{model}", "prepared", "preparing"
    ),
    "sample_prior": StepWords(
        "the prior of {analysis}/{dataset}/{model}", "drew from", "drawing from"
    ),
    "sample_chain": StepWords(f"{{name}} of {_FIT}", "sampled", "sampling"),
    "sample_fit": StepWords(f"the chains of {_FIT}", "sampled", "sampling"),
    "generate_quantities": StepWords(
        f"the generated quantities of {_FIT}", "computed", "computing"
    ),
    "generate_effects": StepWords(
        f"the quantities of the conditional effects of {_FIT}", "computed", "computing"
    ),
    "summarise_effects": StepWords(f"the conditional effects of {_FIT}"),
    "collect_draws": StepWords(f"the draws of {_FIT}", "collected", "collecting"),
    "rescale_coefficients": StepWords(f"the coefficients on their own scale of {_FIT}"),
    "diagnose_fit": StepWords(f"the checks of {_FIT}"),
    "draw_plot": StepWords(f"{{plot}} of {_FIT}", "drew", "drawing"),
    "predict_outcomes": StepWords(f"the predictions of {_FIT}"),
    "compare_models": StepWords("the comparison of {analysis}"),
    "answer_questions": StepWords("the answers of {analysis}", "computed", "computing"),
    "write_report": StepWords("the report of {analysis}", "wrote", "writing"),
    "write_tables": StepWords("the tables of {analysis}", "wrote", "writing"),
    "check_verdicts": StepWords(
        "the verdicts of {analysis}", "read", "reading", failing="the checks of {analysis}"
    ),
}
"""The words of each step; of one that has none its own name is said."""
_OTHERWISE_MADE = "what it is made from changed"
_UNKNOWN = StepWords("{step}")
WARNING = "; warning: "
"""Stands in a step's line before what went wrong without failing it."""
_PURPOSES = {"new": "with new rows", "effects": "with a grid of effects"}


def made(file: JobFile, seconds: float, reason: str | None) -> str:
    """Return the line of a step that has run: what it made, in what time, and why again."""
    words = WORDS.get(file.step, _UNKNOWN)
    why = f" ({reason})" if reason else ""
    return f"{_verb(file, words.did, 'made')} {what(file)} in {time_taken(seconds)}{why}"


def reused(file: JobFile) -> str:
    """Return the line of a step whose result was there: of what, and why."""
    return f"reused {what(file)}: {AGAIN}"


def is_line(text: str) -> bool:
    """Tell whether a text is the line of a step that has ended, and not its sampler's."""
    verbs = {"reused", *(words.did for words in (*WORDS.values(), _UNKNOWN))}
    return text.startswith(tuple(f"{verb} " for verb in verbs))


def doing(file: JobFile) -> str:
    """Return what a step was at, as where it fails: `sampling chain 2 of a/d/m/nuts`."""
    words = WORDS.get(file.step, _UNKNOWN)
    return _filled(words.failing, file) or f"{_verb(file, words.doing, 'making')} {what(file)}"


def doing_of(path: PurePath) -> str:
    """Return what the step of a job file was at; of one that cannot be read, its label."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        return doing(JobFile.read(Path(path)))
    return job_label(path)


def what(file: JobFile) -> str:
    """Return what a step makes, such as `chain 2 of coaching/schools/partial_pooling/nuts`."""
    return _filled(WORDS.get(file.step, _UNKNOWN).what, file)


def _filled(pattern: str, file: JobFile) -> str:
    """Return a pattern with a step's wildcards; where it has none of these, its name and folder."""
    known = step_of(file.records)
    wildcards = known[1] if known is not None else {}
    names = {"step": file.step, "name": file.unkeyed.get("name") or "the draws", **wildcards}
    if "program" in names:
        names["program"] = _HASH.sub("", names["program"])
    if "purpose" in names:
        names["purpose"] = _PURPOSES.get(names["purpose"], names["purpose"].replace("-", " ", 1))
    try:
        return pattern.format(**names)
    except KeyError:
        return f"{file.step} in {PurePath(file.records).parent.parent}"


def why_again(file: JobFile, before: Mapping[str, Any] | None) -> str | None:
    """Return what has changed since a finished record of the step; None where there is none."""
    if before is None:
        return None
    if before.get("key") == file.key:
        is_same = before.get("lineage") == lineage_of(file.unrepeated)
        return "its result was gone or altered" if is_same else _OTHERWISE_MADE
    earlier: Mapping[str, Any] = before.get("made_of") or {}
    changed = [
        words
        for name, words in (
            ("version", "another version of Stanchion"),
            ("content", "its data or program changed"),
            ("upstream", _OTHERWISE_MADE),
        )
        if earlier.get(name) != file.made_of.get(name)
    ]
    if not _are_same(before.get("arguments"), file.arguments):
        changed.insert(0, "its settings changed")
    return ", ".join(changed) or None


def _are_same(one: object, other: object) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _verb(file: JobFile, usual: str, plain: str) -> str:
    """Return a step's verb; what is one process and no chain is made, and not sampled."""
    name = str(file.unkeyed.get("name", ""))
    is_other = file.step == "sample_chain" and bool(name) and not name.startswith("chain")
    return plain if is_other else usual
