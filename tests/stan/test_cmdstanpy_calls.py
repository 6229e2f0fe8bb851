"""What cmdstanpy documents of its calls, one by one, on the toolchain that Stanchion uses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cmdstanpy
import numpy as np
import pytest

from tests.stan.normal import DATA, MEAN

pytestmark = pytest.mark.stan

START = {"mu": 0.5, "sigma": 2.0}
QUICK: dict[str, Any] = {
    "iter_warmup": 50,
    "iter_sampling": 20,
    "seed": 20,
    "show_progress": False,
}
Model = cmdstanpy.CmdStanModel


def still(model: Model, inits: Any, chains: int = 2) -> np.ndarray[Any, Any]:
    """Return where chains stand that do not move: mu and sigma of each chain's first draw."""
    result = model.sample(
        DATA,
        inits=inits,
        chains=chains,
        fixed_param=True,
        iter_sampling=1,
        show_progress=False,
        force_one_process_per_chain=True,  # else cmdstanpy does not pass the number of chains on
    )
    return result.draws()[0, :, [result.column_names.index(name) for name in START]].T


def test_inits_are_taken_in_every_form(model: Model, tmp_path: Path) -> None:
    """A dict or a file is for all chains, a list of either for each, 0 is zero unconstrained."""
    file = tmp_path / "start.json"
    file.write_text(json.dumps(START))
    other = {"mu": -1.0, "sigma": 3.0}
    (tmp_path / "other.json").write_text(json.dumps(other))
    same, both = [[0.5, 2.0]] * 2, [[0.5, 2.0], [-1.0, 3.0]]
    assert still(model, START).tolist() == same
    assert still(model, str(file)).tolist() == same
    assert still(model, [START, other]).tolist() == both
    assert still(model, [str(file), str(tmp_path / "other.json")]).tolist() == both
    assert still(model, 0).tolist() == [[0.0, 1.0]] * 2
    assert (np.abs(still(model, 0.001)[:, 0]) <= 0.001).all()


@pytest.mark.parametrize(
    "given",
    [
        lambda folder: {"inv_metric": [0.25, 0.5]},
        lambda folder: [{"inv_metric": [0.25, 0.5]}] * 2,
        lambda folder: np.array([0.25, 0.5]),
        lambda folder: str(folder / "metric.json"),
        lambda folder: [str(folder / "metric.json")] * 2,
    ],
    ids=["dict", "a dict each", "array", "file", "a file each"],
)
def test_metrics_are_taken_in_every_form(
    model: Model, tmp_path: Path, given: Callable[[Path], Any]
) -> None:
    """Chains that do not adapt report the inverse metric that they were given."""
    (tmp_path / "metric.json").write_text('{"inv_metric": [0.25, 0.5]}')
    result = model.sample(
        DATA,
        chains=2,
        inits=START,
        inv_metric=given(tmp_path),
        step_size=0.5,
        adapt_engaged=False,
        iter_warmup=0,
        iter_sampling=10,
        show_progress=False,
    )
    assert result.inv_metric.tolist() == [[0.25, 0.5]] * 2
    assert result.step_size.tolist() == [0.5, 0.5]


def test_chains_in_one_process_are_those_of_several(model: Model) -> None:
    """With threads, cmdstanpy runs all chains in one process; their draws are the same."""
    result = model.sample(DATA, chains=3, parallel_chains=2, threads_per_chain=1, **QUICK)
    several = model.sample(DATA, chains=3, force_one_process_per_chain=True, **QUICK)
    assert not result.runset.one_process_per_chain
    assert several.runset.one_process_per_chain
    np.testing.assert_array_equal(result.draws(), several.draws())


def test_chain_ids_pick_the_streams(model: Model) -> None:
    """Chains 2 and 3 of a seed are the same, whatever other chains there are."""
    three = model.sample(DATA, chains=3, **QUICK)
    two = model.sample(DATA, chains=2, chain_ids=[2, 3], **QUICK)
    assert two.chain_ids == [2, 3]
    np.testing.assert_array_equal(two.draws(), three.draws()[:, 1:])


def test_latent_dynamics_and_profile_are_saved(model: Model, tmp_path: Path) -> None:
    """Diagnostic files hold momenta and gradients of each draw, in files beside the draws."""
    result = model.sample(DATA, chains=2, save_diagnostics=True, output_dir=tmp_path, **QUICK)
    files = [Path(file) for file in result.runset.diagnostic_files]
    assert len(files) == 2
    for file in files:
        lines = [x for x in file.read_text().splitlines() if x and not x.startswith("#")]
        assert {"p_mu", "g_mu", "p_sigma", "g_sigma"} <= set(lines[0].split(","))
        assert len(lines) == 1 + QUICK["iter_sampling"]


def test_saved_warmup_is_told_apart(model: Model) -> None:
    """Draws come without the warmup unless it is asked for."""
    result = model.sample(DATA, chains=1, save_warmup=True, **QUICK)
    assert result.draws().shape[0] == 20
    assert result.draws(inc_warmup=True).shape[0] == 70
    np.testing.assert_array_equal(result.draws(inc_warmup=True)[50:], result.draws())


