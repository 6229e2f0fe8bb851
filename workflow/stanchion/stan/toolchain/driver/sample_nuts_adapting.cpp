// NUTS that adapts its step size and metric.
#include <stan/model/model_header.hpp>

#include "resumable.hpp"
#include "run.hpp"

#include <stan/services/sample/hmc_nuts_dense_e_adapt.hpp>
#include <stan/services/sample/hmc_nuts_diag_e_adapt.hpp>
#include <stan/services/sample/hmc_nuts_unit_e_adapt.hpp>

namespace driver {

int sample_nuts_adapting(Run& run, Chains& chains) {
  namespace services = stan::services::sample;
  const Setting& options = run.options;
  const Setting& adapt = options.at("adapt");
  const Setting& hmc = options.at("algorithm.hmc");
  const auto with_metric = [&](auto service) {
    return service(
        run.model, chains.count, chains.starts.values, chains.metrics, run.seed(), run.id(),
        chains.starts.radius, options.integer("num_warmup"), options.integer("num_samples"),
        options.integer("thin"), options.flag("save_warmup"), run.refresh(), hmc.real("stepsize"),
        hmc.real("stepsize_jitter"), hmc.integer("engine.nuts.max_depth"), adapt.real("delta"),
        adapt.real("gamma"), adapt.real("kappa"), adapt.real("t0"), adapt.natural("init_buffer"),
        adapt.natural("term_buffer"), adapt.natural("window"), run.interrupt, run.console,
        chains.inits, chains.draws, chains.diagnostics, chains.metric_files);
  };
  const std::string& metric = hmc.text("metric");
  if (metric == "diag_e") {
    return with_metric([](auto&&... arguments) {
      return services::hmc_nuts_diag_e_adapt(arguments...);
    });
  }
  if (metric == "dense_e") {
    return with_metric([](auto&&... arguments) {
      return services::hmc_nuts_dense_e_adapt(arguments...);
    });
  }
  return services::hmc_nuts_unit_e_adapt(
      run.model, chains.count, chains.starts.values, run.seed(), run.id(), chains.starts.radius,
      options.integer("num_warmup"), options.integer("num_samples"), options.integer("thin"),
      options.flag("save_warmup"), run.refresh(), hmc.real("stepsize"),
      hmc.real("stepsize_jitter"), hmc.integer("engine.nuts.max_depth"), adapt.real("delta"),
      adapt.real("gamma"), adapt.real("kappa"), adapt.real("t0"), run.interrupt, run.console,
      chains.inits, chains.draws, chains.diagnostics, chains.metric_files);
}

}  // namespace driver
