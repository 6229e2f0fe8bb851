// The files that a run writes, each with its header; they appear together when it is over.
#pragma once

#include "configuration.hpp"
#include "csv_writer.hpp"
#include "output_file.hpp"

#include <memory>
#include <string>
#include <vector>

namespace driver {

class Outputs {
 public:
  Outputs(const Setting& root, const Program& program, WriteFault& fault);

  // The CSV of each chain, and of the same name with the chain's diagnostics or with nothing.
  std::vector<CsvWriter> draws(unsigned int chains);
  std::vector<CsvWriter> diagnostics(unsigned int chains);
  // JSON beside the output: stem + "_metric" for each chain.
  std::vector<JsonWriter> metrics(unsigned int chains, bool wanted);

  // Throws where the file cannot be opened, is an input, or is open already.
  OutputFile& open(const std::string& name);
  CsvWriter csv(const std::string& name);
  JsonWriter json(const std::string& name);
  // JSON that takes its name from diagnostic_file or, where `otherwise`, from the output.
  std::vector<JsonWriter> structured(const std::string& tag, unsigned int count, bool otherwise);

  // The configuration beside the first output, where the user wants it.
  void save_configuration();

  // Gives the files their names: all that are whole, unless something could not be written.
  void publish();

 private:
  const Setting& root_;
  const Program& program_;
  WriteFault& fault_;
  std::vector<std::unique_ptr<OutputFile>> files_;

  CsvWriter with_header(const std::string& name, bool is_main);
  unsigned int first_id() const;
};

}  // namespace driver
