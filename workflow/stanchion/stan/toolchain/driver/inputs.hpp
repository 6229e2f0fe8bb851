// What a run reads: values in JSON or R dump, and draws in Stan CSV.
#pragma once

#include <stan/io/var_context.hpp>
#include <stan/math/prim/fun/Eigen.hpp>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace driver {

using Values = std::shared_ptr<stan::io::var_context>;

// Opens an input, and remembers that it is one: no output may be written over it.
std::ifstream open_input(const std::string& name);
const std::vector<std::string>& inputs_read();

Values no_values();
// From a .json or .R file. No file name, no values.
Values read_values(const std::string& name);

// Where chains start: within a radius, or at values that files give.
struct Starts {
  double radius;
  std::vector<Values> values;
};
Starts read_starts(const std::string& init, unsigned int chains, unsigned int first_id);

// A Stan CSV, every row of it: whoever reads the results knows which were warm-up.
struct Draws {
  std::string method;
  std::vector<std::string> names;
  Eigen::MatrixXd rows;  // draw × column

  // The columns of these names; `mismatch` says what is wrong where one is missing.
  Eigen::MatrixXd columns(const std::vector<std::string>& wanted,
                          const std::string& mismatch) const;
};
Draws read_draws(const std::string& name);

}  // namespace driver
