"""Agreement of what is supplied with the program's `data` block, and Stan JSON files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from stanchion.datasets import missing_switch
from tests.unit.datasets_cases import SCHOOLS, built, data_block, faults, write


@pytest.fixture
def schools(tmp_path: Path) -> Path:
    """Four schools."""
    return write(tmp_path, "schools.csv", SCHOOLS)


def test_every_variable_that_is_not_supplied(schools: Path) -> None:
    """Each is named with its declared type, and with what is supplied under a similar name."""
    block = ["int J", "real[J] sigma", "real[J, K] X"]
    sigma, matrix = faults(schools, {"J": "nrow()", "sigm": "se"}, block)
    assert sigma.what == "the program's data `sigma` (real, 1 dimension [J]) is not supplied"
    assert sigma.todo == "add `sigma: …`; `sigm` is supplied, and the program has none"
    assert sigma.key == "datasets.schools.stan.sigma"
    assert "real, 2 dimensions [J, K]" in matrix.what


def test_a_mapping_may_hold_more_than_a_program_takes(schools: Path) -> None:
    """Programs that share a dataset take what they declare; the rest is noted."""
    data = built(schools, {"J": "nrow()", "y": "effect"}, ["int J"])
    assert data.values == {"J": 4}
    assert data.meta["unused"] == ["y"]


@pytest.mark.parametrize(
    ("stan", "declared", "says"),
    [
        ({"y": 2.5}, "int y", "`y` is declared int and holds 2.5"),
        ({"y": 3.0}, "int y", "`y` is declared int and holds 3.0"),
        ({"y": "half"}, "int[4] y", "`y` is declared int and holds 0.5"),
        ({"y": 2**31}, "int y", "more than Stan's int can"),
        ({"y": 1}, "real[4] y", "`y` has 0 dimensions, not 1"),
        ({"y": ["se"]}, "real[4] y", "`y` has 2 dimensions, not 1"),
        ({"y": "se"}, "real y", "`y` has 1 dimension, not 0"),
        ({"y": [[1], [2, 3]]}, "real[2, 2] y", "`y` is ragged"),
        ({"y": [[1], 2]}, "real[2, 2] y", "`y` is ragged"),
        ({"y": "se"}, "real[3] y", "`y` has 4 values, and 3 is 3"),
        ({"y": "se", "N": 5}, "real[N] y", "`y` has 4 values, and N is 5"),
        ({"y": ["se", "se"], "K": 3}, "real[N, K] y", "has 2 values in dimension 2, and K is 3"),
        ({"y": [], "N": 5}, "real[N] y", "`y` is empty"),
    ],
)
def test_values_that_do_not_agree(
    tmp_path: Path, stan: dict[str, Any], declared: str, says: str
) -> None:
    """Another type, number of dimensions or size is a fault that names the variable."""
    path = write(tmp_path, "a.csv", "se,half\n1,0.5\n2,1.5\n3,2.5\n4,3.5\n")
    block = [declared, *(f"int {name}" for name in stan if name in ("N", "K"))]
    (fault,) = faults(path, stan, block)
    assert says in fault.what
    assert fault.key == "datasets.schools.stan.y"


@pytest.mark.parametrize(
    ("value", "declared"),
    [
        ([], "real[N, K] y"),
        ([[], []], "real[2, N] y"),
        (3, "real y"),
        ([[1, 2.5]], "real[1, M + 1] y"),
        ([2**31], "real[1] y"),
        ([[1, 2], [3, 4]], "complex[2] y"),
    ],
)
def test_values_that_agree(schools: Path, value: object, declared: str) -> None:
    """Empty arrays fit any empty shape, int goes for real, a complex number is a pair."""
    data = built(schools, {"y": value, "N": 0, "K": 3}, [declared, "int N", "int K"])
    assert data.values["y"] == value


def test_the_prior_switch_is_ours(tmp_path: Path, schools: Path) -> None:
    """`prior_only` is 0 where the program declares it, whatever mapping or file say."""
    block = ["int J", "int prior_only"]
    data = built(schools, {"J": "nrow()", "prior_only": 1}, block)
    assert data.values == {"J": 4, "prior_only": 0}
    assert data.meta["prior_only"] is True
    path = write(tmp_path, "a.json", '{"J": 8, "prior_only": 1}')
    assert built(path, {}, block).values == {"J": 8, "prior_only": 0}
    plain = built(path, {}, ["int J"])
    assert (plain.meta["prior_only"], plain.meta["unused"]) == (False, ["prior_only"])


def test_a_prior_without_a_switch_says_what_to_add() -> None:
    """Without the switch there is a fault with the lines to add; with it there is none."""
    key = "analyses.coaching.prior_predictive"
    fault = missing_switch("stan/a.stan", key, data_block("int N"), lambda key: "c.yaml:9")
    assert fault is not None
    assert fault.where == "c.yaml:9"
    assert fault.todo is not None
    assert "`int<lower=0, upper=1> prior_only;`" in fault.todo
    assert "`if (!prior_only) { … }`" in fault.todo
    assert missing_switch("stan/a.stan", key, data_block("int prior_only")) is None


def test_a_json_file_passes_through(tmp_path: Path) -> None:
    """What the program declares is passed on, the rest noted; specials become numbers."""
    text = '{"J": 2, "y": [1, 2.5], "s": ["NaN", "-Inf"], "note": "kept elsewhere", "t": {"1": 1}}'
    path = write(tmp_path, "a.json", text)
    data = built(path, {}, ["int J", "real[J] y", "real[J] s", "tuple t"])
    values = dict(data.values)
    nan, infinite = values.pop("s")
    assert math.isnan(nan)
    assert infinite == -math.inf
    assert values == {"J": 2, "y": [1, 2.5], "t": {"1": 1}}
    assert data.meta["unused"] == ["note"]
    assert data.meta["rows"] is None


def test_a_json_file_with_a_mapping(tmp_path: Path) -> None:
    """A model may add constants and take a variable under another name, and nothing else."""
    path = write(tmp_path, "a.json", '{"J": 2, "score": [1, 2]}')
    block = ["int J", "real[J] y", "int grain"]
    data = built(path, {}, block, mapping={"y": "score", "grain": 5})
    assert data.values == {"J": 2, "y": [1, 2], "grain": 5}
    (fault,) = faults(path, {}, block, mapping={"y": "index(score)", "grain": 5})
    assert fault.key == "models.pooled.stan.y"
    assert "is no table" in fault.what


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"J": 2.0}', "`J` is declared int and holds 2.0"),
        ('{"J": true}', "`J` holds True, which is no number"),
        ('{"J": null}', "`J` holds None, which is no number"),
        ('{"J": "two"}', "`J` holds 'two', which is no number"),
        ('{"J": {"1": 1}}', "which is no number"),
        ('{"J": [1]}', "`J` has 1 dimension, not 0"),
        ('{"J": 1, "J": 2}', "`J` stands there twice"),
        ("[1]", "holds no JSON object"),
        ('{"J": 1e999}', "beyond what a number can hold"),
    ],
)
def test_a_json_file_that_does_not_agree(tmp_path: Path, text: str, says: str) -> None:
    """What CmdStan's reader would refuse, or read as something else, is refused here."""
    (fault,) = faults(write(tmp_path, "a.json", text), {}, ["int J"])
    assert says in str(fault)


def test_a_json_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A syntax error names its line; a file that is not there is named."""
    path = write(tmp_path, "a.json", '{"J": 1,\n "y": [1,, 2]}')
    (fault,) = faults(path, {}, ["int J"])
    assert fault.where == f"{path}:2"
    (fault,) = faults(tmp_path / "gone.json", {}, ["int J"])
    assert "No such file" in fault.what
