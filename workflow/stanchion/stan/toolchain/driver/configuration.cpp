#include "configuration.hpp"

#include <stan/version.hpp>

namespace driver {
namespace {

void add_lines(const Setting& setting, const std::string& indent, std::vector<std::string>& lines) {
  const Argument& argument = setting.argument();
  if (argument.kind == Kind::category) {
    lines.push_back(indent + argument.name);
    for (const auto& child : setting.children()) {
      add_lines(child, indent + "  ", lines);
    }
    return;
  }
  lines.push_back(indent + argument.name + " = " + to_text(setting.value())
                  + (setting.is_default() ? " (Default)" : ""));
  if (argument.kind == Kind::choice && setting.chosen().argument().kind == Kind::category) {
    add_lines(setting.chosen(), indent + "  ", lines);
  }
}

void write_category(const Setting& setting, JsonWriter& json);

void write(const Setting& setting, JsonWriter& json) {
  const Argument& argument = setting.argument();
  if (argument.kind == Kind::category) {
    write_category(setting, json);
  } else if (argument.kind == Kind::choice) {
    json.begin_record(argument.name);
    json.write("value", std::get<std::string>(setting.value()));
    if (setting.chosen().argument().kind == Kind::category) {
      write_category(setting.chosen(), json);
    }
    json.end_record();
  } else {
    std::visit([&](const auto& value) { json.write(argument.name, value); }, setting.value());
  }
}

void write_category(const Setting& setting, JsonWriter& json) {
  json.begin_record(setting.argument().name);
  for (const auto& child : setting.children()) {
    write(child, json);
  }
  json.end_record();
}

}  // namespace

std::vector<std::string> version_lines() {
  return {"stan_version_major = " + stan::MAJOR_VERSION,
          "stan_version_minor = " + stan::MINOR_VERSION,
          "stan_version_patch = " + stan::PATCH_VERSION};
}

std::vector<std::string> setting_lines(const Setting& root) {
  std::vector<std::string> lines;
  for (const auto& child : root.children()) {
    add_lines(child, "", lines);
  }
  return lines;
}

void write_configuration(const Setting& root, const Program& program, JsonWriter& json) {
  json.begin_record();
  json.write("stan_major_version", stan::MAJOR_VERSION);
  json.write("stan_minor_version", stan::MINOR_VERSION);
  json.write("stan_patch_version", stan::PATCH_VERSION);
  json.write("model_name", program.model);
  json.write("start_datetime", program.started);
  for (const auto& child : root.children()) {
    write(child, json);
  }
  json.write("mpi_enabled", false);
  for (const auto& line : program.compiled) {
    const auto equals = line.find('=');
    if (equals != std::string::npos && equals >= 1) {
      json.write(line.substr(0, equals - 1), line.substr(std::min(equals + 2, line.size())));
    }
  }
  json.end_record();
}

}  // namespace driver
