#include "arguments.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <sstream>
#include <stdexcept>

namespace driver {
namespace {

using Arguments = std::vector<Argument>;

bool positive(double x) { return x > 0; }
bool not_negative(double x) { return x >= 0; }

Argument category(std::string name, std::string help, Arguments children = {}) {
  return {Kind::category, std::move(name), std::move(help), "", false, "", "", nullptr,
          std::move(children)};
}

Argument option(std::string name, std::string help) {
  return {Kind::option, std::move(name), std::move(help), "", false, "", "", nullptr, {}};
}

Argument choice(std::string name, std::string help, std::string initial, Arguments options) {
  std::string valid;
  for (const auto& each : options) {
    if (!each.hidden) {
      valid += (valid.empty() ? "" : ", ") + each.name;
    }
  }
  return {Kind::choice, std::move(name), std::move(help), "list element", initial, initial, valid,
          nullptr, std::move(options)};
}

Argument number(Kind kind, std::string type, std::string name, std::string help, Value initial,
                std::string valid, std::function<bool(double)> allows) {
  return {kind, std::move(name), std::move(help), std::move(type), initial, to_text(initial),
          std::move(valid), std::move(allows), {}};
}

Argument count(std::string name, std::string help, long long initial) {
  return number(Kind::integer, "int", name, help, initial, "0 < " + name, positive);
}

// CmdStan allows zero here, and says that it does not.
Argument count_or_none(std::string name, std::string help, long long initial) {
  return number(Kind::integer, "int", name, help, initial, "0 < " + name, not_negative);
}

Argument width(std::string name, std::string help, long long initial) {
  return number(Kind::integer, "unsigned int", name, help, initial, "0 < " + name, not_negative);
}

Argument real(std::string name, std::string help, double initial) {
  return number(Kind::real, "double", name, help, initial, "0 < " + name, positive);
}

// What allows(x) refuses although the words let it through: a target of 1 has no step size.
Argument share(std::string name, std::string help, double initial, double lowest,
               std::function<bool(double)> allows) {
  return number(Kind::real, "double", name, help, initial,
                std::to_string(lowest) + " <= " + name + " <= " + std::to_string(1.0), allows);
}

Argument flag(std::string name, std::string help, bool initial) {
  return {Kind::boolean, std::move(name), std::move(help), "boolean", initial, to_text(initial),
          "[0, 1, false, true]", nullptr, {}};
}

Argument text(std::string name, std::string help, std::string initial, std::string valid,
              std::string shown) {
  return {Kind::text, std::move(name), std::move(help), "string", initial, std::move(shown),
          std::move(valid), nullptr, {}};
}

Argument existing_file(std::string name, std::string help) {
  return text(std::move(name), std::move(help), "", "Path to existing file", "\"\"");
}

Argument shown_as(std::string shown, Argument argument) {
  argument.shown = std::move(shown);
  return argument;
}

Argument adaptation() {
  return category(
      "adapt", "Warmup Adaptation",
      {flag("engaged", "Adaptation engaged?", true),
       real("gamma", "Adaptation regularization scale", 0.05),
       share("delta", "Adaptation target acceptance statistic", 0.8, 0.1,
             [](double x) { return x >= 0.1 && x < 1; }),
       real("kappa", "Adaptation relaxation exponent", 0.75),
       real("t0", "Adaptation iteration offset", 10),
       width("init_buffer", "Width of initial fast adaptation interval", 75),
       width("term_buffer", "Width of final fast adaptation interval", 50),
       width("window", "Initial width of slow adaptation interval", 25),
       flag("save_metric", "Save metric as JSON?", false)});
}

Argument hmc() {
  const double full_circle = 2 * std::acos(-1.0);
  return category(
      "hmc", "Hamiltonian Monte Carlo",
      {choice("engine", "Engine for Hamiltonian Monte Carlo", "nuts",
              {category("static", "Static integration time",
                        {real("int_time",
                              "Total integration time for Hamiltonian evolution, default is 2 * pi",
                              full_circle)}),
               category("nuts", "The No-U-Turn Sampler",
                        {count("max_depth", "Maximum tree depth", 10)})}),
       choice("metric", "Geometry of base manifold", "diag_e",
              {option("unit_e", "Euclidean manifold with unit metric"),
               option("diag_e", "Euclidean manifold with diag metric"),
               option("dense_e", "Euclidean manifold with dense metric")}),
       text("metric_file", "Input file with precomputed Euclidean metric", "", "All", ""),
       real("stepsize", "Step size for discrete evolution", 1),
       share("stepsize_jitter", "Uniformly random jitter of the stepsize, in percent", 0, 0,
             [](double x) { return x >= 0 && x <= 1; })});
}

Argument chains() { return count("num_chains", "Number of chains", 1); }

Argument sample() {
  return category("sample", "Bayesian inference with Markov Chain Monte Carlo",
                  {count_or_none("num_samples", "Number of sampling iterations", 1000),
                   count_or_none("num_warmup", "Number of warmup iterations", 1000),
                   flag("save_warmup", "Stream warmup samples to output?", false),
                   count("thin", "Period between saved samples", 1), adaptation(),
                   choice("algorithm", "Sampling algorithm", "hmc",
                          {hmc(), option("fixed_param", "Fixed Parameter Sampler")}),
                   chains()});
}

Arguments line_search() {
  return {real("init_alpha", "Line search step size for first iteration", 0.001),
          real("tol_obj", "Convergence tolerance on absolute changes in objective function value",
               1e-12),
          real("tol_rel_obj",
               "Convergence tolerance on relative changes in objective function value", 1e4),
          real("tol_grad", "Convergence tolerance on the norm of the gradient", 1e-8),
          real("tol_rel_grad", "Convergence tolerance on the relative norm of the gradient", 1e7),
          real("tol_param", "Convergence tolerance on changes in parameter value", 1e-8)};
}

Arguments limited_memory() {
  Arguments list = line_search();
  list.push_back(count("history_size", "Amount of history to keep for L-BFGS", 5));
  return list;
}

Argument jacobian(bool initial, std::string end = "") {
  return flag("jacobian",
              "When true, include change-of-variables adjustment for constraining parameter "
              "transforms" + end,
              initial);
}

Argument optimize() {
  return category("optimize", "Point estimation",
                  {choice("algorithm", "Optimization algorithm", "lbfgs",
                          {category("bfgs", "BFGS with linesearch", line_search()),
                           category("lbfgs", "LBFGS with linesearch", limited_memory()),
                           category("newton", "Newton's method")}),
                   jacobian(false), count("iter", "Total number of iterations", 2000),
                   flag("save_iterations", "Stream optimization progress to output?", false)});
}

Argument variational() {
  return category(
      "variational", "Variational inference",
      {choice("algorithm", "Variational inference algorithm", "meanfield",
              {category("meanfield", "mean-field approximation"),
               category("fullrank", "full-rank covariance")}),
       count("iter", "Maximum number of ADVI iterations.", 10000),
       count("grad_samples", "Number of Monte Carlo draws for computing the gradient.", 1),
       count("elbo_samples", "Number of Monte Carlo draws for estimate of ELBO.", 100),
       real("eta", "Stepsize scaling parameter.", 1),
       category("adapt", "Eta Adaptation for Variational Inference",
                {flag("engaged", "Boolean flag for eta adaptation.", true),
                 count("iter", "Number of iterations for eta adaptation.", 50)}),
       real("tol_rel_obj", "Relative tolerance parameter for convergence.", 0.01),
       count("eval_elbo", "Number of iterations between ELBO evaluations", 100),
       count("output_samples", "Number of approximate posterior output draws to save.", 1000)});
}

Argument diagnose() {
  return category(
      "diagnose", "Model diagnostics",
      {choice("test", "Diagnostic test", "gradient",
              {category("gradient", "Check model gradient against finite differences",
                        {shown_as("1e-6", real("epsilon", "Finite difference step size", 1e-6)),
                         shown_as("1e-6", real("error", "Error threshold", 1e-6))})})});
}

Argument generate_quantities() {
  return category("generate_quantities", "Generate quantities of interest",
                  {existing_file("fitted_params",
                                 "Input file of sample of fitted parameter values for model "
                                 "conditioned on data"),
                   chains()});
}

Argument pathfinder() {
  Arguments list = limited_memory();
  const Arguments more = {
      count("num_psis_draws", "Number of draws from PSIS sample", 1000),
      count("num_paths", "Number of single pathfinders", 4),
      flag("save_single_paths", "Output single-path pathfinder draws as CSV", false),
      flag("psis_resample",
           "If true, perform psis resampling on samples returned from individual pathfinders. If "
           "false, returns num_paths * num_draws samples",
           true),
      flag("calculate_lp",
           "If true, individual pathfinders lp calculations are calculated and returned with the "
           "output. If false, each pathfinder will only  calculate the lp values needed for the "
           "elbo calculation. If false, psis resampling cannot be performed and the algorithm "
           "returns num_paths * num_draws samples. The output will still contain any lp values "
           "used when calculating ELBO scores within LBFGS iterations.",
           true),
      count("max_lbfgs_iters", "Maximum number of LBFGS iterations", 1000),
      count("num_draws", "Number of approximate posterior draws", 1000),
      count("num_elbo_draws", "Number of Monte Carlo draws to evaluate ELBO", 25)};
  list.insert(list.end(), more.begin(), more.end());
  return category("pathfinder", "Pathfinder algorithm", std::move(list));
}

Argument log_prob() {
  const std::string values = "Input file (JSON or R dump) of parameter values on ";
  return category("log_prob",
                  "Return the log density up to a constant and its gradients, given supplied "
                  "parameters",
                  {existing_file("unconstrained_params", values + "unconstrained scale"),
                   existing_file("constrained_params", values + "constrained scale"),
                   jacobian(true)});
}

Argument laplace() {
  return category(
      "laplace", "Sample from a Laplace approximation",
      {text("mode",
            "A specification of a mode on the constrained scale for all model parameters, either "
            "in JSON or CSV format.",
            "", "All", ""),
       jacobian(true, "."),
       count_or_none("draws", "Number of draws from the laplace approximation", 1000),
       flag("calculate_lp", "If true, calculate the log probability of the model at each draw.",
            true)});
}

// Not CmdStan's: what later computations ask of a model, at points that a file gives.
Argument evaluate() {
  const std::string values = "Input file (JSON or CSV) of parameter values on ";
  Argument method = category(
      "evaluate", "Log densities, gradients and values of all variables at given points",
      {existing_file("unconstrained_params", values + "unconstrained scale"),
       existing_file("constrained_params", values + "constrained scale"),
       flag("generated_quantities", "Draw the generated quantities as well", false)});
  method.hidden = true;
  return method;
}

Argument output() {
  return category(
      "output", "File output options",
      {text("file", "Output file", "output.csv", "Path to existing file", "output.csv"),
       existing_file("diagnostic_file", "Auxiliary output file for diagnostic information"),
       number(Kind::integer, "int", "refresh", "Number of iterations between screen updates", 100LL,
              "0 <= refresh", not_negative),
       number(Kind::integer, "int", "sig_figs",
              "The number of significant figures used for the output CSV files.", -1LL,
              "0 <= integer <= 18 or -1 to use the default number of significant figures",
              [](double x) { return x >= -1 && x <= 18; }),
       text("profile_file", "File to store profiling information", "profile.csv",
            "Valid path and write access to the folder", "\"\""),
       flag("save_cmdstan_config",
            "Save the CmdStan configuration (parsed arguments + default values) as JSON alongside "
            "the output files",
            false)});
}

bool thread_count(double x) { return x > 0 || x == -1; }

long long threads_by_default() {
  const char* set = std::getenv("STAN_NUM_THREADS");
  if (set == nullptr) {
    return 1;
  }
  char* end = nullptr;
  const long threads = std::strtol(set, &end, 10);
  if (*set == '\0' || *end != '\0' || !thread_count(threads)
      || threads > std::numeric_limits<int>::max()) {
    throw std::runtime_error("STAN_NUM_THREADS is '" + std::string(set)
                             + "' but it must be a positive number or -1");
  }
  return threads;
}

Argument tree() {
  const double largest_seed = std::numeric_limits<unsigned int>::max();
  return category(
      "", "",
      {choice("method", "Analysis method (Note that method= is optional)", "sample",
              {sample(), optimize(), variational(), diagnose(), generate_quantities(), pathfinder(),
               log_prob(), laplace(), evaluate()}),
       number(Kind::integer, "int", "id", "Unique process identifier", 1LL, "id >= 0",
              not_negative),
       category("data", "Input data options", {existing_file("file", "Input data file")}),
       text("init",
            "Initialization method: \"x\" initializes randomly between [-x, x], \"0\" initializes "
            "to 0, anything else identifies a file of values",
            "2", "All", "\"2\""),
       category("random", "Random number configuration",
                {number(Kind::integer, "x", "seed", "Random number generator seed", -1LL,
                        "non-negative integer < 4294967296  or -1 to generate seed from system "
                        "time",
                        [=](double x) { return x >= -1 && x <= largest_seed; })}),
       output(),
       shown_as("1 or the value of the STAN_NUM_THREADS environment variable if set.",
                number(Kind::integer, "int", "num_threads",
                       "Number of threads available to the program.", threads_by_default(),
                       "num_threads > 0 || num_threads == -1", thread_count))});
}

}  // namespace

const Argument& arguments() {
  static const Argument root = tree();
  return root;
}

std::string to_text(const Value& value) {
  std::ostringstream text;
  text << std::boolalpha;
  std::visit([&](const auto& held) { text << held; }, value);
  return text.str();
}

}  // namespace driver
