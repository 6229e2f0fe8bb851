"""(fit, step) → path, relative to the project; the rules' literal paths are tested against it.

A step's outputs and folder stand in its row of the catalogue as patterns over its wildcards; its
key file and its records lie in that folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath, PurePosixPath

from stanchion.plan.catalogue import ANALYSIS, KNOWN
from stanchion.system.folders import JOBS, STAMPS

COMPILE_RECORDS = f"{ANALYSIS}/records/compile_program.{{program}}"
"""Where an analysis keeps the records of the programs that it used, for they go with it."""


def step_name(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return a step's name within its folder, such as `sample_chain.3`."""
    return KNOWN[rule].file_name.format(**wildcards)


def outputs(rule: str, wildcards: Mapping[str, str]) -> dict[str, str]:
    """Return a step's output paths by name."""
    return {name: path.format(**wildcards) for name, path in KNOWN[rule].paths.items()}


def key_pattern(rule: str) -> str:
    """Return the pattern of a step's key file: one line, the key its outputs were made with."""
    return f"{KNOWN[rule].folder}/.keys/{KNOWN[rule].file_name}"


def key_file(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return the path of a step's key file."""
    return key_pattern(rule).format(**wildcards)


def records(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return the folder of a step's records."""
    folder = KNOWN[rule].folder.format(**wildcards)
    return f"{folder}/records/{step_name(rule, wildcards)}"


def stamps(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return the path of the file that keeps what a step's outputs were when last hashed."""
    return f"{STAMPS}/{_folder(rule, wildcards)}/{step_name(rule, wildcards)}"


def log_file(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return the path of a step's log."""
    return log_pattern(rule).format(**wildcards)


def log_pattern(rule: str) -> str:
    """Return the pattern of a step's log."""
    folder = PurePosixPath(KNOWN[rule].folder)
    return f"logs/{folder.relative_to(folder.parts[0])}/{KNOWN[rule].file_name}.log"


def job_file(rule: str, wildcards: Mapping[str, str], key: str) -> str:
    """Return the path of the file that holds a step's arguments and paths.

    It lies in a folder of its step: two steps may have one key and write to two folders.
    """
    return f"{JOBS}/{_folder(rule, wildcards)}/{step_name(rule, wildcards)}/{key}.json"


def _folder(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return a step's folder without the first one of its path."""
    return KNOWN[rule].folder.format(**wildcards).partition("/")[2]


def job_label(file: PurePath) -> str:
    """Return what a person calls the step of a job file: its name and where its results lie."""
    folder = file.relative_to(JOBS).parent
    return f"{folder.name} {folder.parent}"


def step_of(folder: str) -> tuple[str, dict[str, str]] | None:
    """Return rule and wildcards of the step whose records lie in a folder, None where none's do."""
    patterns = [(row.name, f"{row.folder}/records/{row.file_name}") for row in KNOWN.values()]
    for rule, pattern in [*patterns, ("compile_program", COMPILE_RECORDS)]:
        if (wildcards := _match(pattern, folder)) is not None:
            return rule, wildcards
    return None


def compile_records(analysis: str, program: str) -> str:
    """Return the folder that keeps, with an analysis, the records of a program's compilation."""
    return COMPILE_RECORDS.format(analysis=analysis, program=program)


def _match(pattern: str, text: str) -> dict[str, str] | None:
    """Return the wildcards with which a pattern gives a text."""
    names = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(pattern))
    match = re.fullmatch(names, text)
    return match.groupdict() if match is not None else None
