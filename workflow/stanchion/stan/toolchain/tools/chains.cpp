#include <stan/model/model_header.hpp>

#include "chains.hpp"

#include <stan/mcmc/chainset.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace stanchion {
namespace {

using Files = std::vector<stan::io::stan_csv>;

Files parse(const std::vector<std::string>& paths) {
  Files files;
  for (const auto& path : paths) {
    std::ifstream in(path);
    std::stringstream said;
    files.push_back(stan::io::stan_csv_reader::parse(in, &said));
    if (files.back().samples.rows() == 0)
      throw std::invalid_argument("No sampling draws found in Stan CSV file: " + path + ".");
  }
  return files;
}

template <typename Matrix>
std::vector<double> to_vector(const Matrix& matrix) {
  return {matrix.data(), matrix.data() + matrix.size()};
}

}  // namespace

struct Chains::Read {
  explicit Read(Files parsed) : files(std::move(parsed)), draws(files) {}

  const stan::io::stan_csv_metadata& metadata() const { return files[0].metadata; }

  Files files;
  stan::mcmc::chainset draws;
};

Chains::Chains(const std::vector<std::string>& paths) : read_(new Read(parse(paths))) {}
Chains::~Chains() = default;
Chains::Chains(Chains&&) noexcept = default;

int Chains::columns() const { return read_->draws.num_params(); }
int Chains::chains() const { return read_->draws.num_chains(); }
long Chains::draws() const { return read_->draws.num_samples(); }
const std::string& Chains::name(int column) const { return read_->files[0].header[column]; }

int Chains::index(const std::string& name) const {
  const auto& header = read_->files[0].header;
  const auto found = std::find(header.begin(), header.end(), name);
  return found == header.end() ? -1 : static_cast<int>(found - header.begin());
}

std::vector<double> Chains::values(int column) const {
  const Eigen::MatrixXd values = read_->draws.samples(column);
  return to_vector(values);
}

double Chains::mean(int column) const { return read_->draws.mean(column); }
double Chains::mcse_mean(int column) const { return read_->draws.mcse_mean(column); }
double Chains::sd(int column) const { return read_->draws.sd(column); }
double Chains::mad(int column) const { return read_->draws.med_abs_deviation(column); }

std::vector<double> Chains::quantiles(int column, const std::vector<double>& probabilities) const {
  const Eigen::VectorXd wanted
      = Eigen::Map<const Eigen::VectorXd>(probabilities.data(), probabilities.size());
  const Eigen::VectorXd found = read_->draws.quantiles(column, wanted);
  return to_vector(found);
}

Pair Chains::ess(int column) const {
  const auto found = read_->draws.split_rank_normalized_ess(column);
  return {found.first, found.second};
}

Pair Chains::rhat(int column) const {
  const auto found = read_->draws.split_rank_normalized_rhat(column);
  return {found.first, found.second};
}

std::vector<double> Chains::autocorrelation(int chain, int column) const {
  const Eigen::VectorXd found = read_->draws.autocorrelation(chain, column);
  return to_vector(found);
}

std::string Chains::model() const { return read_->metadata().model; }
std::string Chains::algorithm() const { return read_->metadata().algorithm; }
std::string Chains::engine() const { return read_->metadata().engine; }
long Chains::iterations() const { return read_->metadata().num_samples; }
long Chains::warmup() const { return read_->metadata().num_warmup; }
long Chains::thin() const { return read_->metadata().thin; }
int Chains::max_depth() const { return read_->metadata().max_depth; }

std::vector<double> Chains::warmup_seconds() const {
  std::vector<double> seconds;
  for (const auto& file : read_->files)
    seconds.push_back(file.timing.warmup);
  return seconds;
}

std::vector<double> Chains::sampling_seconds() const {
  std::vector<double> seconds;
  for (const auto& file : read_->files)
    seconds.push_back(file.timing.sampling);
  return seconds;
}

bool ends_in_underscores(const std::string& name) {
  return name.size() > 2 && name.compare(name.size() - 2, 2, "__") == 0;
}

}  // namespace stanchion
