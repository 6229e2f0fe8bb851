"""The chain of custody: what records prove, and what is refused by name."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from stanchion.plan.keys import key_of
from stanchion.plan.model import Step
from stanchion.system.hashes import file_hash
from stanchion.versions.custody import Custody, SoundRecord, _contradictions
from stanchion.versions.declared import _unjudged, _unnamed_inputs, undeclared
from stanchion.versions.difference import Kind
from stanchion.versions.results import Results, read_results
from tests.unit.test_methods import MU, planned
from tests.versions import FIT, ORDER, Written, write_results

Steps = dict[str, Written]
DRAWS, DIAGNOSTICS = Path(f"{FIT}/draws.nc"), Path(f"{FIT}/diagnostics.json")


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Steps:
    """Three steps that the runner ran, each reading what the one before wrote."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STANCHION_RUN_ID", "run")
    monkeypatch.setenv("STANCHION_CACHE", str(tmp_path / "cache"))
    return write_results(monkeypatch)


def custody() -> Custody:
    return read_results("means").custody


def faults() -> set[tuple[Kind, str]]:
    return {(fault.kind, fault.path) for fault in custody().faults}


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content, indent=1) + "\n")
    return path


def test_what_steps_left_hangs_together(steps: Steps) -> None:
    """Every file has its record, every key follows from its record's content."""
    result = custody()
    assert result.faults == ()
    assert {entry.rule for entry in result.current} == set(ORDER)
    assert set(result.proofs) == {str(p) for p in Path("results").rglob("*") if p.is_file()}


