"""What the driver's method `evaluate` is asked and says, as arrays."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from stanchion.errors import ChainError
from stanchion.stan.points import CannotEvaluateError, Points, evaluate
from stanchion.stan.process import ProgramFailedError

HEADER = (
    "lp__,lp_no_jacobian__,lp_propto__,lp_propto_no_jacobian__,"
    "unconstrained__.m,unconstrained__.s.1,gradient__.m,gradient__.s.1,"
    "gradient_no_jacobian__.m,gradient_no_jacobian__.s.1,m,s.1,twice"
)
ROWS = "# method = evaluate\n" + HEADER + "\n1,2,3,4,5,6,7,8,9,10,11,12,13\n-inf,{}\n"
REJECTED = ",".join(["-inf"] * 3 + ["0.5"] * 2 + ["nan"] * 7)
POINTS = np.array([[5.0, 6.0], [0.5, 0.5]])


def program_of(
    text: str, seen: list[list[str]] | None = None
) -> Callable[[Sequence[str], str], None]:
    """Return a program that writes this text to its output file."""

    def program(arguments: Sequence[str], _name: str) -> None:
        if seen is not None:
            seen.append(list(arguments))
        target = arguments[arguments.index("output") + 1].removeprefix("file=")
        Path(target).write_text(text)

    return program


def read(folder: Path, text: str) -> Points:
    return evaluate(program_of(text), POINTS, data=folder / "data.json", folder=folder)


def test_columns_become_arrays_by_what_they_are(tmp_path: Path) -> None:
    """Densities, both gradients and the variables stand apart; a rejected point has no numbers."""
    points = read(tmp_path, ROWS.format(REJECTED))
    assert points.names == ("m", "s.1") and points.columns == ("m", "s.1", "twice")
    assert [points.lp[0], points.lp_no_jacobian[0]] == [1, 2]
    assert [points.lp_propto[0], points.lp_propto_no_jacobian[0]] == [3, 4]
    assert points.unconstrained.tolist() == POINTS.tolist()
    assert points.gradient[0].tolist() == [7, 8]
    assert points.gradient_no_jacobian[0].tolist() == [9, 10]
    assert points.values[0].tolist() == [11, 12, 13]
    assert points.lp[1] == -np.inf
    assert np.isnan(points.gradient[1]).all() and np.isnan(points.values[1]).all()


def test_points_are_asked_for_on_either_scale(tmp_path: Path) -> None:
    """An array is of the unconstrained scale, and to the last bit; a file of the declared one."""
    seen: list[list[str]] = []
    program, data = program_of(ROWS.format(REJECTED), seen), tmp_path / "data.json"
    third = np.array([[1 / 3, 0.1 + 0.2]])
    evaluate(program, third, data=data, folder=tmp_path, seed=4)
    evaluate(program, tmp_path / "fit.csv", data=data, folder=tmp_path, generated_quantities=True)
    path = Path(seen[0][1].removeprefix("unconstrained_params="))
    assert json.loads(path.read_text())["params_r"] == third.tolist()
    assert {"generated_quantities=0", "seed=4"} < set(seen[0])
    assert {f"constrained_params={tmp_path}/fit.csv", "generated_quantities=1"} < set(seen[1])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# method = evaluate\n",
        HEADER + "\n1,2,3\n",
        HEADER + "\n" + ",".join("x" * 13),
        "lp__,m\n1,2\n",
    ],
    ids=["nothing", "no header", "cut off", "no numbers", "other columns"],
)
def test_what_is_not_whole_is_refused(tmp_path: Path, text: str) -> None:
    """A file that is cut off, or of another method, gives one sentence and no numbers."""
    with pytest.raises(ChainError, match="the evaluated points are not whole"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ('evaluate is not a valid value for "method"', CannotEvaluateError),
        ("evaluate is either mistyped or misplaced.", CannotEvaluateError),
        ("Exception: normal_lpdf: Scale parameter is 0", ProgramFailedError),
    ],
)
def test_another_cmdstan_is_one_sentence(tmp_path: Path, words: str, kind: type[Exception]) -> None:
    """A program of another CmdStan says that it cannot, and what to do; other failures stay."""

    def program(_arguments: Sequence[str], _name: str) -> None:
        raise ProgramFailedError(f"the log density failed; the sampler's last words:\n  {words}")

    with pytest.raises(kind, match=r"stanchion toolchain|Scale parameter"):
        evaluate(program, POINTS, data=tmp_path / "data.json", folder=tmp_path)
