"""The interaction of linear.stan by NumPyro's AutoNormal, with the weight of each draw."""

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
import xarray as xr
from numpyro.infer import SVI, Predictive, Trace_ELBO, log_likelihood
from numpyro.infer.autoguide import AutoNormal
from numpyro.infer.util import log_density
from script_call import call

numpyro.enable_x64()
arguments = call()
data, settings = arguments.data, arguments.settings
X, prior_sd = jnp.array(data["X"]), jnp.array(data["prior_sd"])
observed = jnp.array(data["y"])


def model(y=None):
    """Draw coefficients, residual sd and outcomes."""
    beta = numpyro.sample("beta", dist.Normal(0, prior_sd).to_event(1))
    sigma = numpyro.sample("sigma", dist.Uniform(0, data["sigma_max"]))
    numpyro.sample("y", dist.Normal(X @ beta, sigma), obs=y)


fitting, drawing, predicting = jax.random.split(jax.random.key(arguments.seed), 3)
guide = AutoNormal(model)
optimizer = numpyro.optim.Adam(settings["learning_rate"])
svi = SVI(model, guide, optimizer, Trace_ELBO(num_particles=settings["particles"]))
params = svi.run(fitting, settings["steps"], y=observed, progress_bar=False).params
shape = (arguments.chains, arguments.draws)
draws = guide.sample_posterior(drawing, params, sample_shape=(shape[0] * shape[1],))


def log_weight(draw):
    """Return the log density of the posterior less that of the guide, both of the parameters."""
    log_p, _ = log_density(model, (observed,), {}, draw)
    log_q, _ = log_density(guide, (), {}, {**params, **draw})
    return log_p - log_q


def group(**variables):
    """Return variables as chain × draw × their sizes."""
    arrays = {name: values.reshape(shape + values.shape[1:]) for name, values in variables.items()}
    sizes = {name: [f"{name}_{i}" for i in range(v.ndim - 2)] for name, v in arrays.items()}
    return xr.Dataset({n: (("chain", "draw", *sizes[n]), v) for n, v in arrays.items()})


tree = {
    "posterior": group(beta=draws["beta"], sigma=draws["sigma"]),
    "sample_stats": group(log_weight=jax.vmap(log_weight)(draws)),
    "log_likelihood": group(**log_likelihood(model, draws, observed)),
    "posterior_predictive": group(**Predictive(model, draws)(predicting)),
}
library = {"inference_library": "numpyro", "inference_library_version": numpyro.__version__}
tree["posterior"].attrs = library
xr.DataTree.from_dict(tree).to_netcdf(arguments.output, engine="h5netcdf")
