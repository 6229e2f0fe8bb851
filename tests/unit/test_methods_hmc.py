"""Static HMC: its words, its checks, and the divergences that CmdStan does not name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stanchion.draws.files import open_draws
from stanchion.methods.hmc import Hmc
from stanchion.methods.nuts import Nuts
from stanchion.steps import collect_draws
from tests.unit.config_cases import changed, declared, fault
from tests.unit.draws_cases import FOOTER, SAMPLE, job, table, write_json
from tests.unit.steps_cases import META, Y, chain, collecting, diagnose, verdicts_of

DRAWS = 500


def static(folder: Path, accepted: Any = 0.9) -> dict[str, Any]:
    """Collect and diagnose two chains that CmdStan's static HMC might have written."""
    paths = []
    for number in (1, 2):
        rng = np.random.default_rng(number)
        moving = {name: rng.normal(size=DRAWS) for name in ("lp__", "energy__")}
        sampler = {"lp__": 0.0, "accept_stat__": accepted, "stepsize__": 0.5, "int_time__": 1.5}
        columns = {**sampler, **moving, **chain(number, DRAWS)}
        text = table({name: np.broadcast_to(values, DRAWS) for name, values in columns.items()})
        paths.append(folder / f"chain_{number}.csv")
        header = SAMPLE.format(draws=DRAWS).replace("max_depth = 10", "int_time = 1.5")
        paths[-1].write_text(header + text + FOOTER)
    inputs: dict[str, Path | list[Path]] = {
        "chains": paths,
        "data": write_json(folder / "data.json", {"N": len(Y), "M": 2, "y": Y.tolist()}),
        "meta": write_json(folder / "meta.json", META),
    }
    arguments = collecting(method="hmc", settings=Hmc(chains=2, draws=DRAWS).settings)
    outputs = {"draws": "draws.nc", "summary": "summary.csv"}
    collect_draws.run(job(folder, "collect_draws", arguments, inputs, outputs))
    return diagnose(folder, method="hmc")


def test_it_is_held_to_what_nuts_is_held_to_but_for_trees(tmp_path: Path) -> None:
    """Every check of NUTS is made of what static HMC writes; none of them is left unknown."""
    verdicts = verdicts_of(static(tmp_path))
    assert list(verdicts) == [name for name in Nuts.checks if name != "treedepth"]
    assert verdicts.pop("chains") == "warn"
    assert set(verdicts.values()) == {"pass"}
    with open_draws(tmp_path / "draws.nc", "sample_stats") as tree:
        assert set(tree["sample_stats"].data_vars) == {
            *("lp", "acceptance_rate", "step_size", "int_time", "energy", "diverging"),
        }


def test_a_proposal_that_cannot_be_accepted_is_a_divergence(tmp_path: Path) -> None:
    """Its acceptance probability is exp(−energy error), which is 0 above 745; 1e-300 is none."""
    accepted = np.full(DRAWS, 0.9)
    accepted[[3, 70]] = 0.0
    accepted[5] = 1e-300
    checks = {check["check"]: check for check in static(tmp_path, accepted)["checks"]}
    divergences = checks["divergences"]
    assert (divergences["verdict"], divergences["value"]) == ("fail", 4)
    assert divergences["where"] == ["chain 1: 2", "chain 2: 2"]


def test_it_shares_the_settings_of_nuts() -> None:
    """But for the tree depth, whose place the length of a trajectory and its steps take."""
    nuts, hmc = Nuts.model_fields.keys(), Hmc.model_fields.keys()
    assert nuts - hmc == {"max_treedepth", "on_saturation", "on_stuck"}
    assert hmc - nuts == {"int_time", "stepsize", "stepsize_jitter"}
    for name in nuts & hmc - {"method"}:
        assert Nuts.model_fields[name].default == Hmc.model_fields[name].default
    assert Hmc().rows(["warmup"]) == Nuts().rows(["warmup"])
    assert (Hmc(chains=3).jobs, Hmc(threads_per_chain=2).threads) == (3, 2)


def test_the_words_are_cmdstan_s() -> None:
    """Each setting stands where CmdStan's own grammar has it: engine, metric, step size."""
    words = Hmc(int_time=1.5, stepsize=0.25, stepsize_jitter=0.5, metric="dense_e").command()
    start = words.index("algorithm=hmc")
    assert words[start:] == [
        "algorithm=hmc",
        "engine=static",
        "int_time=1.5",
        "metric=dense_e",
        "stepsize=0.25",
        "stepsize_jitter=0.5",
        "num_chains=1",
    ]
    assert words[:start] == Nuts().command()[:start]


@pytest.mark.parametrize(
    ("setting", "allowed"),
    [
        ("stepsize_jitter: 1.5", "≥ 0 and ≤ 1"),
        ("stepsize: 0", "> 0"),
        ("int_time: -1", "> 0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(tmp_path: Path, setting: str, allowed: str) -> None:
    """A step that may be negative, none, or a trajectory backwards."""
    text = changed("nuts: {", f"hmc: {{{setting}, ")
    refusal = fault(tmp_path, text)
    assert refusal.key == f"analyses.coaching.methods.hmc.{setting.partition(':')[0]}"
    assert refusal.what == "out of bounds" and allowed in (refusal.allowed or "")


def test_a_setting_of_another_method_names_that_one(tmp_path: Path) -> None:
    """A person who mixes methods up is told whose setting it is."""
    refusal = fault(tmp_path, changed("nuts: {", "nuts: {int_time: 1.5, "))
    assert refusal.what == "'int_time' is a setting of hmc"
    assert refusal.todo == "remove it, or use `method: hmc`"
    refusal = fault(tmp_path, changed("advi: {", "advi: {chains: 4, "))
    assert refusal.what.startswith("'chains' is a setting of nuts, hmc")
    assert refusal.key == "analyses.coaching.methods.advi.chains"
    text = changed("nuts: {chains", "hmc: {int_time: 1.5, chains")
    assert list(declared(tmp_path, text).analyses["coaching"].methods) == ["hmc", "advi"]


def test_an_approximation_is_held_to_it(tmp_path: Path) -> None:
    """Its draws are the posterior's, as those of NUTS are."""
    assert Hmc.is_reference and Hmc.is_markov and Hmc.default_on_fail == "stop"
    text = changed("nuts: {chains: 4,", "hmc: {chains: 4,")
    text = changed("    compare:", "    keep: [warmup, metric]\n    compare:", text)
    assert declared(tmp_path, text).analyses["coaching"].keep == ["warmup", "metric"]
