// `stansummary [OPTIONS] FILE...`: statistics of every column of one model's chains, as a table and
// as CSV. Columns and numbers are those of CmdStan's program of this name.

#include "chains.hpp"
#include "summary_options.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>

using stanchion::Chains;
using stanchion::SummaryOptions;

namespace {

constexpr std::size_t widest_fixed = 5;  // characters of a number before it is written as 1.2e-03

const char* const usage =
    R"(Usage: stansummary [OPTIONS] stan_csv_file(s)
Report statistics for one or more Stan csv files from a HMC sampler run.
Example:  stansummary model_chain_1.csv model_chain_2.csv
Options:
  -a, --autocorr [n]          Display the autocorrelation of the n-th file's chain as well.
  -c, --csv_filename [file]   Write statistics to a csv file, which must not exist.
  -h, --help                  Print this text.
  -p, --percentiles [values]  Percentiles to report: increasing, comma-separated, from 0 to 100.
                              Default is 5,50,95.
  -s, --sig_figs [n]          Significant figures, 1 to 18. Default is 2.
  -i, --include_param [name]  Summarize this parameter; may be repeated. Default is all.
)";

using Row = std::vector<double>;

struct Table {
  std::vector<std::string> columns;
  std::vector<std::string> names;
  std::vector<Row> rows;
  std::size_t of_sampler = 0;  // rows that lp__ and the sampler's own variables make
};

double total_sampling_time(const Chains& chains) {
  double seconds = 0;
  for (double of_chain : chains.sampling_seconds())
    seconds += of_chain;
  return seconds;
}

Row statistics(const Chains& chains, int n, const std::vector<double>& probabilities) {
  const auto ess = chains.ess(n);
  const auto rhat = chains.rhat(n);
  Row row{chains.mean(n), chains.mcse_mean(n), chains.sd(n), chains.mad(n)};
  for (double quantile : chains.quantiles(n, probabilities))
    row.push_back(quantile);
  for (double value : {ess.bulk, ess.tail, ess.bulk / total_sampling_time(chains),
                       rhat.bulk > rhat.tail ? rhat.bulk : rhat.tail})
    row.push_back(value);
  return row;
}

std::vector<int> chosen_columns(const Chains& chains, const SummaryOptions& options) {
  std::vector<int> chosen;
  std::string unknown;
  for (int n = 0; n < chains.columns(); ++n)
    if (options.parameters.empty() || stanchion::ends_in_underscores(chains.name(n)))
      chosen.push_back(n);
  for (const auto& name : options.parameters) {
    if (stanchion::ends_in_underscores(name))
      continue;
    if (chains.index(name) >= 0)
      chosen.push_back(chains.index(name));
    else
      unknown += (unknown.empty() ? "'" : ", '") + name + "'";
  }
  if (!unknown.empty())
    throw stanchion::UsageError("--include_param: Unrecognized parameter(s): " + unknown);
  return chosen;
}

Table summarize(const Chains& chains, const SummaryOptions& options) {
  Table table{{"Mean", "MCSE", "StdDev", "MAD"}, {}, {}};
  std::vector<double> probabilities;
  for (const auto& percentile : options.percentiles) {
    probabilities.push_back(std::stod(percentile) / 100);
    table.columns.push_back(percentile + "%");
  }
  for (const char* name : {"ESS_bulk", "ESS_tail", "ESS_bulk/s", "R_hat"})
    table.columns.push_back(name);
  for (int n : chosen_columns(chains, options)) {
    table.names.push_back(chains.name(n));
    table.rows.push_back(statistics(chains, n, probabilities));
    table.of_sampler += stanchion::ends_in_underscores(table.names.back());
  }
  return table;
}

std::string fixed(double value, int digits) {
  std::ostringstream text;
  const double size = std::fabs(value);
  int decimals = size == 0 ? digits : digits - 1 - static_cast<int>(std::floor(std::log10(size)));
  if (!std::isfinite(value) || decimals < 0)
    decimals = 0;
  text << std::fixed << std::setprecision(decimals) << value;
  return text.str();
}

std::string scientific(double value, int digits) {
  std::ostringstream text;
  text << std::scientific << std::setprecision(digits - 1) << value;
  return text.str();
}

// One column's cells. Those of the model's variables, lp__ among them, are all fixed where they are
// narrow enough, else all scientific; so are those of the sampler's.
std::vector<std::string> cells(const Table& table, std::size_t column, int digits) {
  const auto is_sampler = [&](std::size_t n) { return n > 0 && n < table.of_sampler; };
  std::vector<std::string> texts;
  bool narrow[2] = {true, true};
  for (std::size_t n = 0; n < table.rows.size(); ++n) {
    texts.push_back(fixed(table.rows[n][column], digits));
    narrow[is_sampler(n)] &= texts.back().size() <= widest_fixed;
  }
  for (std::size_t n = 0; n < table.rows.size(); ++n)
    if (!narrow[is_sampler(n)] && std::isfinite(table.rows[n][column]))
      texts[n] = scientific(table.rows[n][column], digits);
  return texts;
}

