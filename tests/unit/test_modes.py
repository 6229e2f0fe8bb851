"""Modes from several starts, of densities that are known, without CmdStan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stanchion.draws.modes import Modes
from stanchion.errors import ChainError
from stanchion.methods.laplace import Laplace
from stanchion.methods.optimize import Optimize
from stanchion.sampling.expanding import expanding
from stanchion.sampling.fit import Failed, Made, Run
from stanchion.sampling.modes import search
from stanchion.stan.points import CannotEvaluateError, Points
from stanchion.stan.process import ProgramFailedError

Floats = NDArray[np.float64]
HEAD = "# method = optimize\nlp__,converged__,mu,sigma,again\n"


@dataclass
class Density:
    """Two normals, of mu about -3 and about 3, that are equally likely; sigma ~ lognormal(0, 1)."""

    ends: Sequence[tuple[float, float, int] | str]
    """Where each start ends, mu and log(sigma), with the optimiser's code; or why it failed."""
    folder: Path
    fault: Exception | None = None
    gradient: Callable[[Floats], Floats] = field(
        default=lambda x: np.column_stack([np.sign(x[:, 0]) * 3 - x[:, 0], -x[:, 1]])
    )

    refusal: str = ""
    """What CmdStan says of an expansion that it refuses."""
    read_modes: list[str] = field(default_factory=list)

    @property
    def job(self) -> Any:
        return SimpleNamespace(log=self.folder / "log", path=lambda name: self.folder / name)

    seed = 1

    def path(self, name: str) -> Path:
        return self.folder / name

    def run(self, runs: Sequence[Run]) -> list[Made | Failed]:
        results: list[Made | Failed] = []
        if runs[0].mode is not None:
            self.read_modes.append(runs[0].mode.read_text())
            csv = self.folder / runs[0].file
            return [Failed(runs[0], self.refusal) if self.refusal else Made(runs[0], csv)]
        for run, end in zip(runs, self.ends, strict=True):
            if isinstance(end, str):
                results.append(Failed(run, f"{run.name} failed with exit code 1;\n{end}"))
                continue
            mu, log_sigma, code = end
            lp = -((abs(mu) - 3) ** 2) / 2 - log_sigma**2 / 2
            row = (lp, code, mu, np.exp(log_sigma), mu)
            csv = self.folder / run.file
            csv.write_text(HEAD + ",".join(repr(float(x)) for x in row) + "\n")
            results.append(Made(run, csv))
        return results

    def evaluate(self, points: Floats | Path) -> Points:
        if self.fault is not None:
            raise self.fault
        if isinstance(points, Path):
            row = points.read_text().splitlines()[-1].split(",")
            points = np.array([[float(row[2]), np.log(float(row[3]))]])
        none = np.zeros(len(points))
        gradient = self.gradient(points)
        sigma = np.exp(points[:, 1])
        return Points(
            names=("mu", "sigma"),
            unconstrained=points,
            lp=none,
            lp_no_jacobian=none,
            lp_propto=none,
            lp_propto_no_jacobian=none,
            gradient=gradient,
            gradient_no_jacobian=gradient,
            columns=("mu", "sigma", "again"),
            values=np.column_stack([points[:, 0], sigma, points[:, 0]]),
        )


def modes_of(
    folder: Path, *ends: tuple[float, float, int] | str, fault: Exception | None = None
) -> Modes:
    return search(Density(ends, folder, fault), Optimize(starts=len(ends))).modes  # type: ignore[arg-type]


AT_MODE, BELOW = (3.0, 0.0, 31), (2.9999, 1e-4, 20)


def test_starts_that_end_together_are_one_mode(tmp_path: Path) -> None:
    """Ends within a tenth of a standard error are one mode, which has the errors of its density."""
    modes = modes_of(tmp_path, BELOW, AT_MODE, (3.0001, 0.0, 10))
    (mode,) = modes.modes
    assert (mode.log_density, mode.starts) == (0, (1, 2, 3))
    assert modes.unconstrained == (3.0, 0.0)
    np.testing.assert_allclose(modes.errors, [1, 1, 1], rtol=1e-6)
    assert modes.distance == 0 and modes.without == 0 and not modes.stopped
    modes.write(tmp_path / "modes.json")
    assert Modes.read(tmp_path / "modes.json") == modes


