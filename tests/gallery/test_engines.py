"""PyMC and NumPyro as scripts, held to the oracles of the same models by Stan.

They need the environment that `make engines` makes, and are skipped where it is not.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from stanchion.system.interpreters import interpreter
from tests.gallery.results import Run, answers, meets, slow, summary, verdict
from tests.gallery.test_linear import BETA, Line
from tests.gallery.test_logistic import LABELS, Voters
from tests.gallery.test_ruggedness import PUBLISHED, countries
from tests.project import ROOT

PYTHON = ".venv-engines/bin/python"
pytestmark = [
    pytest.mark.stan,
    slow,
    pytest.mark.skipif(
        interpreter(PYTHON, ROOT) is None, reason=f"there is no {PYTHON}; `make engines` makes it"
    ),
]
FITS = {
    "linear_pymc": "linear/heating/regression/pymc",
    "ruggedness_numpyro": "ruggedness/countries/interaction/autonormal",
    "logistic_numpyro": "logistic/voters/logistic/numpyro",
}


def tree(fit: Path) -> xr.DataTree:
    """Open a fit's draws."""
    return xr.open_datatree(fit / "draws.nc", engine="h5netcdf")


@pytest.mark.parametrize("method", ["nuts", "pymc"])
def test_a_regression_by_pymc_is_the_exact_one(run: Run, method: str) -> None:
    """Both samplers meet Student's t of the coefficients within their Monte Carlo errors."""
    line, fit = Line(), run("engines") / f"linear/heating/regression/{method}"
    assert verdict(fit) == "pass"
    assert meets(summary(fit).loc[BETA], line.beta.mean(), line.beta.std())


def test_a_logistic_regression_by_numpyro_is_the_exact_one(run: Run) -> None:
    """Both samplers meet importance sampling about the maximum likelihood of statsmodels."""
    voters = Voters()
    for method in ("nuts", "numpyro"):
        fit = run("engines") / f"logistic/voters/logistic/{method}"
        assert verdict(fit) == "pass"
        assert meets(summary(fit).loc[LABELS], voters.mean(voters.draws), voters.sd)


def test_independent_normals_of_numpyro_are_as_narrow_as_those_of_stan(
    run: Run, shared: Path
) -> None:
    """Each sd is that with the other coefficients held, a tenth about it; k̂ refuses both fits.

    Of a normal, the sds that minimise the divergence are 1 / sqrt of the precision's diagonal. No
    answer is given from either fit.
    """
    results = run("engines") / "ruggedness"
    names = list(PUBLISHED)[:4]
    design, _ = countries(shared / "data/rugged.csv")
    held = 1 / np.sqrt(np.diag(design.T @ design) / PUBLISHED["sigma"][0] ** 2)
    for method, allowed in (("autonormal", 0.1), ("meanfield", 0.25)):
        fit = results / f"countries/interaction/{method}"
        assert verdict(fit) == "fail"
        assert (np.abs(summary(fit).loc[names, "sd"] / held - 1) < allowed).all()
        assert answers(run("engines"), "ruggedness", method)["value"].isna().all()


def test_the_weights_of_numpyro_are_posterior_over_normals(run: Run, shared: Path) -> None:
    """Log weight less log posterior is minus the log of independent normals, to 8 digits.

    The posterior is computed by SciPy. What is left is a sum of squares, one of each unconstrained
    parameter, whose factors are 1 / (2 sd²) of normals with the sds of the draws: of 2,000 draws
    within 4 / sqrt(4000) of them.
    """
    fit = run("engines") / "ruggedness/countries/interaction/autonormal"
    proposal = tree(fit)["proposal"]
    beta = proposal["beta"].to_numpy().reshape(-1, 4)
    sigma = proposal["sigma"].to_numpy().ravel()
    design, y = countries(shared / "data/rugged.csv")
    log_p = stats.norm(design @ beta[:, :, None].squeeze(-1).T, sigma).logpdf(y[:, None]).sum(0)
    log_p += stats.norm(0, [10, 1, 1, 1]).logpdf(beta).sum(1)
    share = sigma / 10
    log_p += np.log(share * (1 - share))  # uniform in sigma, so much in its logit
    rest = log_p - proposal["log_p"].to_numpy().ravel()
    z = np.column_stack([beta, np.log(share / (1 - share))])
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    terms = np.column_stack([np.ones(len(z)), z, z**2])
    coefficients, *_ = np.linalg.lstsq(terms, rest)
    np.testing.assert_allclose(terms @ coefficients, rest, atol=1e-8 * np.abs(rest).max())
    np.testing.assert_allclose(-2 * coefficients[6:], 1, atol=2 * 4 / np.sqrt(4000))


