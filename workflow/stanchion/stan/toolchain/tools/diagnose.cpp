// `diagnose FILE...`: looks for signs that HMC has not explored the posterior. The words are those
// of CmdStan's program of this name, which people search for.

#include "chains.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <stdexcept>

using stanchion::Chains;

namespace {

constexpr double least_bfmi = 0.3;
constexpr double least_relative_ess = 0.001;
constexpr double greatest_rhat = 1.01;

// "12 of 600 (2.00%)"
std::string share(long hits, long all) {
  std::ostringstream text;
  text << hits << " of " << all << " (" << std::fixed << std::setprecision(2)
       << 100.0 * hits / all << "%)";
  return text.str();
}

bool treedepth_is_fine(const Chains& chains) {
  const int column = chains.index("treedepth__");
  if (column < 0)
    return true;
  const int limit = chains.max_depth();
  const auto depth = chains.values(column);
  const long hits
      = std::count_if(depth.begin(), depth.end(), [&](double one) { return one >= limit; });
  std::cout << "Checking sampler transitions treedepth.\n";
  if (hits > 0)
    std::cout << share(hits, depth.size()) << " transitions hit the maximum treedepth limit of "
              << limit << ", or 2^" << limit << " leapfrog steps.\n"
              << "Trajectories that are prematurely terminated due to this limit will result in "
                 "slow exploration.\n"
              << "For optimal performance, increase this limit.\n\n";
  else
    std::cout << "Treedepth satisfactory for all transitions.\n\n";
  return hits == 0;
}

bool no_divergences(const Chains& chains) {
  const int column = chains.index("divergent__");
  if (column < 0)
    return true;
  const auto divergent = chains.values(column);
  const long hits
      = std::count_if(divergent.begin(), divergent.end(), [](double one) { return one > 0; });
  std::cout << "Checking sampler transitions for divergences.\n";
  if (hits > 0)
    std::cout << share(hits, divergent.size()) << " transitions ended with a divergence.\n"
              << "These divergent transitions indicate that HMC is not fully able to explore the "
                 "posterior distribution.\n"
              << "Try increasing adapt delta closer to 1.\n"
              << "If this doesn't remove all divergences, try to reparameterize the model.\n\n";
  else
    std::cout << "No divergent transitions found.\n\n";
  return hits == 0;
}

// Over the draws of all chains, one after another, as CmdStan has it.
double bfmi(const std::vector<double>& energy) {
  double sum = 0, change = 0, spread = 0;
  for (double one : energy)
    sum += one;
  const double mean = sum / static_cast<double>(energy.size());
  for (std::size_t n = 0; n < energy.size(); ++n) {
    spread += (energy[n] - mean) * (energy[n] - mean);
    if (n > 0)
      change += (energy[n] - energy[n - 1]) * (energy[n] - energy[n - 1]);
  }
  return change / spread;
}

bool bfmi_is_fine(const Chains& chains) {
  const int column = chains.index("energy__");
  if (column < 0)
    return true;
  const double value = bfmi(chains.values(column));
  std::cout << "Checking E-BFMI - sampler transitions HMC potential energy.\n";
  const bool low = value < least_bfmi;
  if (low)
    std::cout << "The E-BFMI, " << std::fixed << std::setprecision(2) << value
              << ", is below the nominal threshold of " << least_bfmi
              << " which suggests that HMC may have trouble exploring the target distribution.\n"
              << "If possible, try to reparameterize the model.\n\n";
  else
    std::cout << "E-BFMI satisfactory.\n\n";
  return !low;
}

void print_names(const std::vector<std::string>& names) {
  std::cout << "  ";
  for (std::size_t n = 0; n < names.size(); ++n)
    std::cout << (n ? ", " : "") << names[n];
  std::cout << "\n";
}

template <typename IsBad>
std::vector<std::string> bad_parameters(const Chains& chains, IsBad is_bad) {
  std::vector<std::string> names;
  for (int n = 0; n < chains.columns(); ++n)
    if (!stanchion::ends_in_underscores(chains.name(n)) && is_bad(n))
      names.push_back(chains.name(n));
  return names;
}

bool ess_is_fine(const Chains& chains) {
  const double draws = static_cast<double>(chains.draws());
  const auto low = bad_parameters(chains, [&](int n) {
    const auto ess = chains.ess(n);
    return std::min(ess.bulk, ess.tail) / draws < least_relative_ess;
  });
  if (low.empty()) {
    std::cout << "Rank-normalized split effective sample size satisfactory for all "
                 "parameters.\n\n";
    return true;
  }
  std::cout << "The following parameters had fewer than 0.001 effective draws per transition:\n";
  print_names(low);
  std::cout << "Such low values indicate that the effective sample size estimators may be biased "
               "high and actual performance may be substantially lower than quoted.\n\n";
  return false;
}

// R-hat is compared as it is printed, with two decimals, as CmdStan has it.
bool rhat_is_fine(const Chains& chains) {
  const auto high = bad_parameters(chains, [&](int n) {
    const auto rhat = chains.rhat(n);
    return std::round(100 * std::max(rhat.bulk, rhat.tail)) > 100 * greatest_rhat;
  });
  if (high.empty()) {
    std::cout << "Rank-normalized split R-hat values satisfactory for all parameters.\n\n";
    return true;
  }
  std::cout << "The following parameters had rank-normalized split R-hat greater than 1.01:\n";
  print_names(high);
  std::cout << "Such high values indicate incomplete mixing and biased estimation.\n"
            << "You should consider regularizing your model with additional prior information or a "
               "more effective parameterization.\n\n";
  return false;
}

// The files that are there; the others are named.
std::vector<std::string> readable(int argc, char** argv) {
  std::vector<std::string> paths;
  for (int n = 1; n < argc; ++n) {
    if (std::ifstream(argv[n]).good())
      paths.emplace_back(argv[n]);
    else
      std::cout << "File " << argv[n] << " not found\n";
  }
  return paths;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cout << "USAGE:  diagnose <filename 1> [<filename 2> ... <filename N>]\n\n";
    return EXIT_SUCCESS;
  }
  const auto paths = readable(argc, argv);
  if (paths.empty()) {
    std::cout << "No valid input files, exiting.\n";
    return EXIT_FAILURE;
  }
  try {
    const Chains chains(paths);
    bool fine = treedepth_is_fine(chains);
    fine &= no_divergences(chains);
    fine &= bfmi_is_fine(chains);
    fine &= ess_is_fine(chains);
    fine &= rhat_is_fine(chains);
    std::cout << (fine ? "Processing complete, no problems detected.\n" : "Processing complete.\n");
  } catch (const std::exception& error) {
    std::cout << "Cannot parse the input files: " << error.what() << "\n";
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
