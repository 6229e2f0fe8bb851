#include "file_names.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <stdexcept>

namespace driver {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split_list(const std::string& given, unsigned int count) {
  std::vector<std::string> names;
  std::size_t start = 0;
  for (std::size_t comma; (comma = given.find(',', start)) != std::string::npos; start = comma + 1) {
    names.push_back(given.substr(start, comma - start));
  }
  names.push_back(given.substr(start));
  if (names.size() != count) {
    throw std::invalid_argument(
        "Number of filenames does not match number of chains: got comma-separated list '" + given
        + "' of length " + std::to_string(names.size()) + " but expected " + std::to_string(count)
        + " names");
  }
  return names;
}

bool is_list(const std::string& given, unsigned int count) {
  return count > 1 && given.find(',') != std::string::npos;
}

std::vector<std::string> with_ids(const std::string& stem, const std::string& suffix,
                                  unsigned int count, unsigned int first_id) {
  std::vector<std::string> names;
  for (unsigned int i = 0; i < count; ++i) {
    names.push_back(stem + "_" + std::to_string(first_id + i) + suffix);
  }
  return names;
}

bool exists(const std::string& name) {
  std::error_code ignored;
  return fs::exists(name, ignored);
}

std::string join(const std::vector<std::string>& names) {
  std::string list;
  for (const auto& name : names) {
    list += (list.empty() ? "" : ", ") + name;
  }
  return list;
}

}  // namespace

bool is_device(const std::string& name) {
  std::error_code ignored;
  const auto status = fs::status(name, ignored);
  return fs::exists(status) && (name.rfind("/dev/", 0) == 0 || !fs::is_regular_file(status));
}

std::pair<std::string, std::string> split_suffix(const std::string& name) {
  const std::string suffix = fs::path(name).extension().string();
  return {name.substr(0, name.size() - suffix.size()), suffix};
}

std::vector<std::string> output_names(const std::string& given, const std::string& tag,
                                      const std::string& suffix, unsigned int count,
                                      unsigned int first_id, bool keep_suffix) {
  if (count == 1 && tag.empty() && is_device(given)) {
    return {given};
  }
  const bool list = is_list(given, count);
  std::vector<std::string> names = list ? split_list(given, count) : std::vector{given};
  std::string end;
  for (auto& name : names) {
    const auto [stem, own] = split_suffix(name);
    end = own.empty() || !keep_suffix ? suffix : own;
    name = stem + tag;
    if (list || count == 1) {
      name += end;
    }
  }
  return list || count == 1 ? names : with_ids(names.front(), end, count, first_id);
}

std::vector<std::string> input_names(const std::string& given, unsigned int count,
                                     unsigned int first_id, bool shared) {
  if (count == 1) {
    return {given};
  }
  if (is_list(given, count)) {
    return split_list(given, count);
  }
  const auto [stem, suffix] = split_suffix(given);
  const auto names = with_ids(stem, suffix, count, first_id);
  if (std::all_of(names.begin(), names.end(), exists)) {
    return names;
  }
  if (shared && exists(given)) {
    std::cerr << "Warning: file '" << given << "' is being used to initialize all " << count
              << " chains!" << std::endl;
    return std::vector<std::string>(count, given);
  }
  throw std::invalid_argument("Cannot open some of the requested files: [" + join(names) + "]"
                              + (shared ? "\nAlso failed to find base file " + given : ""));
}

}  // namespace driver
