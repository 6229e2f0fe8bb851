"""A fit's procedure runs programs by their own keys, and leaves its chains and what was tried."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from unittest import mock

import pytest

from stanchion.draws.attempts import Attempt, Attempts
from stanchion.errors import ChainError
from stanchion.methods.nuts import Nuts
from stanchion.plan.arguments import ProgramVariables, SampleFit
from stanchion.plan.job import Job
from stanchion.sampling.archive import Archive, read_archive
from stanchion.sampling.catalogue import PROCEDURES
from stanchion.sampling.fit import Failed, Fit, Made, Run
from stanchion.stan.rows import Rows
from stanchion.steps import sample_chain, sample_fit
from tests.unit.test_sample_chain import MADE_OF, PROGRAM
from tests.unit.test_sample_chain import job as chain_job

COMMAND = ("method=sample", "num_samples=6", "num_warmup=3")
NONE = ProgramVariables(
    declared={}, parameters=None, observed=None, replicated=None, predicted=None
)


class Twice(Nuts):
    """A method whose procedure is a test's."""

    method: Literal["nuts"] = "nuts"

    @property
    def procedure(self) -> str:
        return "test"


def run_of(chain: int, **changes: Any) -> Run:
    content = {"command": COMMAND, "rows": Rows(6), "seed": 1, **changes}
    return Run(name=f"chain {chain}", chain=chain, **content)


def kept(fit: Fit, results: list[Made]) -> Archive:
    tried = Attempt(
        name="all", settings={}, runs=("chain_1",), gradients=None, passed=True, because="it is"
    )
    attempts = Attempts(method="nuts", method_version=1, settings={}, tried=(tried,))
    return Archive([result.csv for result in results], attempts, {"left.csv": results[0].csv})


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STANCHION_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data.json").write_text("{}")
    return tmp_path / "cache"


@contextmanager
def job(folder: Path, before: str = "") -> Iterator[Job[SampleFit]]:
    """A job of a fit whose program writes rows of its seed, after some commands of a shell."""
    program = folder / "program"
    program.write_text(PROGRAM % before)
    program.chmod(0o755)
    output = folder / "staged" / "chains.zip"
    output.parent.mkdir(exist_ok=True)
    descriptor = os.open(program, os.O_RDONLY)
    arguments = SampleFit(
        method="nuts",
        method_version=Nuts.version,
        settings={},
        seed=1,
        checks={},
        keep=(),
        variables=NONE,
        jobs=2,
        threads=1,
        time_limit=None,
        fit="a/d/m/nuts",
    )
    try:
        yield Job(
            step="sample_fit",
            key="k",
            arguments=arguments,
            inputs={"data": folder / "data.json", "executable": program},
            outputs={"chains": output},
            log=folder / "logs" / "sample_fit.log",
            descriptors={"executable": descriptor},
            made_of={**MADE_OF, "step": "sample_fit", "upstream": ["d", "p", "another"]},
            made_in={"run": "r"},
        )
    finally:
        os.close(descriptor)


def sampled(made: Job[SampleFit], procedure: Any) -> Archive:
    with (
        mock.patch.dict(PROCEDURES, {"test": procedure}),  # type: ignore[arg-type]
        mock.patch("stanchion.steps.sample_fit.method_of", return_value=Twice),
    ):
        sample_fit.run(made)
    return read_archive(made.outputs["chains"], made.outputs["chains"].parent / "out")


def both(fit: Fit, _method: Nuts) -> Archive:
    results = fit.run([run_of(1), run_of(2)])
    return kept(fit, [result for result in results if isinstance(result, Made)])


def test_archive_holds_chains_and_what_was_tried(tmp_path: Path) -> None:
    """What was run comes back as it was written, chains in their order, and the rest by name."""
    with job(tmp_path) as made:
        archive = sampled(made, both)
    assert [path.name for path in archive.chains] == ["chain_1.csv", "chain_2.csv"]
    assert "1.5,6" in archive.chains[1].read_text()
    assert list(archive.others) == ["left.csv"]
    assert archive.attempts.tried[0].because == "it is"
    assert [note["name"] for note in made.notes["runs"]] == ["chain 1", "chain 2"]


def test_run_has_the_key_of_the_plain_chain(tmp_path: Path) -> None:
    """A chain that a procedure ran is in the cache under the key of the plain chain."""
    with job(tmp_path) as made:
        sampled(made, both)
    with chain_job(tmp_path, saving=None, before="exit 1") as plain:
        assert plain.key == made.notes["runs"][0]["key"]
        with pytest.raises(ChainError):
            sample_chain.run(plain)  # it is the runner that looks into the cache
    with job(tmp_path, before="exit 1") as again:
        archive = sampled(again, both)
    assert "1.5,6" in archive.chains[0].read_text()
    assert [set(note) for note in again.notes["runs"]] == [{"name", "key", "reused"}] * 2


def test_program_that_fails_is_the_procedures_to_judge(tmp_path: Path) -> None:
    """One run that ends itself leaves the others what they are, and says its last words."""
    seen: list[Made | Failed] = []

    def failing(fit: Fit, _method: Nuts) -> Archive:
        seen.extend(fit.run([run_of(1), run_of(2, seed=9)]))
        return kept(fit, [result for result in seen if isinstance(result, Made)])

    with job(tmp_path, before='[ "$seed" = 9 ] && { echo "no start"; exit 1; }') as made:
        sampled(made, failing)
    assert isinstance(seen[1], Failed)
    assert "no start" in seen[1].because
    assert "no start" in made.notes["runs"][1]["failed"]


def test_archive_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    """An archive that is not whole gives one sentence."""
    path = tmp_path / "chains.zip"
    with job(tmp_path) as made:
        sampled(made, both)
        path.write_bytes(made.outputs["chains"].read_bytes()[:-100])
    with pytest.raises(ChainError, match="is not whole"):
        read_archive(path, tmp_path / "out")