@pytest.mark.parametrize("name", FITS)
def test_what_other_engines_leave_is_checked_like_any(run: Run, name: str) -> None:
    """Likelihoods are those of SciPy at each draw, replications have its mean, and LOO-PIT is made.

    Their mean over 2,000 draws or more lies within 5 of its errors at each of up to 944 rows. Of
    the approximation, which k̂ refuses, there is no LOO-PIT.
    """
    fit = run("engines") / FITS[name]
    draws, data = tree(fit), json.loads(next(fit.parents[1].glob("data.*[!a].json")).read_text())
    design, y = np.array(data["X"]), np.array(data["y"])
    posterior = draws["posterior"].to_dataset().stack(sample=("chain", "draw"))
    mu = design @ posterior["beta"].transpose(..., "sample").to_numpy()
    if name == "logistic_numpyro":
        outcome: Any = stats.bernoulli(stats.logistic.cdf(mu))
        log_lik = outcome.logpmf(y[:, None])
    else:
        outcome = stats.norm(mu, posterior["sigma"].to_numpy())
        log_lik = outcome.logpdf(y[:, None])
    for group, exact in (("log_likelihood", log_lik), ("posterior_predictive", None)):
        (array,) = draws[group].to_dataset().stack(sample=("chain", "draw")).data_vars.values()
        values = array.transpose(..., "sample").to_numpy()
        if exact is not None:
            np.testing.assert_allclose(values, exact, rtol=1e-6, atol=1e-9)
        else:
            error = np.sqrt(outcome.var().mean(axis=1) / values.shape[1])
            assert (np.abs((values - outcome.mean()).mean(axis=1)) < 5 * error).all()
    made = json.loads((fit / "predictive.json").read_text())
    assert (made["loo_pit"] is None) == (name == "ruggedness_numpyro")
    assert made["loo_pit"] is None or made["loo_pit"]["khat_bad"] == 0


@pytest.mark.parametrize("name", FITS)
def test_the_seed_of_a_script_decides_its_draws(run: Run, tmp_path: Path, name: str) -> None:
    """The same seed gives the same numbers in a process of its own, and another seed others."""
    fit = run("engines") / FITS[name]
    data = next(fit.parents[1].glob("data.*[!a].json"))
    (tmp_path / "settings.json").write_text(
        '{"warmup": 100, "steps": 100, "learning_rate": 0.01, "particles": 1}'
    )
    posteriors = []
    for number, seed in enumerate((3, 3, 4294967295)):
        output = tmp_path / f"{number}.nc"
        words = ["--data", str(data), "--settings", "settings.json", "--output", str(output)]
        words += ["--seed", str(seed), "--chains", "2", "--draws", "50"]
        script = ROOT / f"scripts/gallery/{name}.py"
        command = [str(ROOT / PYTHON), str(script), *words]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        posteriors.append(xr.open_dataset(output, group="posterior", engine="h5netcdf").load())
    first, again, other = posteriors
    assert first.equals(again)
    assert not np.isin(first["beta"], other["beta"]).any()
    assert not np.isin(first["beta"][0], first["beta"][1]).any()


@pytest.mark.parametrize("name", FITS)
def test_the_record_of_another_engine_says_what_it_ran_with(run: Run, name: str) -> None:
    """Python and the packages of the lock, and that the same bytes are not promised."""
    fit = run("engines") / FITS[name]
    (path,) = (fit / "records/sample_fit").glob("*.json")
    record = json.loads(path.read_text())
    (note,) = (n for n in record["notes"]["runs"] if n.get("same_bytes") is False)
    library = name.rpartition("_")[2]
    pin = f"{library}=={note['packages'][library]} "
    assert pin in (ROOT / "scripts/gallery/engines.lock").read_text()
