// How a run was configured, as CmdStan writes it: lines of text, and JSON.
#pragma once

#include "settings.hpp"

#include <stan/callbacks/json_writer.hpp>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace driver {

using JsonWriter = stan::callbacks::json_writer<std::ostream>;

// What is known of the program that runs, beside its settings.
struct Program {
  std::string model;                  // its name
  std::vector<std::string> compiled;  // "stanc_version = …", "stancflags = …"
  std::string started;                // "2026-01-31 12:00:00 UTC"
};

// The three lines that tell Stan's version, as they also stand at the top of every CSV.
std::vector<std::string> version_lines();

// All settings, indented by two spaces a level, with "(Default)" where they are.
std::vector<std::string> setting_lines(const Setting& root);

void write_configuration(const Setting& root, const Program& program, JsonWriter& json);

}  // namespace driver
