"""What is declared for a fit that goes wrong: retries are decided by results, and never hidden."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stanchion.config import load
from stanchion.errors import ChainError, DeclarationError
from stanchion.methods.nuts import Nuts
from stanchion.plan.keys import seed_of
from stanchion.sampling.archive import Archive, read_archive
from stanchion.steps import sample_fit
from stanchion.system.writing import write_whole
from tests.unit.test_methods import DECLARED
from tests.unit.test_sample_fit import cache, job  # noqa: F401

NO_START = "echo Initialization failed.; exit 1"
"""What a program says that finds no initial values, and how it ends."""

SAMPLER = """\
for word; do
  case $word in
    delta=*) delta=${word#delta=} ;;
    max_depth=*) depth=${word#max_depth=} ;;
  esac
done
{
  echo lp__,accept_stat__,stepsize__,treedepth__,n_leapfrog__,divergent__,energy__,mu
  for row in $(seq "$draws"); do
    diverges=0; tree=3
    %s
    echo "-$row,0.9,0.1,$tree,7,$diverges,1,$delta"
  done
  echo '#  0.3 seconds (Total)'
} > "$output"
exit 0
"""
"""A sampler's own columns, and `delta` as the draws; commands say what a row shows."""


def sampled(
    folder: Path, before: str = "", checks: dict[str, Any] | None = None, **settings: Any
) -> tuple[Archive, dict[str, Any]]:
    """Run the step of a small NUTS fit; return its archive, and the notes for the record."""
    method = Nuts(warmup=3, draws=6, **{"chains": 2, **settings})
    with job(folder, before) as made:
        arguments = replace(
            made.arguments, settings=method.settings, checks=checks or {}, jobs=method.jobs
        )
        made = replace(made, arguments=arguments)
        sample_fit.run(made)
    return read_archive(made.outputs["chains"], folder / "read"), made.notes


def seeds_in(archive: Archive) -> list[str]:
    """The seed of each chain, as the scripted program writes it into its rows."""
    return [path.read_text().splitlines()[2].split(".")[0] for path in archive.chains]


def test_chain_without_a_start_is_tried_again_with_a_derived_seed(tmp_path: Path) -> None:
    """A retry takes the seed that the fit's, the chain and the try give; the others keep theirs."""
    second = seed_of(1, "init", "2", "2")
    archive, notes = sampled(
        tmp_path,
        f'case "$*" in *id=2*) [ "$seed" = {second} ] || {{ {NO_START}; }};; esac',
        init_tries=3,
    )
    assert seeds_in(archive) == ["1", str(second)]
    failed, chains = archive.attempts.tried
    assert (failed.name, failed.passed) == ("chain 2", False)
    assert chains.settings == {"seed of chain 2, try 2": second}
    assert archive.attempts.retries == (f"{failed.name}: {failed.because}",)
    assert [note["name"] for note in notes["runs"]] == ["chain 1", "chain 2", "chain 2, try 2"]


def test_a_fit_without_faults_has_no_retries(tmp_path: Path) -> None:
    """Where all goes well, what is declared for faults changes nothing."""
    archive, _ = sampled(tmp_path, init_tries=3)
    assert seeds_in(archive) == ["1", "1"]
    assert archive.attempts.retries == ()
    assert [attempt.passed for attempt in archive.attempts.tried] == [True]


def test_tries_end(tmp_path: Path) -> None:
    """After the last try the step fails with the sampler's words."""
    counted = tmp_path / "starts"
    with pytest.raises(ChainError, match="Initialization failed"):
        sampled(tmp_path, f"echo 1 >> {counted}; {NO_START}", init_tries=3, chains=1)
    assert counted.read_text().count("1") == 3


def test_other_failures_are_not_tried_again(tmp_path: Path) -> None:
    """A program that ends itself for another reason would do so with any seed."""
    counted = tmp_path / "starts"
    with pytest.raises(ChainError, match="no such data"):
        sampled(tmp_path, f"echo 1 >> {counted}; echo no such data; exit 1", init_tries=3, chains=1)
    assert counted.read_text().count("1") == 1


def deltas_in(archive: Archive) -> set[str]:
    """The `adapt_delta` of all draws."""
    return {
        line.rpartition(",")[2]
        for path in archive.chains
        for line in path.read_text().splitlines()[1:]
        if not line.startswith("#")
    }


def test_divergences_have_all_chains_sampled_again(tmp_path: Path) -> None:
    """Each rung is tried in its turn until one shows no more divergences than are allowed."""
    archive, notes = sampled(
        tmp_path,
        SAMPLER % "[ $delta != 0.95 ] && [ $row = 2 ] && diverges=1",
        {"divergences": 0},
        on_divergence={"adapt_delta": [0.9, 0.95, 0.99]},
    )
    attempts = archive.attempts
    assert deltas_in(archive) == {"0.95"}
    assert [attempt.name for attempt in attempts.tried] == [
        "as declared",
        "adapt_delta 0.9",
        "adapt_delta 0.95",
    ]
    assert [attempt.passed for attempt in attempts.tried] == [False, False, True]
    assert attempts.tried[1].settings == {"adapt_delta": 0.9}
    assert attempts.settings["adapt_delta"] == 0.95
    assert Nuts.model_validate(attempts.settings).adapt_delta == 0.95
    assert attempts.retries == (
        "as declared: 2 divergences, where 0 are allowed",
        "adapt_delta 0.9: 2 divergences, where 0 are allowed",
    )
    assert [note["name"] for note in notes["runs"]][2:4] == [
        "chain 1, adapt_delta 0.9",
        "chain 2, adapt_delta 0.9",
    ]


def test_divergences_that_the_checks_allow_have_no_consequence(tmp_path: Path) -> None:
    """The threshold is that of the checks: a number, or a share of the draws of all chains."""
    for allowed in (2, {"share": 0.2}):
        archive, _ = sampled(
            tmp_path,
            SAMPLER % "[ $row = 2 ] && diverges=1",
            {"divergences": allowed},
            on_divergence={"adapt_delta": [0.9]},
        )
        assert deltas_in(archive) == {"0.8"}
        assert archive.attempts.retries == ()


def test_the_last_rung_stands(tmp_path: Path) -> None:
    """Where nothing helps, the last refit's draws are the fit's, and the attempts say so."""
    archive, _ = sampled(
        tmp_path,
        SAMPLER % "diverges=1",
        {"divergences": 0},
        on_divergence={"adapt_delta": [0.9, 0.99]},
    )
    last = archive.attempts.tried[-1]
    assert deltas_in(archive) == {"0.99"}
    assert len(archive.attempts.tried) == 3
    assert not last.passed
    assert last.because == "12 divergences, where 0 are allowed; no refit is left"


def test_repairs_follow_each_other(tmp_path: Path) -> None:
    """Divergences come first; what saturates then is sampled with both, and each is tried once."""
    archive, _ = sampled(
        tmp_path,
        SAMPLER % "tree=$depth; [ $delta = 0.8 ] && diverges=1",
        {"divergences": 0},
        max_treedepth=5,
        on_divergence={"adapt_delta": [0.9, 0.99]},
        on_saturation={"max_treedepth": 7},
    )
    assert [attempt.name for attempt in archive.attempts.tried] == [
        "as declared",
        "adapt_delta 0.9",
        "adapt_delta 0.9, max_treedepth 7",
    ]
    assert archive.attempts.tried[0].because.endswith("12 trajectories cut short")
    assert not archive.attempts.tried[-1].passed
    assert archive.attempts.settings["max_treedepth"] == 7


def test_saturation_alone_is_no_divergence(tmp_path: Path) -> None:
    """What is not declared has no consequence: divergences stay, the depth is raised."""
    archive, _ = sampled(
        tmp_path,
        SAMPLER % "diverges=1; [ $depth = 5 ] && tree=5",
        {},
        max_treedepth=5,
        on_saturation={"max_treedepth": 6},
    )
    assert [attempt.passed for attempt in archive.attempts.tried] == [False, True]
    assert archive.attempts.tried[0].because == "12 trajectories cut short"


REFUSED = [
    (
        "{adapt_delta: 0.9, on_divergence: {adapt_delta: [0.9]}}",
        "a refit with adapt_delta 0.9 after one with 0.9 mends nothing",
    ),
    (
        "{on_divergence: {adapt_delta: [0.99, 0.9]}}",
        "a refit with adapt_delta 0.9 after one with 0.99 mends nothing",
    ),
    (
        "{max_treedepth: 12, on_saturation: {max_treedepth: 12}}",
        "a refit with max_treedepth 12 after one with 12 mends nothing",
    ),
    ("{init: 0, init_tries: 3}", "a chain that starts at zero finds the same in each try"),
]


@pytest.mark.parametrize(("method", "message"), REFUSED)
def test_limits_that_contradict_are_refused(tmp_path: Path, method: str, message: str) -> None:
    """Each has one message, before anything runs."""
    with pytest.raises(DeclarationError) as error:
        write_whole(tmp_path / "config.yaml", DECLARED.replace("METHOD: {}", f"nuts: {method}"))
        load(tmp_path / "config.yaml")
    assert [fault.what for fault in error.value.faults] == [message]
