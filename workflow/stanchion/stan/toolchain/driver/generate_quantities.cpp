// Generated quantities from draws that are there.
#include <stan/model/model_header.hpp>

#include "file_names.hpp"
#include "run.hpp"

#include <stan/services/sample/standalone_gqs.hpp>

#include <stdexcept>

namespace driver {
namespace {

// With several chains Stan's service writes the parameters before the quantities, although the
// header names the quantities alone: this lets only those through.
class QuantitiesOnly final : public stan::callbacks::writer {
 public:
  QuantitiesOnly(CsvWriter& table, std::size_t parameters)
      : table_(&table), parameters_(static_cast<Eigen::Index>(parameters)) {}

  using stan::callbacks::writer::operator();
  void operator()(const std::vector<std::string>& names) override { (*table_)(names); }
  void operator()(const std::vector<double>& row) override { (*table_)(row); }
  void operator()(const std::string& comment) override { (*table_)(comment); }
  void operator()(const Eigen::Matrix<double, -1, 1>& row) override {
    (*table_)(std::vector<double>(row.data() + parameters_, row.data() + row.size()));
  }

 private:
  CsvWriter* table_;
  Eigen::Index parameters_;
};

}  // namespace

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
  std::vector<QuantitiesOnly> writers;
  for (auto& table : tables) {
    writers.emplace_back(table, parameters.size());
  }
  const int code = stan::services::standalone_generate(
      run.model, static_cast<int>(chains), draws, run.seed(), run.interrupt, run.console, writers);
  bool whole = true;
  for (unsigned int i = 0; i < chains; ++i) {
    whole &= is_whole(tables[i], static_cast<std::size_t>(draws[i].rows()),
                      "Chain " + std::to_string(run.id() + i), run);
  }
  return code != 0 || whole ? code : 1;
}

}  // namespace driver
