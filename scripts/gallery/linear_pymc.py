"""The regression of linear_conjugate.stan by PyMC's NUTS."""

import numpy as np
import pymc as pm
from script_call import call

arguments = call()
data, seed = arguments.data, arguments.seed
with pm.Model():
    sigma2 = pm.InverseGamma("sigma2", data["prior_shape"], data["prior_scale"])
    sigma = pm.Deterministic("sigma", pm.math.sqrt(sigma2))
    prior_sd = sigma / np.sqrt(data["prior_precision"])
    beta = pm.Normal("beta", data["prior_mean"], prior_sd)
    pm.Normal("y", np.array(data["X"]) @ beta, sigma, observed=data["y"])
    result = pm.sample(
        arguments.draws,
        tune=arguments.settings["warmup"],
        chains=arguments.chains,
        cores=1,
        random_seed=seed,
        progressbar=False,
    )
    pm.compute_log_likelihood(result, progressbar=False)
    pm.sample_posterior_predictive(
        result, extend_inferencedata=True, random_seed=seed + 1, progressbar=False
    )
result.to_netcdf(arguments.output, engine="h5netcdf")