void print_table(const Table& table, int digits, std::ostream& out) {
  const std::size_t sampler = table.of_sampler, all = table.rows.size();
  std::size_t name_width = 0;
  for (const auto& name : table.names)
    name_width = std::max(name_width, name.size());
  std::vector<std::ostringstream> lines(all + 1);
  lines[0] << std::string(name_width + 1, ' ');
  for (std::size_t n = 0; n < all; ++n)
    lines[n + 1] << std::left << std::setw(name_width + 1) << table.names[n] << std::right;
  for (std::size_t column = 0; column < table.columns.size(); ++column) {
    const auto texts = cells(table, column, digits);
    std::size_t width = table.columns[column].size();
    for (const auto& text : texts)
      width = std::max(width, text.size());
    lines[0] << std::right << std::setw(width + 2) << table.columns[column];
    for (std::size_t n = 0; n < all; ++n)
      lines[n + 1] << std::setw(width + 2) << texts[n];
  }
  for (std::size_t n = 0; n <= all; ++n)
    out << (n == 1 || n == sampler + 1 ? "\n" : "") << lines[n].str() << "\n";
  out << "\n";
}

// "3.0 seconds", or "(1.0, 2.0) seconds, 3.0 seconds total"
std::string times(const std::vector<double>& seconds) {
  std::string text;
  double total = 0;
  for (double one : seconds) {
    text += (text.empty() ? "" : ", ") + fixed(one, 2);
    total += one;
  }
  return seconds.size() == 1 ? text + " seconds"
                             : "(" + text + ") seconds, " + fixed(total, 2) + " seconds total";
}

std::string heading(const Chains& chains) {
  std::ostringstream text;
  text << "Inference for Stan model: " << chains.model() << "\n"
       << chains.chains() << " chains: each with iter=" << chains.iterations()
       << "; warmup=" << chains.warmup() << "; thin=" << chains.thin() << "; " << chains.draws()
       << " iterations saved.\n\n"
       << "Warmup took " << times(chains.warmup_seconds()) << "\n"
       << "Sampling took " << times(chains.sampling_seconds()) << "\n";
  return text.str();
}

std::string closing(const Chains& chains) {
  return "Samples were drawn using " + chains.algorithm() + " with " + chains.engine()
         + ".\n"
           "For each parameter, ESS_bulk and ESS_tail measure the effective sample size for the "
           "entire sample (bulk) and for the .05 and .95 tails (tail), \n"
           "and R_hat measures the potential scale reduction on split chains. At convergence R_hat "
           "will be very close to 1.00.\n";
}

void print_comments(const std::string& text, std::ostream& out) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    out << "# " << line << "\n";
}

void write_csv(const Table& table, const Chains& chains, const SummaryOptions& options) {
  std::ofstream out(options.csv);
  out << "name";
  for (const auto& column : table.columns)
    out << "," << column;
  out << "\n" << std::setprecision(options.digits_given ? options.digits : 6);
  for (std::size_t n = 0; n < table.rows.size(); ++n) {
    out << '"' << table.names[n] << '"';
    for (double value : table.rows[n])
      out << "," << value;
    out << "\n";
  }
  print_comments(heading(chains), out);
  print_comments(closing(chains), out);
  out.close();
  if (!out)
    throw std::runtime_error("Cannot write the file " + options.csv);
}

void print_autocorrelation(const Chains& chains, int chain) {
  std::size_t width = 0;
  for (int n = 0; n < chains.columns(); ++n)
    width = std::max(width, chains.name(n).size());
  std::vector<std::vector<double>> columns;
  std::cout << "Displaying the autocorrelations for chain " << chain << ":\n\n Lag";
  for (int n = 0; n < chains.columns(); ++n) {
    std::cout << std::setw(width + 1) << chains.name(n);
    columns.push_back(chains.autocorrelation(chain - 1, n));
  }
  std::cout << "\n" << std::fixed << std::setprecision(2);
  for (std::size_t lag = 0; lag < static_cast<std::size_t>(chains.draws()); ++lag) {
    std::cout << std::setw(3) << lag;
    for (const auto& column : columns)
      std::cout << std::setw(width + 1) << column[lag];
    std::cout << "\n";
  }
  std::cout << "\n";
}

void report(const SummaryOptions& options) {
  const Chains chains(options.files);
  if (options.autocorrelation > chains.chains())
    throw stanchion::UsageError("--autocorr: there are " + std::to_string(chains.chains())
                                + " chains");
  const Table table = summarize(chains, options);
  std::cout << heading(chains) << "\n";
  print_table(table, options.digits, std::cout);
  std::cout << closing(chains);
  if (options.autocorrelation > 0)
    print_autocorrelation(chains, options.autocorrelation);
  if (!options.csv.empty())
    write_csv(table, chains, options);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const SummaryOptions options = stanchion::parse_summary_options(argc, argv);
    if (options.help) {
      std::cout << usage;
      return EXIT_SUCCESS;
    }
    if (options.files.empty())
      throw stanchion::UsageError("No valid input files, exiting.");
    report(options);
  } catch (const stanchion::UsageError& error) {
    std::cerr << error.what() << "\nRun with --help for more information.\n";
    return EXIT_FAILURE;
  } catch (const std::exception& error) {
    std::cerr << "Error during processing. " << error.what() << "\n";
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