def test_attempts_that_failed_prove_nothing_and_break_nothing(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed attempt's record stays among the sound ones, and the next attempt proves."""
    first = edit(steps["diagnose_fit"].record, lambda content: content.update(state="started"))
    assert (Kind.EXTRA, str(DIAGNOSTICS)) in faults()
    write_results(monkeypatch)
    assert faults() == set()
    assert json.loads(first.read_text())["state"] == "started"


@pytest.mark.parametrize("name", ["key", "arguments", "made_of", "inputs", "outputs", "step"])
def test_an_edited_record_is_named(steps: Steps, name: str) -> None:
    """No field that a key, an input or an output hangs on can be edited."""

    def change(content: dict[str, Any]) -> None:
        if name in ("inputs", "outputs"):
            content[name][0]["sha256"] = "0" * 64
        elif isinstance(content[name], dict):
            content[name] = {**content[name], "more": 1}
        else:
            content[name] = content[name][::-1]

    record = edit(steps["collect_draws"].record, change)
    named = {path for _, path in faults()}
    assert str(record) in named or (name == "outputs" and str(DRAWS) in named)


def test_a_whole_forged_step_does_not_fit_its_neighbours(steps: Steps) -> None:
    """Another content with a record, a key and a key file of its own: the step after it denies."""
    record = steps["collect_draws"].record
    key = key_of({**steps["collect_draws"].job.made_of, "arguments": {"extra": "forged"}})
    DRAWS.write_text("forged")
    forged = record.with_name(f"{key[:12]}-1.json")
    shutil.copy(record, forged)

    def change(content: dict[str, Any]) -> None:
        content.update(key=key, arguments={"extra": "forged"})
        for entry in content["outputs"]:
            entry.update(sha256=file_hash(Path(entry["path"])), size=6)

    edit(forged, change)
    key_file = Path(f"{FIT}/.keys/collect_draws")
    summary = file_hash(Path(f"{FIT}/summary.csv"))
    key_file.write_text(
        f"{key} draws=6:{file_hash(DRAWS)} "
        f"summary={Path(f'{FIT}/summary.csv').stat().st_size}:{summary}\n"
    )
    assert (Kind.STALE, str(steps["diagnose_fit"].record)) in faults()


def test_a_second_record_of_a_key_cannot_say_otherwise(steps: Steps) -> None:
    """The last step's result is edited, with a second record that names it: it contradicts."""
    record = steps["diagnose_fit"].record
    DIAGNOSTICS.write_text("pass")
    second = record.with_name(record.name.replace("-1.json", "-2.json"))
    shutil.copy(record, second)

    def change(content: dict[str, Any]) -> None:
        content["attempt"] = 2
        content["outputs"][0].update(sha256=file_hash(DIAGNOSTICS), size=4)

    edit(second, change)
    assert (Kind.ALTERED, str(second)) in faults()


def chain_of_records(method: str, draws: str) -> list[SoundRecord]:
    """Return records of two attempts at a fit, of which the second has left other draws."""
    records = []
    for attempt, content in enumerate(("first", draws), start=1):
        read = "data"
        for rule, name, path in (
            ("sample_fit", "chains", f"{FIT}/chains/chains.zip"),
            ("collect_draws", "draws", str(DRAWS)),
            ("diagnose_fit", "diagnostics", str(DIAGNOSTICS)),
        ):
            said: dict[str, Any] = {
                "key": rule,
                "state": "done",
                "arguments": {"method": method} if rule != "diagnose_fit" else {},
                "inputs": [{"path": read, "sha256": "data" if read == "data" else content}],
                "outputs": [{"name": name, "path": path, "sha256": content}],
            }
            folder = f"{FIT}/records/{rule}"
            records.append(SoundRecord(f"{folder}/{attempt}", folder, rule, attempt, said))
            read = path
    return records


def test_other_bytes_contradict_where_the_same_are_promised() -> None:
    """NUTS has left others for the same key, which a script may, and what follows with it."""
    other = [f.path for f in _contradictions(chain_of_records("nuts", "second"))]
    assert other == [f"{FIT}/records/{rule}/2" for rule in ("collect_draws", "diagnose_fit")]
    assert list(_contradictions(chain_of_records("script", "second"))) == []
    assert list(_contradictions(chain_of_records("nuts", "first"))) == []


def test_a_script_excuses_no_other_bytes_of_the_same_draws() -> None:
    """Of the same draws the same results follow: one that differs contradicts."""
    records = chain_of_records("script", "first")
    records[-1].content["outputs"][0]["sha256"] = "forged"
    assert [f.path for f in _contradictions(records)] == [f"{FIT}/records/diagnose_fit/2"]


def test_a_copied_record_has_the_wrong_name(steps: Steps) -> None:
    """A record says which attempt it is of: a copy of it does not become another."""
    record = steps["diagnose_fit"].record
    second = record.with_name(record.name.replace("-1.json", "-2.json"))
    shutil.copy(record, second)
    assert faults() == {(Kind.ALTERED, str(second))}


def test_a_deleted_record_is_missed(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the only record its result is missed, of an earlier attempt its number."""
    record = steps["collect_draws"].record
    text = record.read_text()
    record.unlink()
    assert (Kind.EXTRA, str(DRAWS)) in faults()
    record.write_text(text)
    write_results(monkeypatch)
    assert faults() == set()
    record.unlink()
    assert faults() == {(Kind.MISSING, str(record))}


@pytest.mark.parametrize("name", ["more.txt", ".hidden", "plots/more.png", "records/x/y.json"])
def test_what_no_step_made_is_named(steps: Steps, name: str) -> None:
    """A file too many is named, wherever it lies."""
    more = Path(f"{FIT}/{name}")
    more.parent.mkdir(parents=True, exist_ok=True)
    more.write_text("{}")
    assert {path for _, path in faults()} == {str(more)}


def test_a_link_is_no_result(steps: Steps, tmp_path: Path) -> None:
    """A link to the same content elsewhere is named, of a file or of a folder; so is a pipe."""
    shutil.move(DRAWS, tmp_path / "elsewhere")
    DRAWS.symlink_to(tmp_path / "elsewhere")
    assert (Kind.ALTERED, str(DRAWS)) in faults()
    DRAWS.unlink()
    shutil.move(tmp_path / "elsewhere", DRAWS)
    assert faults() == set()
    Path(f"{FIT}/more").symlink_to(tmp_path, target_is_directory=True)
    assert faults() == {(Kind.ALTERED, f"{FIT}/more")}
    Path(f"{FIT}/more").unlink()
    os.mkfifo(f"{FIT}/pipe")
    assert faults() == {(Kind.EXTRA, f"{FIT}/pipe")}


def test_data_other_than_the_keys_are_named(steps: Steps) -> None:
    """The first step's record must name the rows that its key was made of."""

    def change(content: dict[str, Any]) -> None:
        content["inputs"][0]["sha256"] = "0" * 64

    record = edit(steps["prepare_data"].record, change)
    assert faults() == {(Kind.ALTERED, str(record))}


def test_records_of_a_former_step_are_known(steps: Steps) -> None:
    """What an earlier version's step left stays evidence, whatever the step is called now."""
    content = json.loads(steps["collect_draws"].record.read_text())
    made_of = {**content["made_of"], "step": "approximate_posterior"}
    key = key_of({**made_of, "arguments": content["arguments"]})
    chain = {"name": "chain", "path": f"{FIT}/chains/chain_1.csv", "sha256": "0" * 64, "size": 1}
    content |= {"step": "approximate_posterior", "made_of": made_of, "key": key, "attempt": 1}
    record = Path(FIT) / "records/approximate_posterior.1" / f"{key[:12]}-1.json"
    record.parent.mkdir()
    record.write_text(json.dumps(content | {"outputs": [chain]}))
    assert faults() == set()


def test_of_a_former_step_the_key_file_is_left_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its output is another step's by now, which `stanchion clean` leaves alone."""
    monkeypatch.chdir(tmp_path)
    plan = planned(tmp_path, "advi", parameters=MU)
    fit = tmp_path / "results/a/size/m/advi"
    for name in ("chains/chain_1.csv", ".keys/approximate_posterior.1", ".keys/sample_chain.1"):
        (fit / name).parent.mkdir(parents=True, exist_ok=True)
        (fit / name).write_text("")
    key_file = "results/a/size/m/advi/.keys/approximate_posterior.1"
    assert undeclared(plan) == {"a": [key_file]}


@pytest.mark.parametrize(
    ("state", "exit_code", "is_judged"),
    [
        ("done", 0, True),
        ("failed", 3, True),
        ("failed", 1, False),
        ("failed", 130, False),
        ("failed", 143, False),
        ("started", None, False),
    ],
)
def test_a_judgement_that_was_stopped_is_none(
    tmp_path: Path, state: str, exit_code: int | None, is_judged: bool
) -> None:
    """Only the verdict's own exit code says that the results were judged."""
    plan = planned(tmp_path, "advi", parameters=MU)
    (gate,) = [step for step in plan if step.rule == "check_verdicts"]
    content = {"key": gate.key, "state": state, "exit_code": exit_code}
    record = SoundRecord(f"{gate.records}/1", gate.records, gate.rule, 1, content)
    custody = SimpleNamespace(current=(), records=(record,))
    results = cast(Results, SimpleNamespace(analysis="a", custody=custody))
    paths = [difference.path for difference in _unjudged(plan, results)]
    assert paths == ([] if is_judged else [gate.outputs["verdicts"]])


def test_a_record_names_as_many_sources_as_its_step_reads() -> None:
    """They may lie elsewhere by now, and a program has entries for what it includes, too."""
    inputs = {"sources": ["a.py", "b.py"], "program": "m.stan"}
    expected = {path: {"sha256": "0"} for path in ("a.py", "b.py", "m.stan")}
    step = cast(Step, SimpleNamespace(inputs=inputs, expected=expected))

    def unnamed(*names: str) -> list[str]:
        entries = [{"name": name, "path": f"before/{index}"} for index, name in enumerate(names)]
        record = SoundRecord("1", "", "make_table", 1, {"inputs": entries})
        return list(_unnamed_inputs(step, record, {}))

    assert unnamed("sources", "sources", "program", "program") == []
    assert unnamed("sources", "program") == ["b.py"]
    assert unnamed("sources", "sources") == ["m.stan"]
