// Pathfinder: one path, or several with importance resampling.
#include <stan/model/model_header.hpp>

#include "file_names.hpp"
#include "run.hpp"

#include <stan/services/pathfinder/multi.hpp>
#include <stan/services/pathfinder/single.hpp>

namespace driver {
namespace {

namespace pathfinding = stan::services::pathfinder;

void warn_of_resampling(Run& run) {
  const Setting& options = run.options;
  const double draws = double(options.integer("num_draws")) * options.integer("num_paths");
  if (options.integer("num_psis_draws") > draws) {
    run.console.warn(
        "Warning: Number of PSIS draws is larger than the total number of draws returned by the "
        "single Pathfinders. This is likely unintentional and leads to re-sampling from the same "
        "draws.");
  }
}

int one_path(Run& run, const Starts& starts, bool keep_path) {
  const Setting& options = run.options;
  stan::callbacks::writer inits;
  CsvWriter draws = run.outputs.draws(1)[0];
  JsonWriter path = std::move(run.outputs.structured("", 1, keep_path)[0]);
  const bool wanted = keep_path || !run.root.text("output.diagnostic_file").empty();
  const int code = pathfinding::pathfinder_lbfgs_single(
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

std::vector<CsvWriter> path_draws(Run& run, unsigned int paths, bool keep_paths) {
  if (!keep_paths) {
    return std::vector<CsvWriter>(paths);
  }
  std::vector<CsvWriter> writers;
  for (const auto& name : output_names(run.root.text("output.file"), "_path", ".csv", paths,
                                       run.id())) {
    writers.push_back(run.outputs.csv(name));
  }
  return writers;
}

int several_paths(Run& run, const Starts& starts, unsigned int paths, bool keep_paths) {
  const Setting& options = run.options;
  std::vector<stan::callbacks::writer> inits(paths);
  CsvWriter draws = run.outputs.draws(1)[0];
  stan::callbacks::writer unused;
  std::vector<CsvWriter> single_draws = path_draws(run, paths, keep_paths);
  std::vector<JsonWriter> single_paths = run.outputs.structured("_path", paths, keep_paths);
  const bool wanted = keep_paths || !run.root.text("output.diagnostic_file").empty();
  const int code = pathfinding::pathfinder_lbfgs_multi(
      run.model, starts.values, run.seed(), run.id(), starts.radius,
      options.integer("history_size"), options.real("init_alpha"), options.real("tol_obj"),
      options.real("tol_rel_obj"), options.real("tol_grad"), options.real("tol_rel_grad"),
      options.real("tol_param"), options.integer("max_lbfgs_iters"),
      options.integer("num_elbo_draws"), options.integer("num_draws"),
      options.integer("num_psis_draws"), options.integer("num_paths"), wanted, run.refresh(),
      run.interrupt, run.console, inits, single_draws, single_paths, draws, unused,
      options.flag("calculate_lp"), options.flag("psis_resample"));
  if (code != 0 && draws.rows() > 0) {
    draws.file()->refuse();
  }
  return code;
}

}  // namespace

int pathfinder(Run& run) {
  const unsigned int paths = run.options.natural("num_paths");
  const bool keep_paths = run.options.flag("save_single_paths");
  warn_of_resampling(run);
  const Starts starts = run.starts(paths);
  return paths == 1 ? one_path(run, starts, keep_paths)
                    : several_paths(run, starts, paths, keep_paths);
}

}  // namespace driver
