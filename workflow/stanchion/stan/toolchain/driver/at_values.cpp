// What a model says at parameter values that a file gives: log_prob, laplace, diagnose.
#include <stan/model/model_header.hpp>

#include "run.hpp"

#include <stan/model/log_prob_grad.hpp>
#include <stan/services/diagnose/diagnose.hpp>
#include <stan/services/optimize/laplace_sample.hpp>

#include <iostream>
#include <stdexcept>

namespace driver {
namespace {

using Points = std::vector<std::vector<double>>;

bool is_csv(const std::string& file) {
  return file.size() >= 4 && file.compare(file.size() - 4, 4, ".csv") == 0;
}

std::vector<std::string> parameter_names(const stan::model::model_base& model) {
  std::vector<std::string> names;
  model.constrained_param_names(names, false, false);
  return names;
}

Points unconstrain(const stan::model::model_base& model, const Eigen::MatrixXd& rows) {
  Points points;
  for (Eigen::Index i = 0; i < rows.rows(); ++i) {
    const Eigen::RowVectorXd row = rows.row(i);
    std::vector<double> point;
    model.unconstrain_array(std::vector<double>(row.data(), row.data() + row.size()), point,
                            &std::cout);
    points.push_back(point);
  }
  return points;
}

std::vector<double> unconstrain(const stan::model::model_base& model, const Values& values) {
  std::vector<int> none;
  std::vector<double> point;
  try {
    model.transform_inits(*values, none, point, &std::cout);
  } catch (const std::exception& error) {
    throw std::invalid_argument(std::string(error.what())
                                + "\nBad or missing parameter values, cannot unconstrain.");
  }
  return point;
}

Points constrained_points(const Run& run, const std::string& file) {
  if (!is_csv(file)) {
    return {unconstrain(run.model, read_values(file))};
  }
  const Draws draws = read_draws(file);
  return unconstrain(run.model, draws.columns(parameter_names(run.model),
                                              "Mismatch between model and csv file \"" + file
                                                  + "\""));
}

// One point, or a list of them: dims are (parameters) or (points, parameters), column by column.
Points unconstrained_points(const Run& run, const std::string& file) {
  const Values values = read_values(file);
  if (!values->contains_r("params_r")) {
    throw std::invalid_argument("Unconstrained parameters file has no variable 'params_r' with "
                                "unconstrained parameter values!");
  }
  const std::vector<double> given = values->vals_r("params_r");
  const std::vector<size_t> dims = values->dims_r("params_r");
  const std::size_t parameters = run.model.num_params_r();
  const std::size_t found = dims.empty() ? 1 : dims.back();
  if (dims.size() > 2 || found != parameters) {
    throw std::invalid_argument("Incorrect number of unconstrained parameters provided! Model has "
                                + std::to_string(parameters) + " parameters but "
                                + std::to_string(found) + " were found.");
  }
  const std::size_t count = dims.size() == 2 ? dims[0] : 1;
  Points points(count, std::vector<double>(parameters));
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < parameters; ++j) {
      points[i][j] = given[j * count + i];
    }
  }
  return points;
}

Points points_of(const Run& run) {
  const std::string& unconstrained = run.options.text("unconstrained_params");
  const std::string& constrained = run.options.text("constrained_params");
  if (unconstrained.empty() && constrained.empty()) {
    throw std::invalid_argument("No input parameter files provided, cannot calculate log "
                                "probability density.");
  }
  if (!unconstrained.empty() && !constrained.empty()) {
    throw std::invalid_argument("Cannot specify both input files of both constrained and "
                                "unconstrained parameter values.");
  }
  return constrained.empty() ? unconstrained_points(run, unconstrained)
                             : constrained_points(run, constrained);
}

Eigen::VectorXd read_mode(const Run& run) {
  const std::string& file = run.options.text("mode");
  if (file.empty()) {
    throw std::invalid_argument("Missing mode argument, cannot get laplace sample without "
                                "parameter estimates theta-hat");
  }
  std::vector<double> mode;
  if (is_csv(file)) {
    const Draws draws = read_draws(file);
    if (draws.method != "optimize" || draws.rows.rows() == 0) {
      throw std::invalid_argument("CSV file is not output from Stan optimization");
    }
    const auto columns = draws.columns(parameter_names(run.model),
                                       "Mismatch between model and mode csv file \"" + file + "\"");
    mode = unconstrain(run.model, columns.bottomRows(1)).front();
  } else if (file.size() >= 5 && file.compare(file.size() - 5, 5, ".json") == 0) {
    mode = unconstrain(run.model, read_values(file));
  } else {
    throw std::invalid_argument("Mode file must be CSV or JSON, found " + file);
  }
  return Eigen::Map<const Eigen::VectorXd>(mode.data(), static_cast<Eigen::Index>(mode.size()));
}

}  // namespace

int log_prob(Run& run) {
  const Points points = points_of(run);
  std::vector<std::string> parameters;
  run.model.unconstrained_param_names(parameters, false, false);
  std::vector<std::string> names{"lp__"};
  for (const auto& name : parameters) {
    names.push_back("g_" + name);
  }
  CsvWriter table = run.outputs.draws(1)[0];
  run.outputs.diagnostics(1);
  table(names);
  for (std::vector<double> point : points) {
    run.interrupt();
    std::vector<int> none;
    std::vector<double> row;
    std::stringstream said;
    const double lp
        = run.options.flag("jacobian")
              ? stan::model::log_prob_grad<true, true>(run.model, point, none, row, &said)
              : stan::model::log_prob_grad<true, false>(run.model, point, none, row, &said);
    if (!said.str().empty()) {
      run.console.info(said);
    }
    row.insert(row.begin(), lp);
    table(row);
  }
  return 0;
}

int laplace(Run& run) {
  const Setting& options = run.options;
  const Eigen::VectorXd mode = read_mode(run);
  const int draws = options.integer("draws");
  CsvWriter table = run.outputs.draws(1)[0];
  JsonWriter hessian = std::move(run.outputs.structured("", 1, false)[0]);
  const auto with_jacobian = [&](auto service) {
    return service(run.model, mode, draws, options.flag("calculate_lp"), run.seed(), run.refresh(),
                   run.interrupt, run.console, table, hessian);
  };
  const int code = options.flag("jacobian")
                       ? with_jacobian([](auto&&... x) {
                           return stan::services::laplace_sample<true>(x...);
                         })
                       : with_jacobian([](auto&&... x) {
                           return stan::services::laplace_sample<false>(x...);
                         });
  const bool whole = is_whole(table, static_cast<std::size_t>(draws), "The approximation", run);
  return code != 0 || whole ? code : 1;
}

int diagnose(Run& run) {
  const Setting& gradient = run.options.at("test.gradient");
  const Starts starts = run.starts(1);
  stan::callbacks::writer inits;
  CsvWriter table = run.outputs.draws(1)[0];
  run.outputs.diagnostics(1);
  return stan::services::diagnose::diagnose(
      run.model, *starts.values[0], run.seed(), run.id(), starts.radius, gradient.real("epsilon"),
      gradient.real("error"), run.interrupt, run.console, inits, table);
}

}  // namespace driver
