#include "outputs.hpp"

#include "file_names.hpp"
#include "inputs.hpp"

#include <filesystem>
#include <stdexcept>

namespace driver {

Outputs::Outputs(const Setting& root, const Program& program, WriteFault& fault)
    : root_(root), program_(program), fault_(fault) {}

unsigned int Outputs::first_id() const { return root_.natural("id"); }

std::vector<CsvWriter> Outputs::draws(unsigned int chains) {
  std::vector<CsvWriter> writers;
  for (const auto& name : output_names(root_.text("output.file"), "", ".csv", chains, first_id())) {
    writers.push_back(with_header(name, true));
  }
  return writers;
}

std::vector<CsvWriter> Outputs::diagnostics(unsigned int chains) {
  const std::string& given = root_.text("output.diagnostic_file");
  if (given.empty()) {
    return std::vector<CsvWriter>(chains);
  }
  std::vector<CsvWriter> writers;
  for (const auto& name : output_names(given, "", ".csv", chains, first_id())) {
    writers.push_back(with_header(name, false));
  }
  return writers;
}

std::vector<JsonWriter> Outputs::metrics(unsigned int chains, bool wanted) {
  std::vector<JsonWriter> writers(wanted ? 0 : chains);
  if (wanted) {
    for (const auto& name : output_names(root_.text("output.file"), "_metric", ".json", chains,
                                         first_id(), false)) {
      writers.push_back(json(name));
    }
  }
  return writers;
}

std::vector<JsonWriter> Outputs::structured(const std::string& tag, unsigned int count,
                                            bool otherwise) {
  const std::string& given = root_.text("output.diagnostic_file");
  if (given.empty() && !otherwise) {
    return std::vector<JsonWriter>(count);
  }
  std::vector<JsonWriter> writers;
  for (const auto& name : output_names(given.empty() ? root_.text("output.file") : given, tag,
                                       ".json", count, first_id(), false)) {
    writers.push_back(json(name));
  }
  return writers;
}

CsvWriter Outputs::csv(const std::string& name) { return with_header(name, true); }

CsvWriter Outputs::with_header(const std::string& name, bool is_main) {
  CsvWriter writer(open(name), root_.integer("output.sig_figs"));
  for (const auto& line : version_lines()) {
    writer(line);
  }
  writer("model = " + program_.model);
  if (is_main) {
    writer("start_datetime = " + program_.started);
  }
  for (const auto& line : setting_lines(root_)) {
    writer(line);
  }
  if (is_main) {
    for (const auto& line : program_.compiled) {
      writer(line);
    }
  }
  return writer;
}

JsonWriter Outputs::json(const std::string& name) {
  auto stream = std::make_unique<std::ostream>(&open(name));
  const int digits = root_.integer("output.sig_figs");
  if (digits >= 0) {
    stream->precision(digits);
  }
  return JsonWriter(std::move(stream));
}

OutputFile& Outputs::open(const std::string& name) {
  std::error_code ignored;
  for (const auto& file : files_) {
    if (file->name() == name) {
      throw std::invalid_argument("Two outputs have the same name: \"" + name + "\"");
    }
  }
  for (const auto& input : inputs_read()) {
    if (std::filesystem::is_regular_file(name, ignored)
        && std::filesystem::equivalent(name, input, ignored)) {
      throw std::invalid_argument("The output file \"" + name
                                  + "\" is an input of this run and would be written over");
    }
  }
  files_.push_back(std::make_unique<OutputFile>(name, fault_));
  if (fault_.any()) {
    throw std::runtime_error(fault_.sentence());
  }
  return *files_.back();
}

void Outputs::save_configuration() {
  if (!root_.flag("output.save_cmdstan_config")) {
    return;
  }
  const std::string& given = root_.text("output.file");
  const std::string first = given.substr(0, given.find(','));
  JsonWriter writer = json(split_suffix(first).first + "_config.json");
  write_configuration(root_, program_, writer);
}

void Outputs::publish() {
  for (auto& file : files_) {
    if (file->is_refused() || file->is_empty()) {
      file->discard();
    } else {
      file->finish();
    }
  }
  for (auto& file : files_) {
    if (!fault_.any()) {
      file->publish();
    }
  }
  if (fault_.any()) {
    files_.clear();  // each leaves nothing behind
  }
}

}  // namespace driver
