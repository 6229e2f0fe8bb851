"""Snakemake: events and words of its log, its command line, what a Snakefile sees of a run."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from snakemake.cli import get_argument_parser

from stanchion.config.configfile import SNAKEFILES
from stanchion.runs import terminal
from stanchion.system import lock
from tests.contracts import ANY, mend, takes, texts

PROFILES = Path(__file__).parents[2] / "workflow/profiles"
SNAKEFILE = """
import json, os
settings = workflow.config_settings
asked = dict(main=workflow.is_main_process, dry=workflow.output_settings.dryrun,
             config=settings.config, files=settings.configfiles, named=workflow.configfiles,
             replace=settings.replace_workflow_config, over=settings.overwrite_config)
print("SEES", json.dumps(asked, default=str))
rule all:
    default_target: True
    input: "good", "bad"
rule good:
    output: "good"
    log: "good.log"
    shell: "test -d .snakemake/locks && touch {output}"
rule bad:
    output: "bad"
    log: "bad.log"
    shell: "exit 1"
"""
RUN = """
import json, logging, sys
from snakemake.cli import args_to_api, parse_args, parse_config, parse_cores
NEEDED = ("local", "log", "jobid", "job_id", "done", "total", "indent", "input", "rule_msg", "aux")
def keep(record):
    event = getattr(record, "event", None)
    fields = [name for name in NEEDED if name in vars(record)]
    names = [handler.name for handler in logging.getLogger(record.name).handlers]
    line = {"logger": record.name, "event": event and event.name, "fields": fields}
    print("EVENT", json.dumps(line | {"handlers": names}), flush=True)
    return True
logging.getLogger("snakemake.logging").addFilter(keep)
parser, args = parse_args(sys.argv[1:])
missing = [n for n in ("executor", "max_jobs_per_timespan", "cores", "jobs", "dryrun", "configfile",
                       "config", "slurm_jobname_prefix") if not hasattr(args, n)]
print("MISSING", json.dumps(missing), parse_cores("1"), parse_config(args.config))
args.max_jobs_per_timespan = None
print("SUCCESS", args_to_api(args, parser))
"""


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], str]:
    """What a run of one good and one bad job prints, as `stanchion run` starts it, and stderr."""
    folder = tmp_path_factory.mktemp("workflow")
    (folder / "Snakefile").write_text(SNAKEFILE)
    options = ["--cores", "1", "--keep-going", "--rerun-incomplete", "--quiet", "rules", "host"]
    options += ["--config", "key=1"]
    completed = subprocess.run(
        [sys.executable, "-c", RUN, *options], cwd=folder, capture_output=True, text=True
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout.splitlines(), completed.stderr


def said(lines: tuple[list[str], str], word: str) -> list[Any]:
    return [line.removeprefix(f"{word} ") for line in lines[0] if line.startswith(f"{word} ")]


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("JOB_INFO", {"local", "log", "jobid"}),
        ("JOB_FINISHED", {"job_id"}),
        ("JOB_ERROR", {"indent", "input", "log", "rule_msg", "aux"}),
        ("PROGRESS", {"done", "total"}),
    ],
)
def test_events_carry_what_the_terminal_reads(
    lines: tuple[list[str], str], event: str, fields: set[str]
) -> None:
    """A run's log has these events, with these fields, from this logger and with this handler."""
    records = [json.loads(line) for line in said(lines, "EVENT")]
    of_event = [record for record in records if record["event"] == event]
    what = mend("runs/terminal.py", f"LogEvent.{event} with {', '.join(sorted(fields))}")
    assert of_event and all(fields <= set(record["fields"]) for record in of_event), what
    assert all(r["logger"] == "snakemake.logging" for r in of_event), mend("runs/terminal.py", "")
    handler = terminal._HANDLER
    assert all(handler in r["handlers"] for r in of_event), mend("runs/terminal.py", handler)


