// One run of a method over a model.
#pragma once

#include "console.hpp"
#include "inputs.hpp"
#include "outputs.hpp"
#include "settings.hpp"

#include <stan/callbacks/writer.hpp>

#include <string>
#include <vector>

namespace stan::model {
class model_base;
}

namespace driver {

struct Run {
  const Setting& root;     // every setting
  const Setting& options;  // those of the method
  stan::model::model_base& model;
  Outputs& outputs;
  Console& console;
  StopOnFault& interrupt;

  unsigned int seed() const { return root.natural("random.seed"); }
  unsigned int id() const { return root.natural("id"); }
  int refresh() const { return root.integer("output.refresh"); }
  Starts starts(unsigned int chains) const {
    return read_starts(root.text("init"), chains, id());
  }
};

// Each method returns zero when it went well, as Stan's services do.
int sample(Run& run);
int optimize(Run& run);
int variational(Run& run);
int diagnose(Run& run);
int generate_quantities(Run& run);
int pathfinder(Run& run);
int log_prob(Run& run);
int laplace(Run& run);
int evaluate(Run& run);

// What a chain of a sampler is made of, for all chains.
struct Chains {
  unsigned int count;
  Starts starts;
  std::vector<Values> metrics;  // inverse metrics
  std::vector<stan::callbacks::writer> inits;
  std::vector<CsvWriter> draws;
  std::vector<CsvWriter> diagnostics;
  std::vector<JsonWriter> metric_files;
};

int sample_nuts(Run& run, Chains& chains);
int sample_nuts_adapting(Run& run, Chains& chains);
int sample_static(Run& run, Chains& chains);
int sample_fixed(Run& run, Chains& chains);

// Refuses a file that holds some rows, but fewer than it should; says so.
bool is_whole(const CsvWriter& writer, std::size_t expected, const std::string& what, Run& run);

}  // namespace driver