def test_quantities_follow_several_chains_and_other_methods(
    model: Model, fit: cmdstanpy.CmdStanMCMC
) -> None:
    """Standalone quantities take a sample of several chains, a mode, or an approximation."""
    result = model.generate_quantities(DATA, previous_fit=fit, seed=20)
    assert result.draws().shape[:2] == fit.draws().shape[:2]
    warm = model.sample(DATA, chains=2, save_warmup=True, **QUICK)
    of_warm = model.generate_quantities(DATA, previous_fit=warm, seed=20)
    assert of_warm.draws().shape[0] == 20
    assert of_warm.draws(inc_warmup=True).shape[0] == 70
    mode = model.optimize(DATA, seed=20)
    at_mode = model.generate_quantities(DATA, previous_fit=mode, seed=20)
    assert at_mode.stan_variable("y_rep").shape == (1, len(DATA["y"]))
    approximate = model.variational(DATA, seed=20, draws=30, require_converged=False)
    of_draws = model.generate_quantities(DATA, previous_fit=approximate, seed=20)
    assert of_draws.stan_variable("y_rep").shape == (30, len(DATA["y"]))


def test_laplace_takes_a_mode_in_every_form(model: Model, tmp_path: Path) -> None:
    """The mode may be a fit, its CSV or be found; it must be of the same density."""
    mode = model.optimize(DATA, seed=20, jacobian=False, output_dir=tmp_path)
    ways = [
        model.laplace_sample(DATA, mode=inputs, draws=200, jacobian=False, seed=20)
        for inputs in (mode, mode.runset.csv_files[0])
    ]
    np.testing.assert_array_equal(ways[0].draws(), ways[1].draws())
    result = model.laplace_sample(DATA, draws=20, seed=20, opt_args={"algorithm": "bfgs"})
    assert result.mode.converged
    with pytest.raises(ValueError, match="jacobian"):
        model.laplace_sample(DATA, mode=mode, jacobian=True)


def test_optimization_keeps_its_path(model: Model) -> None:
    """With `save_iterations` the points on the way are there, the last one the answer."""
    result = model.optimize(DATA, seed=20, save_iterations=True)
    path = result.optimized_iterations_np
    assert path is not None and len(path) > 1
    np.testing.assert_array_equal(path[-1], result.optimized_params_np)


def test_every_method_is_read_from_its_csv(
    model: Model, fit: cmdstanpy.CmdStanMCMC, tmp_path: Path
) -> None:
    """`from_csv` gives back what the call returned, for each kind of file."""
    mode = model.optimize(DATA, seed=20, output_dir=tmp_path / "optimize")
    options: dict[str, Any] = {"seed": 20, "draws": 20}
    result = {
        "optimize": mode,
        "variational": model.variational(
            DATA, **options, require_converged=False, output_dir=tmp_path / "variational"
        ),
        "pathfinder": model.pathfinder(DATA, **options, output_dir=tmp_path / "pathfinder"),
        "laplace": model.laplace_sample(
            DATA, mode=mode, jacobian=False, **options, output_dir=tmp_path / "laplace"
        ),
    }
    for method, expected in [("sample", fit), *result.items()]:
        paths = sorted(str(path) for path in (tmp_path / method).glob("*.csv"))
        files = list(fit.runset.csv_files) if method == "sample" else paths
        read = cmdstanpy.from_csv(files, method=method)
        assert type(read) is type(expected)
        assert read.column_names == expected.column_names
        for name in ("mu", "y_rep"):
            np.testing.assert_array_equal(read.stan_variable(name), expected.stan_variable(name))


def test_draws_come_as_tables_and_datasets(fit: cmdstanpy.CmdStanMCMC) -> None:
    """Chains, iterations and variables are named in pandas and xarray."""
    table = fit.draws_pd()
    assert {"chain__", "iter__", "draw__", "mu", "y_rep[6]"} <= set(table.columns)
    assert sorted(table["chain__"].unique()) == [1, 2, 3, 4]
    dataset = fit.draws_xr(vars="y_rep")
    assert dataset["y_rep"].shape == (4, 1000, len(DATA["y"]))
    assert float(fit.draws_xr(vars="mu")["mu"].mean()) == pytest.approx(MEAN, abs=0.1)


def test_every_chain_says_its_time(fit: cmdstanpy.CmdStanMCMC) -> None:
    """Warm-up, sampling and total are read from each footer, and add up."""
    assert len(fit.time) == 4
    for spent in fit.time:
        assert spent["total"] == pytest.approx(spent["warmup"] + spent["sampling"], abs=0.002)


def test_failed_chain_is_an_error(model: Model) -> None:
    """Data that the program refuses end the call with the sampler's reason."""
    with pytest.raises(RuntimeError, match="Error during sampling"):
        model.sample({**DATA, "y": DATA["y"][1:]}, chains=1, **QUICK)
