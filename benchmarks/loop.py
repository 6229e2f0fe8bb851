"""Many fits as a plain loop in one process over cmdstanpy and ArviZ, for `many.py`.

    python benchmarks/loop.py EXECUTABLE OUTPUT TABLE...

For each table: four chains, draws as netCDF, summary, the checks, PSIS and LOO-PIT, a picture of
ranks and five of replicated data, and a page that shows them. The program is compiled beforehand.
"""

from __future__ import annotations

import base64
import json
import logging
import sys
from pathlib import Path
from typing import Any

import arviz as az
import matplotlib as mpl
import numpy as np
import pandas as pd
from cmdstanpy import CmdStanMCMC, CmdStanModel
from matplotlib import pyplot as plt
from plain import eight_schools, sample

PARAMETERS = ["mu", "tau", "theta"]
RANKED = {"theta_dim_0": [0, 1, 2, 3]}
"""With these the picture of ranks has six panels, as Stanchion's has."""
STATISTICS = {"mean": "mean", "sd": "std", "min": "min", "max": "max"}


def main(executable: Path, output: Path, tables: list[Path]) -> None:
    """Fit each table and write its results into a folder of its name."""
    mpl.use("Agg")
    logging.getLogger("cmdstanpy").setLevel(logging.WARNING)
    model = CmdStanModel(exe_file=executable)
    for table in tables:
        folder = output / table.stem
        folder.mkdir(parents=True)
        data = eight_schools(table)
        fit = sample(model, data, folder / "chains", 1000, 0.95)
        tree = tree_of(fit, data)
        tree.to_netcdf(folder / "draws.nc")
        summary = az.summary(tree, var_names=PARAMETERS, round_to="none")
        summary.to_csv(folder / "summary.csv")
        checks = check(fit, tree, summary)
        (folder / "diagnostics.json").write_text(json.dumps(checks, indent=1))
        predictive = predict(tree)
        (folder / "predictive.json").write_text(json.dumps(predictive, indent=1))
        pictures = draw(tree, folder)
        write_page(folder / "report.html", summary, checks, predictive, pictures)


def tree_of(fit: CmdStanMCMC, data: dict[str, Any]) -> Any:
    """Return draws and data as a DataTree."""
    tree = az.from_cmdstanpy(
        posterior=fit,
        posterior_predictive=["y_rep"],
        log_likelihood={"y": "log_lik"},
        observed_data={"y": np.asarray(data["y"])},
        dims={name: ["observation"] for name in ("y", "y_rep", "log_lik")},
    )
    replicated = tree["posterior_predictive"].to_dataset()
    tree["posterior_predictive"] = replicated.rename({"y_rep": "y"})
    return tree


def check(fit: CmdStanMCMC, tree: Any, summary: pd.DataFrame) -> dict[str, Any]:
    """Return what the gate looks at, and whether it is well."""
    bfmi = az.bfmi(tree)["energy"].to_numpy()
    finite = all(np.isfinite(v.to_numpy()).all() for v in tree["posterior"].data_vars.values())
    result = {
        "finite": bool(finite),
        "rhat": float(summary["r_hat"].max()),
        "ess_bulk": float(summary["ess_bulk"].min()),
        "ess_tail": float(summary["ess_tail"].min()),
        "divergences": int(fit.divergences.sum()),
        "saturated": int(fit.max_treedepths.sum()),
        "bfmi": [float(value) for value in bfmi],
    }
    well = finite and result["rhat"] <= 1.01 and min(result["ess_bulk"], result["ess_tail"]) >= 400
    return {"pass": bool(well and not result["divergences"] and (bfmi >= 0.3).all()), **result}


def predict(tree: Any) -> dict[str, Any]:
    """Return the share of replicated statistics above the observed, and the worst Pareto k̂."""
    observed = tree["observed_data"]["y"].to_numpy()
    replicated = tree["posterior_predictive"]["y"].to_numpy().reshape(-1, observed.size)
    shares = {
        name: float(np.mean(getattr(np, kind)(replicated, axis=1) >= getattr(np, kind)(observed)))
        for name, kind in STATISTICS.items()
    }
    loo = az.loo(tree, pointwise=True)
    return {**shares, "khat": float(loo.pareto_k.max()), "elpd": float(loo.elpd)}


def draw(tree: Any, folder: Path) -> list[Path]:
    """Draw the ranks, the replicated data with four statistics, and LOO-PIT."""
    makers = {
        "ranks": lambda: az.plot_rank(tree, var_names=PARAMETERS, coords=RANKED),
        "posterior_predictive": lambda: az.plot_ppc_dist(tree),
        "loo_pit": lambda: az.plot_loo_pit(tree),
        **{
            name: lambda kind=kind: az.plot_ppc_tstat(tree, t_stat=kind)
            for name, kind in STATISTICS.items()
        },
    }
    paths = []
    for name, make in makers.items():
        paths.append(folder / f"{name}.png")
        make().savefig(paths[-1])
        plt.close("all")
    return paths


def write_page(
    path: Path,
    summary: pd.DataFrame,
    checks: dict[str, Any],
    predictive: dict[str, Any],
    pictures: list[Path],
) -> None:
    """Write one page with the table, the numbers and the pictures in it."""
    images = [base64.b64encode(picture.read_bytes()).decode() for picture in pictures]
    shown = "".join(f'<img src="data:image/png;base64,{image}">' for image in images)
    numbers = f"<pre>{json.dumps(checks | predictive, indent=1)}</pre>"
    path.write_text(f"<!doctype html>{summary.to_html()}{numbers}{shown}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(table) for table in sys.argv[3:]])
