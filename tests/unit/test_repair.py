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


REFUSED = [
    ("{init: 0, init_tries: 3}", "a chain that starts at zero finds the same in each try"),
]


@pytest.mark.parametrize(("method", "message"), REFUSED)
def test_limits_that_contradict_are_refused(tmp_path: Path, method: str, message: str) -> None:
    """Each has one message, before anything runs."""
    with pytest.raises(DeclarationError) as error:
        write_whole(tmp_path / "config.yaml", DECLARED.replace("METHOD: {}", f"nuts: {method}"))
        load(tmp_path / "config.yaml")
    assert [fault.what for fault in error.value.faults] == [message]
