// Pathfinder with one path.
#include <stan/model/model_header.hpp>

#include "run.hpp"

#include <stan/services/pathfinder/single.hpp>

namespace driver {

int follow_one_path(Run& run, const Starts& starts, bool keep_path) {
  const Setting& options = run.options;
  stan::callbacks::writer inits;
  CsvWriter draws = run.outputs.draws(1)[0];
  JsonWriter path = std::move(run.outputs.structured("", 1, keep_path)[0]);
  const bool wanted = keep_path || !run.root.text("output.diagnostic_file").empty();
  const int code = stan::services::pathfinder::pathfinder_lbfgs_single(
      run.model, *starts.values[0], run.seed(), run.id(), starts.radius,
      options.integer("history_size"), options.real("init_alpha"), options.real("tol_obj"),
      options.real("tol_rel_obj"), options.real("tol_grad"), options.real("tol_rel_grad"),
      options.real("tol_param"), options.integer("max_lbfgs_iters"),
      options.integer("num_elbo_draws"), options.integer("num_draws"), wanted, run.refresh(),
      run.interrupt, run.console, inits, draws, path, options.flag("calculate_lp"));
  if (code != 0 && draws.rows() > 0) {
    draws.file()->refuse();
  }
  return code;
}

}  // namespace driver
