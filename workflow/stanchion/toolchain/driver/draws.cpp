#include "inputs.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>

namespace driver {
namespace {

std::string trim(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  const auto last = text.find_last_not_of(" \t\r");
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells;
  std::size_t start = 0;
  for (std::size_t comma; (comma = line.find(',', start)) != std::string::npos; start = comma + 1) {
    cells.push_back(trim(line.substr(start, comma - start)));
  }
  cells.push_back(trim(line.substr(start)));
  return cells;
}

using Settings = std::map<std::string, std::string>;

// Keeps "name = value (Default)" of a comment; the first of a name counts.
void keep_setting(const std::string& comment, Settings& settings) {
  const auto equals = comment.find(" = ");
  if (equals != std::string::npos) {
    const std::string value = comment.substr(equals + 3);
    settings.emplace(trim(comment.substr(1, equals - 1)), trim(value.substr(0, value.find(" ("))));
  }
}

// Rows that come before the draws: the warm-up, or the mean of a variational approximation.
std::size_t rows_before_draws(Settings settings) {
  if (settings["method"] == "variational") {
    return 1;
  }
  const std::string saved = settings["save_warmup"];
  if (settings["method"] != "sample" || settings["algorithm"] == "fixed_param"
      || (saved != "true" && saved != "1")) {
    return 0;
  }
  const auto warmup = std::strtoul(settings["num_warmup"].c_str(), nullptr, 10);
  const auto thin = std::max(1UL, std::strtoul(settings["thin"].c_str(), nullptr, 10));
  return (warmup + thin - 1) / thin;
}

std::vector<double> read_row(const std::string& line, std::size_t size) {
  std::vector<double> row;
  row.reserve(size);
  const char* cell = line.c_str();
  while (true) {
    char* end = nullptr;
    row.push_back(std::strtod(cell, &end));
    const char* next = end + std::strspn(end, " \t\r");
    if (end == cell || (*next != ',' && *next != '\0')) {
      throw std::invalid_argument("a value is not a number");
    }
    if (*next == '\0') {
      break;
    }
    cell = next + 1;
  }
  if (row.size() != size) {
    throw std::invalid_argument("there are " + std::to_string(row.size()) + " values for "
                                + std::to_string(size) + " columns");
  }
  return row;
}

}  // namespace

Draws read_draws(const std::string& name) {
  std::ifstream file = open_input(name);
  Draws draws;
  Settings settings;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (line.rfind('#', 0) == 0) {
      keep_setting(line, settings);
    } else if (!trim(line).empty() && draws.names.empty()) {
      draws.names = split(line);
    } else if (!trim(line).empty()) {
      try {
        draws.rows.push_back(read_row(line, draws.names.size()));
      } catch (const std::invalid_argument& error) {
        throw std::invalid_argument("Cannot read line " + std::to_string(number) + " of \"" + name
                                    + "\": " + error.what());
      }
    }
  }
  if (draws.names.empty()) {
    throw std::invalid_argument("Error: no column names found in csv file \"" + name + "\"");
  }
  draws.method = settings["method"];
  const std::size_t before = std::min(rows_before_draws(settings), draws.rows.size());
  draws.rows.erase(draws.rows.begin(), draws.rows.begin() + static_cast<std::ptrdiff_t>(before));
  return draws;
}

Eigen::MatrixXd Draws::columns(const std::vector<std::string>& wanted,
                               const std::string& mismatch) const {
  std::vector<std::size_t> places;
  auto next = names.begin();  // they mostly follow each other
  for (const auto& name : wanted) {
    auto place = std::find(next, names.end(), name);
    place = place == names.end() ? std::find(names.begin(), next, name) : place;
    if (place == names.end() || *place != name) {
      throw std::invalid_argument(mismatch);
    }
    places.push_back(static_cast<std::size_t>(place - names.begin()));
    next = place + 1;
  }
  Eigen::MatrixXd found(rows.size(), places.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < places.size(); ++j) {
      found(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = rows[i][places[j]];
    }
  }
  return found;
}

}  // namespace driver
