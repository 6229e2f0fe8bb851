// Point estimates.
#include <stan/model/model_header.hpp>

#include "run.hpp"

#include <stan/services/optimize/bfgs.hpp>
#include <stan/services/optimize/lbfgs.hpp>
#include <stan/services/optimize/newton.hpp>

namespace driver {
namespace {

namespace optimizing = stan::services::optimize;
using Model = stan::model::model_base;

template <bool jacobian>
int run_optimizer(Run& run) {
  const Setting& options = run.options;
  const int iterations = options.integer("iter");
  const bool save = options.flag("save_iterations");
  const Starts starts = run.starts(1);
  const stan::io::var_context& start = *starts.values[0];
  stan::callbacks::writer inits;
  CsvWriter points = run.outputs.draws(1)[0];
  run.outputs.diagnostics(1);
  const std::string& algorithm = options.text("algorithm");
  if (algorithm == "newton") {
    return optimizing::newton<Model, jacobian>(run.model, start, run.seed(), run.id(),
                                               starts.radius, iterations, save, run.interrupt,
                                               run.console, inits, points);
  }
  const Setting& search = options.at("algorithm").chosen();
  if (algorithm == "bfgs") {
    return optimizing::bfgs<Model, jacobian>(
        run.model, start, run.seed(), run.id(), starts.radius, search.real("init_alpha"),
        search.real("tol_obj"), search.real("tol_rel_obj"), search.real("tol_grad"),
        search.real("tol_rel_grad"), search.real("tol_param"), iterations, save, run.refresh(),
        run.interrupt, run.console, inits, points);
  }
  return optimizing::lbfgs<Model, jacobian>(
      run.model, start, run.seed(), run.id(), starts.radius, search.integer("history_size"),
      search.real("init_alpha"), search.real("tol_obj"), search.real("tol_rel_obj"),
      search.real("tol_grad"), search.real("tol_rel_grad"), search.real("tol_param"), iterations,
      save, run.refresh(), run.interrupt, run.console, inits, points);
}

}  // namespace

int optimize(Run& run) {
  return run.options.flag("jacobian") ? run_optimizer<true>(run) : run_optimizer<false>(run);
}

}  // namespace driver