def test_modes_of_one_density_are_told_apart_by_position(tmp_path: Path) -> None:
    """Two modes as high as each other are two; one that is lower comes after the highest."""
    modes = modes_of(tmp_path, (-3.0, 0.0, 31), AT_MODE, (3.0, 0.5, 31))
    assert [mode.starts for mode in modes.modes] == [(1,), (2,), (3,)]
    assert modes.modes[2].log_density == pytest.approx(-0.125)
    just_apart = modes_of(tmp_path, AT_MODE, (3.09, 0.0, 31), (3.0, 0.11, 31))
    assert [mode.starts for mode in just_apart.modes] == [(1, 2), (3,)]


def test_a_start_without_a_mode_is_counted_and_no_mode(tmp_path: Path) -> None:
    """What met its most iterations, failed, or ended at no number, is none of the modes."""
    modes = modes_of(tmp_path, (1.0, 0.0, 40), "Line search failed", AT_MODE, (np.nan, 0.0, 31))
    assert [mode.starts for mode in modes.modes] == [(3,)]
    assert modes.without == 3 and modes.returned.endswith("`tol_rel_grad` allows")


def test_the_highest_end_stands_even_where_it_is_no_mode(tmp_path: Path) -> None:
    """A start that was still climbing above all modes is what is judged, and it is no mode."""
    result = search(Density([(1.0, 0.0, 31), (2.5, 0.0, 40)], tmp_path), Optimize(starts=2))  # type: ignore[arg-type]
    assert result.highest.number == 2 and result.modes.stopped
    assert result.modes.distance == pytest.approx(0.5)
    assert [attempt.passed for attempt in result.tried] == [True, False, False]
    assert "met its most iterations" in result.tried[1].because


def test_no_end_at_all_is_a_failure(tmp_path: Path) -> None:
    """Where every start fails, the fit does, with the words of the first."""
    with pytest.raises(ChainError, match=r"(?s)at no point, from 2 starts.*Line search failed"):
        modes_of(tmp_path, "Line search failed", "Initialization failed.")


@pytest.mark.parametrize(
    ("fault", "evaluated", "words"),
    [
        (CannotEvaluateError("another CmdStan"), False, "another CmdStan"),
        (
            ProgramFailedError("it failed:\n  sigma is zero"),
            True,
            "fails at the mode: sigma is zero",
        ),
    ],
)
def test_without_the_program_at_the_mode_there_are_no_errors(
    tmp_path: Path, fault: Exception, evaluated: bool, words: str
) -> None:
    """Modes are told apart by a share of their values then, and nothing else is known."""
    modes = modes_of(tmp_path, AT_MODE, (3.0002, 0.0, 31), (-3.0, 0.0, 31), fault=fault)
    assert [mode.starts for mode in modes.modes] == [(1, 2), (3,)]
    assert modes.evaluated == evaluated and words in modes.because
    assert np.isnan(modes.distance) and modes.errors == ()


def test_an_end_at_a_bound_has_no_errors(tmp_path: Path) -> None:
    """A scale of zero has a logarithm that is no number."""
    with np.errstate(divide="ignore"):
        modes = modes_of(tmp_path, (3.0, -800.0, 31))
    assert modes.errors == () and np.isnan(modes.distance)
    assert modes.because and modes.parameter_because == "sigma"


def test_an_expansion_is_at_the_highest_mode(tmp_path: Path) -> None:
    """CmdStan is given the highest end, without what its optimiser says of the hour."""
    density = Density([(3.0, 0.5, 31), AT_MODE], tmp_path)
    archive = expanding(density, Laplace(starts=2))  # type: ignore[arg-type]
    (mode,) = density.read_modes
    assert mode == "# method = optimize\nlp__,converged__,mu,sigma,again\n-0.0,31.0,3.0,1.0,3.0\n"
    assert archive.attempts.method == "laplace"
    assert set(archive.others) == {"start_1.csv", "start_2.csv", "modes.json"}


def test_an_expansion_without_a_normal_is_one_sentence(tmp_path: Path) -> None:
    """A ridge is seen before CmdStan runs; what CmdStan refuses itself is said with its words."""
    flat = Density([AT_MODE], tmp_path, gradient=lambda x: np.column_stack([-x[:, 0], 0 * x[:, 1]]))
    with pytest.raises(ChainError, match=r"no Laplace approximation.*does not fall.*\(sigma\)"):
        expanding(flat, Laplace(starts=1))  # type: ignore[arg-type]
    assert flat.read_modes == []
    refused = Density([AT_MODE], tmp_path, refusal="it failed:\n  not positive definite")
    with pytest.raises(ChainError, match="CmdStan says: not positive definite"):
        expanding(refused, Laplace(starts=1))  # type: ignore[arg-type]
