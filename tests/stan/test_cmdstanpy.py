"""cmdstanpy's own calls, on the toolchain that Stanchion finds or installs."""

from __future__ import annotations

from pathlib import Path

import cmdstanpy
import numpy as np
import pytest

from stanchion.stan.toolchain import Toolchain
from tests.stan.normal import DATA, MEAN

pytestmark = pytest.mark.stan

EXTERNAL = """
functions {
  real twice(real x);
}
parameters {
  real<lower=0, upper=1> x;
}
generated quantities {
  real y = twice(x);
}
"""
HEADER = """#include <stan/model/model_header.hpp>
#include <ostream>
namespace external_model_namespace {
template <typename T>
inline stan::promote_args_t<T> twice(const T& x, std::ostream* pstream__) {
  return 2 * x;
}
}
"""


def test_version_is_read(home: Toolchain) -> None:
    """cmdstanpy reads the version of the folder from its makefile."""
    assert cmdstanpy.cmdstan_path() == str(home.path)
    assert ".".join(map(str, cmdstanpy.cmdstan_version())) in home.version


def test_source_is_described(model: cmdstanpy.CmdStanModel) -> None:
    """`src_info` names the parameters."""
    assert set(model.src_info()["parameters"]) == {"mu", "sigma"}


def test_executable_is_described(model: cmdstanpy.CmdStanModel, home: Toolchain) -> None:
    """`exe_info` says the version and that it was built for threads."""
    about = model.exe_info()
    assert about["STAN_THREADS"].lower() == "true"
    assert about["stan_version_major"] == home.version.split(".")[0]


def test_program_is_formatted(
    model: cmdstanpy.CmdStanModel, capsys: pytest.CaptureFixture[str]
) -> None:
    """`format` prints the program through stanc."""
    model.format(canonicalize=["includes"])
    assert "real shift(real x)" in capsys.readouterr().out


def test_program_is_not_compiled_twice(model: cmdstanpy.CmdStanModel) -> None:
    """An executable newer than its program is taken as it is."""
    before = Path(str(model.exe_file)).stat().st_mtime_ns
    again = cmdstanpy.CmdStanModel(
        stan_file=model.stan_file, stanc_options=dict(model.stanc_options)
    )
    assert Path(str(again.exe_file)).stat().st_mtime_ns == before


def test_sampling_gives_the_posterior(fit: cmdstanpy.CmdStanMCMC) -> None:
    """The mean of mu is the data's, within 0.1 (its sd is 0.3, some 2,000 effective draws)."""
    assert fit.draws().shape[:2] == (1000, 4)
    assert fit.stan_variable("mu").mean() == pytest.approx(MEAN, abs=0.1)
    assert fit.stan_variable("shifted") - fit.stan_variable("mu") == pytest.approx(100, abs=1e-2)
    assert fit.stan_variable("y_rep").shape == (4000, 6)
    assert fit.metric.shape == (4, 2)
    assert (fit.step_size > 0).all()


def test_every_option_of_sampling_is_taken(model: cmdstanpy.CmdStanModel, tmp_path: Path) -> None:
    """Inits, metric, step size, warmup draws, thinning, latent dynamics and digits."""
    fit = model.sample(
        DATA,
        chains=2,
        parallel_chains=2,
        threads_per_chain=1,
        seed=[3, 4],
        inits=[{"mu": 0.5, "sigma": 1}, {"mu": 1.0, "sigma": 2}],
        iter_warmup=200,
        iter_sampling=100,
        save_warmup=True,
        thin=2,
        max_treedepth=8,
        metric="dense_e",
        step_size=0.5,
        adapt_delta=0.9,
        adapt_init_phase=20,
        adapt_metric_window=30,
        adapt_step_size=20,
        save_latent_dynamics=True,
        save_profile=True,
        sig_figs=12,
        output_dir=tmp_path,
        show_progress=False,
    )
    assert fit.draws(inc_warmup=True).shape[:2] == (150, 2)
    assert fit.metric.shape == (2, 2, 2)
    assert len(fit.runset.diagnostic_files) == 2


def test_summary_and_diagnose(fit: cmdstanpy.CmdStanMCMC) -> None:
    """`bin/stansummary` and `bin/diagnose` answer as CmdStan's do."""
    summary = fit.summary(percentiles=(5, 50, 95), sig_figs=6)
    assert list(summary.columns) == [
        *("Mean", "MCSE", "StdDev", "MAD", "5%", "50%", "95%"),
        *("ESS_bulk", "ESS_tail", "ESS_bulk/s", "R_hat"),
    ]
    assert summary.loc["mu", "Mean"] == pytest.approx(fit.stan_variable("mu").mean(), rel=1e-4)
    assert summary.loc["y_rep[6]", "R_hat"] == pytest.approx(1, abs=0.02)
    output = fit.diagnose()
    assert output is not None and "Treedepth satisfactory for all transitions." in output


