"""What decides whether a fit stops is what the gate will judge, read as the chains grow."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from stanchion.draws.files import Scalars, gated
from stanchion.draws.naming import Naming, Roles
from stanchion.draws.stan_csv import read_chains
from stanchion.draws.tree import posterior_tree
from stanchion.errors import ChainError
from stanchion.plan.arguments import ProgramVariables
from stanchion.sampling.drawn import DrawnSoFar
from stanchion.stan.rows import Rows
from tests.unit.draws_cases import variables, write_chains

DECLARED = variables(
    parameters="real mu; vector[E] nothing; matrix[2,3] slope; tuple pair; complex z",
    transformed_parameters="real[E,3] no_rows; real[2] log_lik; real lprior",
    generated_quantities="real y; real[2] place; real[E] none",
)
HEADERS = (
    *("mu", "slope.1.1", "slope.2.1", "slope.1.2", "slope.2.2", "slope.1.3", "slope.2.3"),
    *("pair:1", "pair:2.1", "pair:2.2", "z.real", "z.imag", "log_lik.1", "log_lik.2", "lprior"),
    *("y", "place.1", "place.2"),
)
CHAINS = 2


def drawn_so_far(folder: Path, *others: str) -> DrawnSoFar:
    (folder / "data.json").write_text(json.dumps({"E": 0, "y": [1, 2]}))
    program = ProgramVariables(
        declared=DECLARED, parameters=None, observed=None, replicated=None, predicted=None
    )
    return DrawnSoFar(program, folder / "data.json", others, CHAINS)


def chains(folder: Path, draws: int, **sampler: float) -> list[Path]:
    """Chains of which the longer ones begin with the shorter."""
    drawn = []
    for seed in range(CHAINS):
        rng = np.random.default_rng(seed)
        numbers = rng.normal(size=(100, len(HEADERS)))[:draws]
        drawn.append(dict(zip(HEADERS, numbers.T, strict=True)))
    return write_chains(folder, drawn, lp__=drawn[0]["mu"], energy__=1.0, **sampler)


def judged(paths: list[Path], draws: int) -> Scalars:
    """What the gate judges of all that the chains hold."""
    naming = Naming.of(DECLARED, {"E": 0}, {"sizes": {}})
    return gated(posterior_tree(read_chains(paths, Rows(draws)), naming, Roles(), {}))


def test_they_are_what_the_gate_judges(tmp_path: Path) -> None:
    """Names, values, order and types are those of the draws that are collected in the end."""
    drawn = drawn_so_far(tmp_path, "place")
    for draws in (10, 20, 45):
        paths = chains(tmp_path, draws)
        assert drawn.take(paths, Rows(draws)) is not None
        expected = judged(paths, draws)
        assert drawn.gated().names == expected.names
        assert np.array_equal(drawn.gated().values, expected.values)
        assert drawn.gated().variables == expected.variables
    assert len(expected.names) == 1 + len(HEADERS) - 3


def test_others_are_those_that_were_named(tmp_path: Path) -> None:
    """Of generated quantities only those are read whose error is asked for."""
    drawn = drawn_so_far(tmp_path, "place", "mu", "none")
    paths = chains(tmp_path, 10)
    drawn.take(paths, Rows(10))
    assert drawn.others().names == ["place[1]", "place[2]"]
    whole = read_chains(paths, Rows(10))
    indices = [whole.columns.index(f"place.{i}") for i in (1, 2)]
    assert np.array_equal(drawn.others().values, whole.values[:, :, indices])


def test_leapfrog_steps_are_those_of_new_draws(tmp_path: Path) -> None:
    """Each draw counts once; what is no number is not known."""
    drawn = drawn_so_far(tmp_path)
    assert drawn.take(chains(tmp_path, 10, n_leapfrog__=7), Rows(10)) == 2 * 10 * 7
    assert drawn.take(chains(tmp_path, 25, n_leapfrog__=7), Rows(25)) == 2 * 15 * 7
    assert drawn_so_far(tmp_path).take(chains(tmp_path, 9, n_leapfrog__=np.nan), Rows(9)) is None


def test_chains_of_other_columns_are_refused(tmp_path: Path) -> None:
    """Chains of two programs are no chains of a fit."""
    paths = chains(tmp_path, 10)
    paths[1].write_text(paths[1].read_text().replace("pair:1", "z.imag", 1))
    with pytest.raises(ChainError, match="different columns"):
        drawn_so_far(tmp_path).take(paths, Rows(10))
