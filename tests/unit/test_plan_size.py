"""What planning and asking for the status cost: so much a fit, however many fits there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stanchion.config import load
from stanchion.plan import builder
from stanchion.plan.catalogue import STEPS
from stanchion.plan.model import Facts, Plan
from stanchion.plan.planner import make_plan
from stanchion.runs import status
from stanchion.system.writing import write_whole
from tests.unit.test_plan import FACTS

CHAINS = 2


def declaration(datasets: int, models: int) -> tuple[str, Facts]:
    """Return a declaration of datasets × models × two methods, and the facts of it."""
    data = [f"d{number}" for number in range(datasets)]
    programs = [f"m{number}" for number in range(models)]
    lines = ["seed: 1", "datasets:"]
    lines += [
        f"  {name}: {{path: data/{name}.csv, columns: {{y: {{type: real}}}}, "
        "stan: {N: nrow(), y: y}}"
        for name in data
    ]
    lines += ["models:", *(f"  {name}: {{program: stan/{name}.stan}}" for name in programs)]
    lines += [
        "analyses:",
        "  all:",
        f"    datasets: [{', '.join(data)}]",
        f"    models: [{', '.join(programs)}]",
        f"    methods: {{nuts: {{chains: {CHAINS}}}, advi: {{}}}}",
        "    prior_predictive: {draws: 100}",
        "    posterior_predictive: {observed: y, replicated: y_rep}",
    ]
    program = FACTS.programs["wide"]
    facts = replace(
        FACTS,
        programs={
            name: replace(program, path=f"stan/{name}.stan", canonical=name) for name in programs
        },
        compilers=dict.fromkeys(programs, FACTS.compilers["wide"]),
        files={f"data/{name}.csv": "0" * 64 for name in data},
    )
    return "\n".join(lines) + "\n", facts


def plan_of(folder: Path, datasets: int, models: int) -> Plan:
    text, facts = declaration(datasets, models)
    write_whole(folder / "config.yaml", text)
    return make_plan(load(folder / "config.yaml"), facts)


@pytest.mark.parametrize(("datasets", "models"), [(1, 12), (12, 1), (4, 5)])
def test_each_step_is_planned_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, datasets: int, models: int
) -> None:
    """No key is worked out and thrown away: data once a pair, a program once a model."""
    keys: list[Any] = []
    monkeypatch.setattr(builder, "key_of", lambda made_of: keys.append(made_of) or str(len(keys)))
    plan = plan_of(tmp_path, datasets, models)
    result = Counter(made_of["step"] for made_of in keys)
    fits = datasets * models * 2
    assert len(plan.fits) == fits
    assert result["compile_program"] == models
    assert result["prepare_data"] == result["sample_prior"] == datasets * models
    assert len(keys) == len(plan.steps)


@pytest.mark.parametrize("datasets", [3, 9])
def test_a_status_looks_at_the_steps_of_its_fit_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, datasets: int
) -> None:
    """The states of a fit's own results are asked for once each, and its plan is read once."""
    monkeypatch.chdir(tmp_path)
    plan = plan_of(tmp_path, datasets, 2)
    calls: list[str] = []
    read = 0

    def walk(whole: Plan) -> Iterator[Any]:
        nonlocal read
        read += 1
        return iter(whole.steps.values())

    real = status.state_of
    monkeypatch.setattr(status, "state_of", lambda step: calls.append(step.rule) or real(step))
    monkeypatch.setattr(Plan, "__iter__", walk)
    rows = status.fit_statuses(plan)
    assert len(rows) == datasets * 2 * 2
    ours = {step.rule for step in plan.steps_of(plan.fits[0]) if STEPS[step.rule].keep is None}
    assert ours >= {"collect_draws", "diagnose_fit", "predict_outcomes"}
    assert Counter(calls) == dict.fromkeys(ours, len(rows))
    for fit in plan.fits:
        status._sampling_seconds(plan, fit, status._works(plan, fit))
    assert read == 1
