#include "inputs.hpp"

#include <algorithm>
#include <cstdlib>
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

std::vector<double> read_row(const std::string& line, const std::string& file, std::size_t number) {
  std::vector<double> row;
  for (const auto& cell : split(line)) {
    char* end = nullptr;
    row.push_back(std::strtod(cell.c_str(), &end));
    if (cell.empty() || *end != '\0') {
      throw std::invalid_argument("Cannot read \"" + cell + "\" as a number in line "
                                  + std::to_string(number) + " of \"" + file + "\"");
    }
  }
  return row;
}

Eigen::MatrixXd to_matrix(const std::vector<std::vector<double>>& rows, std::size_t columns,
                          const std::string& file) {
  Eigen::MatrixXd matrix(rows.size(), columns);
  for (Eigen::Index i = 0; i < matrix.rows(); ++i) {
    const auto& row = rows[static_cast<std::size_t>(i)];
    if (row.size() != columns) {
      throw std::invalid_argument("A row of \"" + file + "\" has " + std::to_string(row.size())
                                  + " values, but its header names "
                                  + std::to_string(columns));
    }
    matrix.row(i) = Eigen::Map<const Eigen::RowVectorXd>(row.data(), matrix.cols());
  }
  return matrix;
}

}  // namespace

Draws read_draws(const std::string& name) {
  std::ifstream file = open_input(name);
  Draws draws;
  Settings settings;
  std::vector<std::vector<double>> rows;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (line.rfind('#', 0) == 0) {
      keep_setting(line, settings);
    } else if (!trim(line).empty() && draws.names.empty()) {
      draws.names = split(line);
    } else if (!trim(line).empty()) {
      rows.push_back(read_row(line, name, number));
    }
  }
  if (draws.names.empty()) {
    throw std::invalid_argument("Error: no column names found in csv file \"" + name + "\"");
  }
  draws.method = settings["method"];
  draws.rows = to_matrix(rows, draws.names.size(), name);
  return draws;
}

Eigen::MatrixXd Draws::columns(const std::vector<std::string>& wanted,
                               const std::string& mismatch) const {
  Eigen::MatrixXd found(rows.rows(), static_cast<Eigen::Index>(wanted.size()));
  auto next = names.begin();  // they mostly follow each other
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    auto place = std::find(next, names.end(), wanted[i]);
    place = place == names.end() ? std::find(names.begin(), next, wanted[i]) : place;
    if (place == names.end() || *place != wanted[i]) {
      throw std::invalid_argument(mismatch);
    }
    found.col(static_cast<Eigen::Index>(i)) = rows.col(place - names.begin());
    next = place + 1;
  }
  return found;
}

}  // namespace driver