def test_the_error_of_a_group_carries_what_the_terminal_reads(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group's error names the group, its jobs' errors and the scheduler's number."""
    from snakemake.jobs import GroupJob

    monkeypatch.setattr(logging.getLogger("snakemake.logging"), "propagate", True)
    about = {"input": [], "log": []}
    job = SimpleNamespace(
        rule=SimpleNamespace(name="r"),
        get_log_error_info=lambda **_: about,
        log_error=lambda **_: None,
    )
    group = SimpleNamespace(groupid="g", jobs=[job])
    GroupJob.log_error(group, external_jobid="7")
    facts = vars(caplog.records[-1])
    what = mend("runs/terminal.py", "LogEvent.GROUP_ERROR with groupid, job_error_info")
    assert facts.get("event") is terminal.LogEvent.GROUP_ERROR, what
    assert facts.get("groupid") == "g" and facts.get("job_error_info") == [about], what
    assert terminal._scheduled(facts) == "7", what


@pytest.mark.parametrize("noise", terminal._NOISE)
def test_the_words_that_are_kept_off_the_terminal_are_snakemakes(
    lines: tuple[list[str], str], noise: str
) -> None:
    """Each beginning that the terminal leaves out is one that Snakemake or its plugin can say."""
    source = texts("snakemake") + texts("snakemake_executor_plugin_slurm")
    words = noise
    if noise.startswith("Using workflow specific profile"):
        words = f" {ANY}workflow specific profile"
    assert words in source or noise in lines[1], mend("runs/terminal.py", f"{noise!r} in _NOISE")


def test_the_api_that_a_run_is_started_with_is_there(lines: tuple[list[str], str]) -> None:
    """The arguments that are read or changed exist, and a failed job makes the run's result False.

    The good job also saw Snakemake's locks where a dead run's are removed.
    """
    assert said(lines, "MISSING") == ["[] 1 {'key': 1}"], mend("runs/run.py", "parsed arguments")
    assert said(lines, "SUCCESS") == ["False"], mend("runs/run.py", "args_to_api")
    finished = [r for r in map(json.loads, said(lines, "EVENT")) if r["event"] == "JOB_FINISHED"]
    assert len(finished) == 1, mend("system/lock.py", ".snakemake/locks")


def test_a_snakefile_sees_what_the_graph_asks(lines: tuple[list[str], str]) -> None:
    """`workflow` says whether it is the main process, runs dry, and which files it was given."""
    (requested,) = map(json.loads, said(lines, "SEES"))
    expected = {"main": True, "dry": False, "config": {"key": 1}, "files": [], "named": []}
    assert requested == expected | {"replace": False, "over": {"key": 1}}, mend(
        "config/configfile.py", ""
    )


def test_options_are_snakemakes() -> None:
    """The options that we pass, that profiles set and that the lock knows are Snakemake's."""
    options = set(get_argument_parser()._option_string_actions)
    passed = {"--nolock", "--cores", "--workflow-profile", "--configfile", "--config", "-C"}
    assert passed <= options, mend("runs/run.py", ", ".join(passed - options))
    assert options >= lock._LOOKING, mend("system/lock.py", ", ".join(lock._LOOKING - options))
    for profile in ("default", "slurm"):
        keys = yaml.safe_load((PROFILES / profile / "config.yaml").read_text())
        unknown = {f"--{key}" for key in keys} - options
        assert not unknown, mend(f"workflow/profiles/{profile}", ", ".join(unknown))


def test_files_are_looked_for_as_snakemake_does() -> None:
    """The order of Snakefiles, and how Snakemake reads and merges configuration."""
    from snakemake.api import SNAKEFILE_CHOICES
    from snakemake.common.configfile import load_configfile
    from snakemake.utils import update_config

    names = tuple(map(str, SNAKEFILE_CHOICES))
    assert names == SNAKEFILES, mend("config/configfile.py", "SNAKEFILE_CHOICES")
    assert takes(load_configfile, "configpath"), mend("config/configfile.py", "load_configfile")
    assert takes(update_config, "config"), mend("config/configfile.py", "update_config")
