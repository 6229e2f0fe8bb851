"""The regression of logistic.stan by NumPyro's NUTS."""

import arviz_base as az
import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.infer import MCMC, NUTS, Predictive
from script_call import call

numpyro.enable_x64()
arguments = call()
data = arguments.data
X, prior_sd = jnp.array(data["X"]), jnp.array(data["prior_sd"])


def model(y=None):
    """Draw coefficients and outcomes."""
    beta = numpyro.sample("beta", dist.Normal(0, prior_sd).to_event(1))
    numpyro.sample("y", dist.Bernoulli(logits=X @ beta), obs=y)


sampling, predicting = jax.random.split(jax.random.key(arguments.seed))
mcmc = MCMC(
    NUTS(model),
    num_warmup=arguments.settings["warmup"],
    num_samples=arguments.draws,
    num_chains=arguments.chains,
    chain_method="sequential",
    progress_bar=False,
)
fields = ("potential_energy", "energy", "num_steps", "accept_prob", "diverging")
mcmc.run(sampling, jnp.array(data["y"]), extra_fields=fields)
replicated = Predictive(model, mcmc.get_samples())(predicting)
result = az.from_numpyro(mcmc, posterior_predictive=replicated, log_likelihood=True)
result.to_netcdf(arguments.output, engine="h5netcdf")
