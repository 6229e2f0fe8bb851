// NUTS with the step size and metric that it is given.
#include <stan/model/model_header.hpp>

#include "resumable.hpp"
#include "run.hpp"

#include <stan/services/sample/hmc_nuts_dense_e.hpp>
#include <stan/services/sample/hmc_nuts_diag_e.hpp>
#include <stan/services/sample/hmc_nuts_unit_e.hpp>

namespace driver {

int sample_nuts(Run& run, Chains& chains) {
  namespace services = stan::services::sample;
  const Setting& options = run.options;
  const Setting& hmc = options.at("algorithm.hmc");
  const auto with_metric = [&](auto service) {
    return service(
        run.model, chains.count, chains.starts.values, chains.metrics, run.seed(), run.id(),
        chains.starts.radius, options.integer("num_warmup"), options.integer("num_samples"),
        options.integer("thin"), options.flag("save_warmup"), run.refresh(), hmc.real("stepsize"),
        hmc.real("stepsize_jitter"), hmc.integer("engine.nuts.max_depth"), run.interrupt,
        run.console, chains.inits, chains.draws, chains.diagnostics);
  };
  const std::string& metric = hmc.text("metric");
  if (metric == "diag_e") {
    return with_metric([](auto&&... arguments) { return services::hmc_nuts_diag_e(arguments...); });
  }
  if (metric == "dense_e") {
    return with_metric([](auto&&... arguments) { return services::hmc_nuts_dense_e(arguments...); });
  }
  return services::hmc_nuts_unit_e(
      run.model, chains.count, chains.starts.values, run.seed(), run.id(), chains.starts.radius,
      options.integer("num_warmup"), options.integer("num_samples"), options.integer("thin"),
      options.flag("save_warmup"), run.refresh(), hmc.real("stepsize"),
      hmc.real("stepsize_jitter"), hmc.integer("engine.nuts.max_depth"), run.interrupt,
      run.console, chains.inits, chains.draws, chains.diagnostics);
}

}  // namespace driver
