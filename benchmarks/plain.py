"""The example analyses as a plain script over cmdstanpy and ArviZ, for `overhead.py`.

    python benchmarks/plain.py PROJECT PROGRAMS OUTPUT

The same fits, prior draws, summaries, leave-one-out comparisons and pictures as config/config.yaml
declares, with programs compiled beforehand. It checks nothing, keeps no record and writes no
report: what is left is the least that such an analysis costs.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import arviz as az
import matplotlib as mpl
import numpy as np
import pandas as pd
from cmdstanpy import CmdStanMCMC, CmdStanModel

CORES = 2
SEED = 20261121
Data = dict[str, Any]


def main(project: Path, programs: Path, output: Path) -> None:
    """Run both analyses and write their numbers and pictures into `output`."""
    mpl.use("Agg")
    logging.getLogger("cmdstanpy").setLevel(logging.WARNING)
    schools = eight_schools(project / "data" / "eight_schools.csv")
    folder = output / "coaching"
    fits = {}
    for name in ("schools_partial_pooling", "schools_no_pooling", "schools_full_pooling"):
        model = CmdStanModel(exe_file=programs / name)
        fits[name] = fit(model, schools, folder / name, adapt_delta=0.95)
        approximate(model, schools, folder / name / "advi")
    compare(fits, folder)
    model = CmdStanModel(exe_file=programs / "ordered_regression")
    folder = output / "polarisation"
    fits = {}
    for name, interaction in (("additive", False), ("interaction", True)):
        data = survey(project / "data" / "anes1996.csv", interaction)
        fits[name] = fit(model, data, folder / name, adapt_delta=0.8)
    compare(fits, folder)


def eight_schools(path: Path) -> Data:
    """Return the data of the meta-analysis."""
    table = pd.read_csv(path).sort_values("school")
    return {"J": len(table), "y": list(table.effect), "sigma": list(table.se), "prior_only": 0}


def survey(path: Path, interaction: bool) -> Data:
    """Return the data of the ordered regression, with or without the interaction."""
    table = pd.read_csv(path)
    x = table[["age", "education", "party"]].apply(lambda column: column - column.mean())
    x = x / table[["age", "education", "party"]].std()
    if interaction:
        x["education:party"] = x.education * x.party
    return {
        "N": len(x),
        "K": 7,
        "P": x.shape[1],
        "X": x.to_numpy(),
        "y": list(table.self_placement),
        "prior_only": 0,
    }


def fit(model: CmdStanModel, data: Data, folder: Path, adapt_delta: float) -> Any:
    """Sample prior and posterior, write draws, summary and pictures, and return the draws."""
    folder.mkdir(parents=True)
    prior = sample(model, data | {"prior_only": 1}, folder / "prior", 500, 0.8)
    posterior = sample(model, data, folder / "nuts", 1000, adapt_delta)
    tree = az.from_cmdstanpy(
        posterior=posterior,
        posterior_predictive=["y_rep"],
        log_likelihood={"y": "log_lik"},
        prior=prior,
        prior_predictive=["y_rep"],
        observed_data={"y": np.asarray(data["y"])},
        dims={name: ["observation"] for name in ("y", "y_rep", "log_lik")},
    )
    for group in ("posterior_predictive", "prior_predictive"):
        tree[group] = tree[group].to_dataset().rename({"y_rep": "y"})
    az.summary(tree, round_to="none").to_csv(folder / "summary.csv")
    tree.to_netcdf(folder / "draws.nc")
    draw(tree, folder)
    return tree


def sample(
    model: CmdStanModel, data: Data, folder: Path, draws: int, adapt_delta: float
) -> CmdStanMCMC:
    """Run four chains."""
    return model.sample(
        data,
        chains=4,
        parallel_chains=CORES,
        iter_sampling=draws,
        adapt_delta=adapt_delta,
        seed=SEED,
        output_dir=folder,
        show_progress=False,
    )


def approximate(model: CmdStanModel, data: Data, folder: Path) -> None:
    """Approximate the posterior and write the draws' summary."""
    result = model.variational(
        data, algorithm="meanfield", draws=1000, seed=SEED, output_dir=folder
    )
    columns = pd.DataFrame(result.variational_sample, columns=result.column_names)
    columns.describe(percentiles=[0.05, 0.5, 0.95]).T.to_csv(folder / "summary.csv")


def draw(tree: Any, folder: Path) -> None:
    """Draw ranks, predictive checks and LOO-PIT."""
    scalars = list(tree.posterior.data_vars)[:1]
    pictures = {
        "ranks": lambda: az.plot_rank(tree, var_names=scalars),
        "posterior_predictive": lambda: az.plot_ppc_dist(tree),
        "prior_predictive": lambda: az.plot_ppc_dist(tree, group="prior_predictive"),
        "loo_pit": lambda: az.plot_loo_pit(tree),
        "mean": lambda: az.plot_ppc_tstat(tree, t_stat="mean"),
        "sd": lambda: az.plot_ppc_tstat(tree, t_stat="std"),
    }
    for name, make in pictures.items():
        make().savefig(folder / f"{name}.png")


def compare(fits: dict[str, Any], folder: Path) -> None:
    """Compare the fits of one dataset by leave-one-out."""
    az.compare(fits).to_csv(folder / "comparison.csv")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
