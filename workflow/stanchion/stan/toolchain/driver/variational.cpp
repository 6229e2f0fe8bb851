// Automatic differentiation variational inference.
#include <stan/model/model_header.hpp>

#include "run.hpp"

#include <stan/services/experimental/advi/fullrank.hpp>
#include <stan/services/experimental/advi/meanfield.hpp>

namespace driver {

int variational(Run& run) {
  namespace advi = stan::services::experimental::advi;
  const Setting& options = run.options;
  const Starts starts = run.starts(1);
  stan::callbacks::writer inits;
  CsvWriter draws = run.outputs.draws(1)[0];
  CsvWriter elbo = run.outputs.diagnostics(1)[0];
  const auto with_family = [&](auto service) {
    return service(run.model, *starts.values[0], run.seed(), run.id(), starts.radius,
                   options.integer("grad_samples"), options.integer("elbo_samples"),
                   options.integer("iter"), options.real("tol_rel_obj"), options.real("eta"),
                   options.flag("adapt.engaged"), options.integer("adapt.iter"),
                   options.integer("eval_elbo"), options.integer("output_samples"), run.interrupt,
                   run.console, inits, draws, elbo);
  };
  const int code
      = options.text("algorithm") == "meanfield"
            ? with_family([](auto&&... arguments) { return advi::meanfield(arguments...); })
            : with_family([](auto&&... arguments) { return advi::fullrank(arguments...); });
  const auto expected = static_cast<std::size_t>(options.integer("output_samples")) + 1;
  const bool whole = is_whole(draws, expected, "The approximation", run);
  return code != 0 || whole ? code : 1;
}

}  // namespace driver
