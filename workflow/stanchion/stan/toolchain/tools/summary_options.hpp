#ifndef STANCHION_TOOLS_SUMMARY_OPTIONS_HPP
#define STANCHION_TOOLS_SUMMARY_OPTIONS_HPP

// The command line of `stansummary`.

#include <cmath>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace stanchion {

struct SummaryOptions {
  int digits = 2;
  bool digits_given = false;  // the CSV has six where nothing was said
  int autocorrelation = 0;  // number of a chain, from 1; 0: not asked for
  std::string csv;
  std::vector<std::string> percentiles{"5", "50", "95"};
  std::vector<std::string> parameters;
  std::vector<std::string> files;
  bool help = false;
};

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

inline std::vector<std::string> split_percentiles(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  double previous = -1;
  for (std::string part; std::getline(in, part, ',');) {
    part = trimmed(part);
    std::size_t used = 0;
    double value = NAN;
    try {
      value = std::stod(part, &used);
    } catch (const std::logic_error&) {
    }
    if (used != part.size() || !(value >= 0 && value <= 100) || value <= previous)
      throw UsageError("Option --percentiles " + text
                       + ": values must be in range (0, 100), inclusive, and strictly increasing.");
    previous = value;
    parts.push_back(part);
  }
  return parts;
}

inline int whole_number(const std::string& name, const std::string& text, int low, int high) {
  std::size_t used = 0;
  int value = low - 1;
  try {
    value = std::stoi(text, &used);
  } catch (const std::logic_error&) {
  }
  if (used != text.size() || value < low || value > high)
    throw UsageError("--" + name + ": Value " + text + " not in range " + std::to_string(low)
                     + " to " + std::to_string(high));
  return value;
}

inline void set_option(SummaryOptions& options, const std::string& name, const std::string& value) {
  if (name == "sig_figs") {
    options.digits = whole_number(name, value, 1, 18);
    options.digits_given = true;
  } else if (name == "autocorr")
    options.autocorrelation = whole_number(name, value, 1, 1000000);
  else if (name == "percentiles")
    options.percentiles = split_percentiles(value);
  else if (name == "include_param")
    options.parameters.push_back(value);
  else if (std::ifstream(value).good())
    throw UsageError("--csv_filename: Path already exists: " + value);
  else
    options.csv = value;
}

// Options are `--name=value`, `--name value`, `-n value` or `-nvalue`; the rest are files.
inline SummaryOptions parse_summary_options(int argc, char** argv) {
  static const std::vector<std::string> names{"sig_figs", "autocorr", "csv_filename", "percentiles",
                                              "include_param"};
  SummaryOptions options;
  for (int n = 1; n < argc; ++n) {
    const std::string word = argv[n];
    options.help |= word == "-h" || word == "--help";
    if (word.size() < 2 || word[0] != '-') {
      options.files.push_back(word);
      continue;
    }
    if (options.help)
      return options;
    const bool is_long = word[1] == '-';
    const auto equals = is_long ? word.find('=') : std::string::npos;
    std::string found;
    for (const auto& name : names)
      if (is_long ? word.substr(2, equals - 2) == name : word[1] == name[0])
        found = name;
    if (found.empty())
      throw UsageError("The following argument was not expected: " + word);
    if (equals != std::string::npos)
      set_option(options, found, word.substr(equals + 1));
    else if (!is_long && word.size() > 2)
      set_option(options, found, word.substr(2));
    else if (++n < argc)
      set_option(options, found, argv[n]);
    else
      throw UsageError("--" + found + ": 1 required TEXT missing");
  }
  for (const auto& file : options.files)
    if (!std::ifstream(file).good())
      throw UsageError("input_files: File does not exist: " + file);
  return options;
}

}  // namespace stanchion

#endif
