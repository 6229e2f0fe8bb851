#ifndef STANCHION_TOOLS_CHAINS_HPP
#define STANCHION_TOOLS_CHAINS_HPP

// Chains of one model, read from Stan CSV files: what `stansummary` and `diagnose` have in common.
// Stan's templates stay in chains.cpp, which is compiled once for both.

#include <memory>
#include <string>
#include <vector>

namespace stanchion {

// A statistic of the bulk of the draws, and of their tails.
struct Pair {
  double bulk;
  double tail;
};

class Chains {
 public:
  // Throws std::invalid_argument where a file holds no draws, or the files do not belong together.
  explicit Chains(const std::vector<std::string>& paths);
  ~Chains();
  Chains(Chains&&) noexcept;

  int columns() const;
  int chains() const;
  long draws() const;  // of a chain
  const std::string& name(int column) const;
  int index(const std::string& name) const;  // -1: there is no such column

  std::vector<double> values(int column) const;  // chain after chain
  double mean(int column) const;
  double mcse_mean(int column) const;
  double sd(int column) const;
  double mad(int column) const;
  std::vector<double> quantiles(int column, const std::vector<double>& probabilities) const;
  Pair ess(int column) const;
  Pair rhat(int column) const;
  std::vector<double> autocorrelation(int chain, int column) const;

  // What the first file says of the run.
  std::string model() const;
  std::string algorithm() const;
  std::string engine() const;
  long iterations() const;
  long warmup() const;
  long thin() const;
  int max_depth() const;
  // A chain each.
  std::vector<double> warmup_seconds() const;
  std::vector<double> sampling_seconds() const;

 private:
  struct Read;
  std::unique_ptr<Read> read_;
};

bool ends_in_underscores(const std::string& name);

}  // namespace stanchion

#endif