def test_optimizing_finds_the_mode(model: cmdstanpy.CmdStanModel) -> None:
    """MAP and penalised maximum likelihood; the mode of mu is near the data's mean."""
    mode = model.optimize(DATA, seed=20, jacobian=True)
    assert mode.converged
    assert mode.stan_variable("mu") == pytest.approx(MEAN, abs=0.05)
    for algorithm in ("BFGS", "Newton"):
        assert model.optimize(DATA, seed=20, algorithm=algorithm).converged


def test_laplace_draws_around_the_mode(model: cmdstanpy.CmdStanModel) -> None:
    """`laplace_sample` takes a mode and gives draws with both densities."""
    drawn = model.laplace_sample(DATA, seed=20, draws=500)
    assert drawn.draws().shape[0] == 500
    assert drawn.stan_variable("mu").mean() == pytest.approx(MEAN, abs=0.2)
    assert {"log_p__", "log_q__"} <= set(drawn.method_variables())


def test_pathfinder_approximates(model: cmdstanpy.CmdStanModel) -> None:
    """Several paths with importance resampling, and one without."""
    several = model.pathfinder(DATA, seed=20, draws=500)
    assert several.stan_variable("mu").mean() == pytest.approx(MEAN, abs=0.3)
    assert several.is_resampled
    result = model.pathfinder(DATA, seed=20, num_paths=1, draws=300, psis_resample=False)
    assert result.draws().shape[0] == 300
    assert (
        model.sample(
            DATA, chains=1, seed=20, inits=several.create_inits(chains=1), show_progress=False
        )
        .draws()
        .shape[0]
        == 1000
    )


def test_variational_approximates(model: cmdstanpy.CmdStanModel) -> None:
    """ADVI gives its mean and draws."""
    result = model.variational(DATA, seed=20, draws=500, require_converged=False)
    assert result.variational_sample.shape[0] == 500
    assert result.stan_variable("mu", mean=True) == pytest.approx(MEAN, abs=0.5)


def test_generated_quantities_follow_the_draws(
    model: cmdstanpy.CmdStanModel, fit: cmdstanpy.CmdStanMCMC
) -> None:
    """Standalone generated quantities have a row a draw."""
    result = model.generate_quantities(DATA, previous_fit=fit, seed=20)
    assert result.stan_variable("y_rep").shape == (4000, 6)


def test_density_and_gradient(model: cmdstanpy.CmdStanModel) -> None:
    """`log_prob` gives the density and its gradient; the one by mu is (Σ(y − mu))/σ² − mu/100."""
    result = model.log_prob({"mu": 1.0, "sigma": 2.0}, data=DATA)
    by_mu = (sum(DATA["y"]) - 6 * 1.0) / 4 - 1.0 / 100
    assert result["g_mu"][0] == pytest.approx(by_mu, rel=1e-6)


def test_gradients_are_checked(model: cmdstanpy.CmdStanModel) -> None:
    """`diagnose` compares the model's gradients with finite differences."""
    gradients = model.diagnose(data=DATA, inits={"mu": 1.0, "sigma": 2.0})
    assert np.abs(gradients["error"]).max() < 1e-5


def test_user_header_is_compiled_in(home: Toolchain, tmp_path: Path) -> None:
    """A function that is declared in Stan and defined in C++."""
    (tmp_path / "external.stan").write_text(EXTERNAL)
    (tmp_path / "user.hpp").write_text(HEADER)
    model = cmdstanpy.CmdStanModel(
        stan_file=tmp_path / "external.stan", user_header=tmp_path / "user.hpp"
    )
    fit = model.sample(chains=1, seed=20, show_progress=False)
    assert fit.stan_variable("y") == pytest.approx(2 * fit.stan_variable("x"), rel=1e-5)


def test_syntax_error_is_reported(home: Toolchain, tmp_path: Path) -> None:
    """stanc's message comes through make."""
    (tmp_path / "bad.stan").write_text("parameters { real x }")
    with pytest.raises(ValueError, match=r"Syntax error in 'bad\.stan'"):
        cmdstanpy.CmdStanModel(stan_file=tmp_path / "bad.stan")
