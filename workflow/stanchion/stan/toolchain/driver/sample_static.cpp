// Hamiltonian Monte Carlo with a fixed integration time: one chain.
#include <stan/model/model_header.hpp>

#include "resumable.hpp"
#include "run.hpp"

#include <stan/services/sample/hmc_static_dense_e.hpp>
#include <stan/services/sample/hmc_static_dense_e_adapt.hpp>
#include <stan/services/sample/hmc_static_diag_e.hpp>
#include <stan/services/sample/hmc_static_diag_e_adapt.hpp>
#include <stan/services/sample/hmc_static_unit_e.hpp>
#include <stan/services/sample/hmc_static_unit_e_adapt.hpp>

namespace driver {
namespace {

namespace services = stan::services::sample;

int adapting(Run& run, Chains& chains, const std::string& metric) {
  const Setting& options = run.options;
  const Setting& adapt = options.at("adapt");
  const Setting& hmc = options.at("algorithm.hmc");
  const auto with_metric = [&](auto service) {
    return service(
        run.model, *chains.starts.values[0], *chains.metrics[0], run.seed(), run.id(),
        chains.starts.radius, options.integer("num_warmup"), options.integer("num_samples"),
        options.integer("thin"), options.flag("save_warmup"), run.refresh(), hmc.real("stepsize"),
        hmc.real("stepsize_jitter"), hmc.real("engine.static.int_time"), adapt.real("delta"),
        adapt.real("gamma"), adapt.real("kappa"), adapt.real("t0"), adapt.natural("init_buffer"),
        adapt.natural("term_buffer"), adapt.natural("window"), run.interrupt, run.console,
        chains.inits[0], chains.draws[0], chains.diagnostics[0]);
  };
  if (metric == "diag_e") {
    return with_metric([](auto&&... x) { return services::hmc_static_diag_e_adapt(x...); });
  }
  if (metric == "dense_e") {
    return with_metric([](auto&&... x) { return services::hmc_static_dense_e_adapt(x...); });
  }
  return services::hmc_static_unit_e_adapt(
      run.model, *chains.starts.values[0], run.seed(), run.id(), chains.starts.radius,
      options.integer("num_warmup"), options.integer("num_samples"), options.integer("thin"),
      options.flag("save_warmup"), run.refresh(), hmc.real("stepsize"),
      hmc.real("stepsize_jitter"), hmc.real("engine.static.int_time"), adapt.real("delta"),
      adapt.real("gamma"), adapt.real("kappa"), adapt.real("t0"), run.interrupt, run.console,
      chains.inits[0], chains.draws[0], chains.diagnostics[0]);
}

int as_given(Run& run, Chains& chains, const std::string& metric) {
  const Setting& options = run.options;
  const Setting& hmc = options.at("algorithm.hmc");
  const auto with_metric = [&](auto service) {
    return service(
        run.model, *chains.starts.values[0], *chains.metrics[0], run.seed(), run.id(),
        chains.starts.radius, options.integer("num_warmup"), options.integer("num_samples"),
        options.integer("thin"), options.flag("save_warmup"), run.refresh(), hmc.real("stepsize"),
        hmc.real("stepsize_jitter"), hmc.real("engine.static.int_time"), run.interrupt,
        run.console, chains.inits[0], chains.draws[0], chains.diagnostics[0]);
  };
  if (metric == "diag_e") {
    return with_metric([](auto&&... x) { return services::hmc_static_diag_e(x...); });
  }
  if (metric == "dense_e") {
    return with_metric([](auto&&... x) { return services::hmc_static_dense_e(x...); });
  }
  return services::hmc_static_unit_e(
      run.model, *chains.starts.values[0], run.seed(), run.id(), chains.starts.radius,
      options.integer("num_warmup"), options.integer("num_samples"), options.integer("thin"),
      options.flag("save_warmup"), run.refresh(), hmc.real("stepsize"),
      hmc.real("stepsize_jitter"), hmc.real("engine.static.int_time"), run.interrupt, run.console,
      chains.inits[0], chains.draws[0], chains.diagnostics[0]);
}

}  // namespace

int sample_static(Run& run, Chains& chains) {
  const std::string& metric = run.options.text("algorithm.hmc.metric");
  return run.options.flag("adapt.engaged") ? adapting(run, chains, metric)
                                           : as_given(run, chains, metric);
}

}  // namespace driver
