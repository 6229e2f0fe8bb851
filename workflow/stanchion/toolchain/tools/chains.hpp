#ifndef STANCHION_TOOLS_CHAINS_HPP
#define STANCHION_TOOLS_CHAINS_HPP

// Chains of one model, read from Stan CSV files: what `stansummary` and `diagnose` have in common.

#include <stan/mcmc/chainset.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace stanchion {

struct Chains {
  std::vector<stan::io::stan_csv> files;
  stan::mcmc::chainset draws;

  const stan::io::stan_csv_metadata& metadata() const { return files[0].metadata; }

  int index(const std::string& name) const {
    const auto& header = files[0].header;
    const auto found = std::find(header.begin(), header.end(), name);
    return found == header.end() ? -1 : static_cast<int>(found - header.begin());
  }
};

inline bool ends_in_underscores(const std::string& name) {
  return name.size() > 2 && name.compare(name.size() - 2, 2, "__") == 0;
}

// Throws std::invalid_argument where a file holds no draws, or the files do not belong together.
inline Chains read_chains(const std::vector<std::string>& paths) {
  std::vector<stan::io::stan_csv> files;
  for (const auto& path : paths) {
    std::ifstream in(path);
    std::stringstream said;
    files.push_back(stan::io::stan_csv_reader::parse(in, &said));
    if (files.back().samples.rows() == 0)
      throw std::invalid_argument("No sampling draws found in Stan CSV file: " + path + ".");
  }
  return {files, stan::mcmc::chainset(files)};
}

}  // namespace stanchion

#endif
