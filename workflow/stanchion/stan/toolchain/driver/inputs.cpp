#include "inputs.hpp"

#include "file_names.hpp"

#include <stan/io/dump.hpp>
#include <stan/io/empty_var_context.hpp>
#include <stan/io/json/json_data.hpp>

#include <cstdlib>
#include <iostream>
#include <stdexcept>

namespace driver {
namespace {

std::vector<std::string>& remembered() {
  static std::vector<std::string> names;
  return names;
}

// The whole text is one number.
bool is_number(const std::string& text, double& number) {
  char* end = nullptr;
  number = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0';
}

}  // namespace

std::ifstream open_input(const std::string& name) {
  std::ifstream file(name);
  if (!file) {
    throw std::invalid_argument("Can't open specified file, \"" + name + "\"");
  }
  remembered().push_back(name);
  return file;
}

const std::vector<std::string>& inputs_read() { return remembered(); }

Values no_values() { return std::make_shared<stan::io::empty_var_context>(); }

Values read_values(const std::string& name) {
  if (name.empty()) {
    return no_values();
  }
  const std::string suffix = split_suffix(name).second;
  if (suffix != ".json" && suffix != ".R") {
    throw std::invalid_argument("User specified files must end in .json or .R. Found: " + name);
  }
  std::ifstream file = open_input(name);
  if (suffix == ".json") {
    return std::make_shared<stan::json::json_data>(file);
  }
  std::cerr << "Warning: file '" << name << "' is being read as an 'RDump' file.\n"
            << "\tThis format is deprecated and will not receive new features.\n"
            << "\tConsider saving your data in JSON format instead." << std::endl;
  return std::make_shared<stan::io::dump>(file);
}

Starts read_starts(const std::string& init, unsigned int chains, unsigned int first_id) {
  double radius = 2;
  if (is_number(init, radius)) {
    if (!(radius >= 0 && radius < HUGE_VAL)) {
      throw std::invalid_argument(init + " is not a valid value for \"init\"\n"
                                  + "  Valid values: 0 <= init, or a file");
    }
    return {radius, std::vector<Values>(chains, no_values())};
  }
  Starts starts{2, {}};
  for (const auto& name : input_names(init, chains, first_id, true)) {
    starts.values.push_back(read_values(name));
  }
  return starts;
}

}  // namespace driver
