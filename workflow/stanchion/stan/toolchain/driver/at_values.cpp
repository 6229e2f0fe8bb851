// What a model says at parameter values that a file gives: log_prob, laplace, diagnose.
#include <stan/model/model_header.hpp>

#include "run.hpp"

#include <stan/model/log_prob_grad.hpp>
#include <stan/services/diagnose/diagnose.hpp>
#include <stan/services/optimize/laplace_sample.hpp>

#include <iostream>
#include <limits>
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

namespace {

// The log density at a point, and its gradient; where the model rejects the point, minus infinity.
template <bool propto, bool jacobian>
double density(Run& run, std::vector<double> point, std::vector<double>& gradient) {
  std::vector<int> none;
  std::stringstream said;
  double lp = -std::numeric_limits<double>::infinity();
  try {
    lp = stan::model::log_prob_grad<propto, jacobian>(run.model, point, none, gradient, &said);
  } catch (const std::domain_error& error) {
    gradient.assign(point.size(), std::numeric_limits<double>::quiet_NaN());
    run.console.info(error.what());
  }
  if (!said.str().empty()) {
    run.console.info(said);
  }
  return lp;
}

void add_names(std::vector<std::string>& names, const std::string& prefix,
               const std::vector<std::string>& more) {
  for (const auto& name : more) {
    names.push_back(prefix + name);
  }
}

std::vector<std::string> evaluated_names(const stan::model::model_base& model, bool quantities) {
  std::vector<std::string> names{"lp__", "lp_no_jacobian__", "lp_propto__",
                                 "lp_propto_no_jacobian__"};
  std::vector<std::string> parameters;
  model.unconstrained_param_names(parameters, false, false);
  add_names(names, "unconstrained__.", parameters);
  add_names(names, "gradient__.", parameters);
  add_names(names, "gradient_no_jacobian__.", parameters);
  std::vector<std::string> variables;
  model.constrained_param_names(variables, true, quantities);
  add_names(names, "", variables);
  return names;
}

std::vector<double> variables_at(Run& run, std::vector<double> point, bool quantities,
                                 stan::rng_t& random, std::size_t size) {
  std::vector<int> none;
  std::vector<double> values;
  std::stringstream said;
  try {
    run.model.write_array(random, point, none, values, true, quantities, &said);
  } catch (const std::domain_error& error) {
    run.console.info(error.what());
  }
  if (!said.str().empty()) {
    run.console.info(said);
  }
  values.resize(size, std::numeric_limits<double>::quiet_NaN());
  return values;
}

}  // namespace

int evaluate(Run& run) {
  const Points points = points_of(run);
  const bool quantities = run.options.flag("generated_quantities");
  const auto names = evaluated_names(run.model, quantities);
  const std::size_t before = 4 + 3 * run.model.num_params_r();
  stan::rng_t random = stan::services::util::create_rng(run.seed(), run.id());
  CsvWriter table = run.outputs.draws(1)[0];
  run.outputs.diagnostics(1);
  table(names);
  for (const std::vector<double>& point : points) {
    run.interrupt();
    std::vector<double> ignored;
    std::vector<double> gradient;
    std::vector<double> no_jacobian;
    std::vector<double> row{density<false, true>(run, point, gradient),
                            density<false, false>(run, point, no_jacobian),
                            density<true, true>(run, point, ignored),
                            density<true, false>(run, point, ignored)};
    const auto values = variables_at(run, point, quantities, random, names.size() - before);
    for (const auto* part : {&point, static_cast<const std::vector<double>*>(&gradient),
                             static_cast<const std::vector<double>*>(&no_jacobian), &values}) {
      row.insert(row.end(), part->begin(), part->end());
    }
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
