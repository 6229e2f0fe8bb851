"""Stan's names and the order of its columns."""

from __future__ import annotations

import numpy as np
import pytest

from stanchion.draws.columns import Column, containers, default_pattern, scalar_names
from stanchion.errors import ChainError
from tests.project import REFERENCE
from tests.unit.draws_cases import read_whole


@pytest.mark.parametrize(
    ("header", "variable", "indices", "name"),
    [
        ("mu", "mu", (), "mu"),
        ("theta.3", "theta", (2,), "theta[3]"),
        ("L.2.1", "L", (1, 0), "L[2,1]"),
        ("x:1", "x.1", (), "x.1"),
        ("x.1:2", "x.2", (0,), "x[1].2"),
        ("x.1:2.3", "x.2", (0, 2), "x[1].2[3]"),
        ("x.2.1:1:2.4", "x.1.2", (1, 0, 3), "x[2,1].1.2[4]"),
        ("z.real", "z", (0,), "z[real]"),
        ("z.2.imag", "z", (1, 1), "z[2,imag]"),
    ],
)
def test_a_column_is_a_place_in_a_container(
    header: str, variable: str, indices: tuple[int, ...], name: str
) -> None:
    """A header gives the container, the place in it from 0, and Stan's name."""
    column = Column.parse(header)
    assert (column.variable, column.indices, column.name) == (variable, indices, name)


def test_arrays_are_in_column_major_order() -> None:
    """Stan's first index runs fastest; element [i,j] of the array is the column M.i.j."""
    headers = [f"M.{row}.{column}" for column in (1, 2, 3) for row in (1, 2)]
    values = np.arange(12.0).reshape(1, 2, 6)
    (matrix,) = containers(headers)
    array = matrix.of(values)
    assert array.shape == (1, 2, 2, 3)
    for index, header in enumerate(headers):
        row, column = (int(part) - 1 for part in header.split(".")[1:])
        assert array[0, 1, row, column] == values[0, 1, index]
    assert np.shares_memory(array, values)


def test_slots_of_an_array_of_tuples_are_gathered() -> None:
    """The columns of a slot do not adjoin, and still end up in one array."""
    headers = ["x.1:1", "x.1:2.1", "x.1:2.2", "x.2:1", "x.2:2.1", "x.2:2.2"]
    values = np.arange(6.0).reshape(1, 1, 6)
    first, second = containers(headers)
    assert (first.name, first.of(values)[0, 0].tolist()) == ("x.1", [0, 3])
    assert (second.name, second.of(values)[0, 0].tolist()) == ("x.2", [[1, 2], [4, 5]])
    assert list(scalar_names(second.pattern, (2, 2)))[1:3] == ["x[1].2[2]", "x[2].2[1]"]


def test_names_follow_from_pattern_and_shape() -> None:
    """The last index runs fastest; a complex number has two parts."""
    assert list(scalar_names(default_pattern("a", 2), (2, 2))) == [
        "a[1,1]",
        "a[1,2]",
        "a[2,1]",
        "a[2,2]",
    ]
    assert list(scalar_names("mu", ())) == ["mu"]
    assert list(scalar_names("z[#]", (2,), is_complex=True)) == ["z[real]", "z[imag]"]
    assert list(scalar_names("e[#]", (0,))) == []


def test_a_missing_element_is_an_error() -> None:
    """A container with holes is refused."""
    with pytest.raises(ChainError, match="2 of 3 elements of theta"):
        containers(["theta.1", "theta.3"])


def test_cmdstan_s_containers() -> None:
    """Every kind of container that CmdStan writes has its declared shape."""
    path = REFERENCE / "cmdstan" / "expected" / "sample_shapes" / "out.csv"
    chains = read_whole([path])
    result = {c.name: c for c in containers(chains.columns)}
    shapes = {name: c.positions.shape for name, c in result.items() if not name.endswith("__")}
    assert shapes == {
        "bounded": (), "ord": (3,), "p": (3,), "u": (3,), "L": (3, 3), "S": (2, 2),
        "grid": (2, 3), "M": (2, 3), "tup.1": (), "tup.2": (2,), "z": (2,), "R": (3, 3),
        "k": (), "pair": (2, 2),
    }  # fmt: skip
    factor, correlation = result["L"].of(chains.values), result["R"].of(chains.values)
    np.testing.assert_allclose(factor @ factor.swapaxes(2, 3), correlation, atol=1e-5)
