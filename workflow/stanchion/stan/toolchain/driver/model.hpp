// The compiled Stan program that the driver is linked with.
#pragma once

#include "configuration.hpp"
#include "outputs.hpp"

#include <stan/io/var_context.hpp>

#include <memory>
#include <string>
#include <vector>

namespace stan::model {
class model_base;
}

namespace driver {

// Reads the data and makes the model; throws what Stan says of them.
std::shared_ptr<stan::model::model_base> make_model(stan::io::var_context& data,
                                                    unsigned int seed);

Program describe(const stan::model::model_base& model, const std::string& started);

// Lines on how the driver was compiled, as `info` gives them.
std::vector<std::string> build_lines();

// Gives chains and the model's own parallel loops this many threads; -1 for all there are.
void use_threads(int threads);

// Where the program has profile statements, writes what they measured.
void write_profile(const std::string& name, Outputs& outputs);

}  // namespace driver
