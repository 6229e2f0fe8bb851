"""The procedure of `laplace`: draws of the normal at the highest mode that several starts reach."""

from __future__ import annotations

from pathlib import Path

from stanchion.errors import ChainError
from stanchion.methods.laplace import Laplace
from stanchion.sampling.archive import Archive
from stanchion.sampling.fit import Failed, Fit, Run
from stanchion.sampling.modes import Search, search
from stanchion.sampling.optimising import searched

_MODE = "mode.csv"


def expanding(fit: Fit, method: Laplace) -> Archive:
    """Expand at the highest mode.

    Raises:
        ChainError: no start ended at a point, or there is no normal at the highest: its Hessian is
            not negative definite.
    """
    result = search(fit, method.optimiser)
    _require_curvature(fit, result)
    run = Run(
        name="the approximation",
        command=tuple(method.command()),
        rows=method.rows(),
        seed=fit.seed,
        mode=_mode(fit, result),
    )
    (made,) = fit.run([run])
    if isinstance(made, Failed):
        words = made.because.splitlines()[-1].strip()
        raise _no_normal(fit, f"CmdStan says: {words}")
    return searched(fit, method, result, made.csv)


def _mode(fit: Fit, result: Search) -> Path:
    """Write the mode as CmdStan reads it, without the clock that its optimiser's comments hold."""
    lines = result.highest.made.csv.read_text().splitlines()
    path = fit.path(_MODE)
    rows = [line for line in lines if line and not line.startswith("#")]
    path.write_text("\n".join(["# method = optimize", *rows]) + "\n")
    return path


def _require_curvature(fit: Fit, result: Search) -> None:
    modes = result.modes
    if modes.evaluated and modes.unconstrained and not modes.covariance:
        where = f" ({modes.parameter_because})" if modes.parameter_because else ""
        raise _no_normal(fit, f"{modes.because}{where}")


def _no_normal(fit: Fit, because: str) -> ChainError:
    return ChainError(
        f"there is no Laplace approximation at the highest mode: {because}",
        where=str(fit.job.log),
        todo="look for parameters that the data cannot tell apart and for a mode at a bound, or "
        "use `method: nuts`",
    )
