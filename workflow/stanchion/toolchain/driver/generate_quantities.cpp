// Generated quantities from draws that are there.
#include <stan/model/model_header.hpp>

#include "file_names.hpp"
#include "run.hpp"

#include <stan/services/sample/standalone_gqs.hpp>

#include <stdexcept>

namespace driver {

int generate_quantities(Run& run) {
  const unsigned int chains = run.options.natural("num_chains");
  const std::string& given = run.options.text("fitted_params");
  if (given.empty()) {
    throw std::invalid_argument(
        "Missing fitted_params argument, cannot run generate_quantities without fitted sample.");
  }
  std::vector<std::string> parameters;
  run.model.constrained_param_names(parameters, false, false);
  std::vector<Eigen::MatrixXd> draws;
  for (const auto& name : input_names(given, chains, run.id(), false)) {
    if (split_suffix(name).second != ".csv") {
      throw std::invalid_argument("Fitted params file must be a CSV file.");
    }
    draws.push_back(read_draws(name).columns(
        parameters, "Mismatch between model and fitted_parameters csv file \"" + name + "\""));
  }
  std::vector<CsvWriter> tables = run.outputs.draws(chains);
  run.outputs.diagnostics(chains);
  const int code = stan::services::standalone_generate(
      run.model, static_cast<int>(chains), draws, run.seed(), run.interrupt, run.console, tables);
  bool whole = true;
  for (unsigned int i = 0; i < chains; ++i) {
    whole &= is_whole(tables[i], static_cast<std::size_t>(draws[i].rows()),
                      "Chain " + std::to_string(run.id() + i), run);
  }
  return code != 0 || whole ? code : 1;
}

}  // namespace driver
