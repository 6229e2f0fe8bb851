// Sampling: checks, what the chains start from and write to, and which sampler runs them.
#include <stan/model/model_header.hpp>

#include "resumable.hpp"

#include "file_names.hpp"
#include "run.hpp"

#include <stan/services/sample/fixed_param.hpp>
#include <stan/services/util/create_unit_e_dense_inv_metric.hpp>
#include <stan/services/util/create_unit_e_diag_inv_metric.hpp>

#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace driver {
namespace {

std::size_t rows(int iterations, int thin) {
  return static_cast<std::size_t>((iterations + thin - 1) / thin);
}

std::size_t expected_rows(const Setting& options) {
  const int thin = options.integer("thin");
  const bool warmup = options.flag("save_warmup") && options.text("algorithm") != "fixed_param";
  return rows(options.integer("num_samples"), thin)
         + (warmup ? rows(options.integer("num_warmup"), thin) : 0);
}

void check(const Setting& options) {
  if (options.text("algorithm") == "fixed_param") {
    return;
  }
  const bool adapting = options.flag("adapt.engaged");
  if (adapting && options.integer("num_warmup") == 0) {
    throw std::invalid_argument("The number of warmup samples (num_warmup) must be greater than "
                                "zero if adaptation is enabled.");
  }
  if (!adapting && options.flag("adapt.save_metric")) {
    throw std::invalid_argument("Saving the adapted metric (save_metric=1) can only be enabled "
                                "when adaptation is engaged (adapt engaged=1)");
  }
  if (options.text("algorithm.hmc.engine") == "static" && options.integer("num_chains") > 1) {
    throw std::invalid_argument(
        "Argument 'num_chains' is unavailable for the 'static' HMC engine.");
  }
}

Values unit_metric(const std::string& kind, std::size_t parameters) {
  using stan::io::array_var_context;
  namespace util = stan::services::util;
  return kind == "dense_e" ? std::make_shared<array_var_context>(
                                 util::create_unit_e_dense_inv_metric(parameters))
                           : std::make_shared<array_var_context>(
                                 util::create_unit_e_diag_inv_metric(parameters));
}

std::vector<Values> read_metrics(const Run& run, unsigned int chains) {
  const Setting& hmc = run.options.at("algorithm.hmc");
  const std::string& file = hmc.text("metric_file");
  if (file.empty() || hmc.text("metric") == "unit_e") {
    return std::vector<Values>(chains,
                               unit_metric(hmc.text("metric"), run.model.num_params_r()));
  }
  std::vector<Values> metrics;
  for (const auto& name : input_names(file, chains, run.id(), true)) {
    metrics.push_back(read_values(name));
  }
  return metrics;
}

// Of a chain that is alone in its process and whose output is a file, where it is wanted.
std::unique_ptr<Checkpoint> make_checkpoint(Run& run, Chains& chains) {
  const char* folder = std::getenv("STANCHION_CHECKPOINT");
  if (folder == nullptr || chains.count > 1 || !chains.draws[0].file()->is_file()) {
    return nullptr;
  }
  const char* seconds = std::getenv("STANCHION_CHECKPOINT_SECONDS");
  return std::make_unique<Checkpoint>(
      folder, seconds == nullptr ? 0 : std::strtod(seconds, nullptr),
      chain_identity(run.root, run.model.model_name(), run.model.num_params_r()), chains.draws[0],
      run.console);
}

int run_sampler(Run& run, Chains& chains) {
  const Setting& options = run.options;
  if (options.text("algorithm") == "fixed_param") {
    return sample_fixed(run, chains);
  }
  if (options.text("algorithm.hmc.engine") == "static") {
    return sample_static(run, chains);
  }
  return options.flag("adapt.engaged") ? sample_nuts_adapting(run, chains)
                                       : sample_nuts(run, chains);
}

}  // namespace

bool is_whole(const CsvWriter& writer, std::size_t expected, const std::string& what, Run& run) {
  if (writer.rows() == expected) {
    return true;
  }
  if (writer.rows() > 0 && !run.interrupt.is_due()) {
    writer.file()->refuse();
    run.console.error(what + " wrote " + std::to_string(writer.rows()) + " of "
                      + std::to_string(expected) + " draws: its output is not kept.");
  }
  return false;
}

int sample_fixed(Run& run, Chains& chains) {
  const Setting& options = run.options;
  return stan::services::sample::fixed_param(
      run.model, chains.count, chains.starts.values, run.seed(), run.id(), chains.starts.radius,
      options.integer("num_samples"), options.integer("thin"), run.refresh(), run.interrupt,
      run.console, chains.inits, chains.draws, chains.diagnostics);
}

int sample(Run& run) {
  const Setting& options = run.options;
  check(options);
  const unsigned int count = options.natural("num_chains");
  const bool nuts = options.text("algorithm") == "hmc"
                    && options.text("algorithm.hmc.engine") == "nuts";
  const bool save_metric = options.flag("adapt.save_metric");
  if (save_metric && !nuts) {
    run.console.warn("Warning: save_metric is only for NUTS; no metric file is written.");
  }
  Starts starts = run.starts(count);
  std::vector<Values> metrics = read_metrics(run, count);
  Chains chains{count,
                std::move(starts),
                std::move(metrics),
                std::vector<stan::callbacks::writer>(count),
                run.outputs.draws(count),
                run.outputs.diagnostics(count),
                run.outputs.metrics(count, save_metric && nuts)};
  const auto checkpoint = make_checkpoint(run, chains);
  const int code = run_sampler(run, chains);
  bool whole = true;
  for (unsigned int i = 0; i < count; ++i) {
    whole &= is_whole(chains.draws[i], expected_rows(options),
                      "Chain " + std::to_string(run.id() + i), run);
  }
  return code != 0 || whole ? code : 1;
}

}  // namespace driver
