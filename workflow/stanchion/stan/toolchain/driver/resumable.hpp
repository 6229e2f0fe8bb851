// Stan's loop over the iterations of a chain, with a checkpoint between two of them.
//
// Every sampler of Stan's services runs through `generate_transitions`. This header gives the one
// for our models a body that does the same and can besides save and load the whole state; the
// services around it stay Stan's. It comes before them wherever they are included.
//
// The state is what the transitions of Stan 2.39 read before they write it: the point, the random
// generator, the step size, the inverse metric and its estimator, dual averaging, the counters of
// the adaptation's windows, and the blocks of autodiff's memory, whose sizes decide where vectors
// lie in it and with that in which order vectorised sums are made.
#pragma once

#include <stan/model/model_header.hpp>

#include "checkpoint.hpp"

#include <stan/mcmc/fixed_param_sampler.hpp>
#include <stan/mcmc/hmc/nuts/adapt_dense_e_nuts.hpp>
#include <stan/mcmc/hmc/nuts/adapt_diag_e_nuts.hpp>
#include <stan/mcmc/hmc/nuts/adapt_unit_e_nuts.hpp>
#include <stan/mcmc/hmc/static/adapt_dense_e_static_hmc.hpp>
#include <stan/mcmc/hmc/static/adapt_diag_e_static_hmc.hpp>
#include <stan/mcmc/hmc/static/adapt_unit_e_static_hmc.hpp>
#include <stan/services/util/generate_transitions.hpp>

#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace driver::state {

using Model = stan::model::model_base;
using Random = stan::rng_t;

// Its 152 bytes are the generator: reading it from text fails for some of its states.
static_assert(std::is_trivially_copyable_v<Random>);

class Saver {
 public:
  template <class T>
  void operator()(const T& value) {
    if constexpr (std::is_trivially_copyable_v<T>) {
      append(&value, sizeof value);
    } else {
      const std::int64_t size[2] = {value.rows(), value.cols()};
      append(size, sizeof size);
      append(value.data(), sizeof(double) * static_cast<std::size_t>(value.size()));
    }
  }
  std::string bytes;

 private:
  void append(const void* data, std::size_t size) {
    bytes.append(static_cast<const char*>(data), size);
  }
};

class Loader {
 public:
  explicit Loader(const std::string& bytes) : bytes_(bytes) {}

  template <class T>
  void operator()(T& value) {
    if constexpr (std::is_trivially_copyable_v<T>) {
      take(&value, sizeof value);
    } else {
      std::int64_t size[2];
      take(size, sizeof size);
      if (size[0] != value.rows() || size[1] != value.cols()) {
        throw std::runtime_error("The saved state is of another model.");
      }
      take(value.data(), sizeof(double) * static_cast<std::size_t>(value.size()));
    }
  }

 private:
  const std::string& bytes_;
  std::size_t at_ = 0;

  void take(void* data, std::size_t size) {
    if (bytes_.size() - at_ < size) {
      throw std::runtime_error("The saved state is cut off.");
    }
    std::memcpy(data, bytes_.data() + at_, size);
    at_ += size;
  }
};

// Members of Stan's classes that are theirs alone: a derived class may name them.
struct StepSize : stan::mcmc::stepsize_adaptation {
  template <class F>
  static void visit(stepsize_adaptation& adaptation, F& f) {
    f(adaptation.*&StepSize::counter_);
    f(adaptation.*&StepSize::s_bar_);
    f(adaptation.*&StepSize::x_bar_);
    f(adaptation.*&StepSize::mu_);
  }
};

struct Windows : stan::mcmc::windowed_adaptation {
  template <class F>
  static void visit(windowed_adaptation& adaptation, F& f) {
    f(adaptation.*&Windows::adapt_window_counter_);
    f(adaptation.*&Windows::adapt_next_window_);
    f(adaptation.*&Windows::adapt_window_size_);
  }
};

template <class Estimator>
struct Welford : Estimator {
  template <class F>
  static void visit(Estimator& estimator, F& f) {
    f(estimator.*&Welford::num_samples_);
    f(estimator.*&Welford::m_);
    f(estimator.*&Welford::m2_);
  }
};

template <class Adaptation>
struct Metric : Adaptation {
  template <class F>
  static void visit(Adaptation& adaptation, F& f) {
    Windows::visit(adaptation, f);
    auto& estimator = adaptation.*&Metric::estimator_;
    Welford<std::decay_t<decltype(estimator)>>::visit(estimator, f);
  }
};

template <class Sampler>
struct Open : Sampler {
  template <class F>
  static void visit(Sampler& sampler, F& f) {
    f(sampler.*&Open::nom_epsilon_);
    f(sampler.*&Open::epsilon_);
    auto& z = sampler.*&Open::z_;
    f(z.q);
    if constexpr (!std::is_base_of_v<stan::mcmc::unit_e_point, std::decay_t<decltype(z)>>) {
      f(z.inv_e_metric_);
    }
    visit_length(sampler, f);
    if constexpr (std::is_base_of_v<stan::mcmc::base_adapter, Sampler>) {
      f(sampler.*&Open::adapt_flag_);
      StepSize::visit(sampler.*&Open::stepsize_adaptation_, f);
    }
    if constexpr (std::is_base_of_v<stan::mcmc::stepsize_var_adapter, Sampler>) {
      Metric<stan::mcmc::var_adaptation>::visit(sampler.*&Open::var_adaptation_, f);
    }
    if constexpr (std::is_base_of_v<stan::mcmc::stepsize_covar_adapter, Sampler>) {
      Metric<stan::mcmc::covar_adaptation>::visit(sampler.*&Open::covar_adaptation_, f);
    }
  }

 private:
  // A static sampler's number of steps follows from its step size, but not at every moment.
  template <class S, class F>
  static auto visit_length(S& sampler, F& f) -> decltype(sampler.get_L(), void()) {
    f(sampler.*&Open::T_);
    f(sampler.*&Open::L_);
  }
  template <class... T>
  static void visit_length(T&&...) {}
};

// Private in Stan; an explicit instantiation may name it.
using BlockSizes = std::vector<std::size_t> stan::math::stack_alloc::*;
BlockSizes block_sizes();
template <BlockSizes Member>
struct Reveal {
  friend BlockSizes block_sizes() { return Member; }
};
template struct Reveal<&stan::math::stack_alloc::sizes_>;

inline std::vector<std::size_t> memory_blocks() {
  return stan::math::ChainableStack::instance_->memalloc_.*block_sizes();
}

inline void shape_memory(const std::vector<std::size_t>& sizes) {
  auto& memory = stan::math::ChainableStack::instance_->memalloc_;
  memory.free_all();
  for (std::size_t i = 1; i < sizes.size(); ++i) {
    memory.alloc(sizes[i]);
  }
  memory.recover_all();
}

template <class Sampler, class F>
bool visit_if(stan::mcmc::base_mcmc& sampler, F& f) {
  auto* known = dynamic_cast<Sampler*>(&sampler);
  if (known != nullptr) {
    Open<Sampler>::visit(*known, f);
  }
  return known != nullptr;
}

// False for a sampler that has no such state, as none of CmdStan's has.
template <class F>
bool visit(stan::mcmc::base_mcmc& sampler, F& f) {
  using namespace stan::mcmc;
  return dynamic_cast<fixed_param_sampler*>(&sampler) != nullptr
         || visit_if<adapt_diag_e_nuts<Model, Random>>(sampler, f)
         || visit_if<adapt_dense_e_nuts<Model, Random>>(sampler, f)
         || visit_if<adapt_unit_e_nuts<Model, Random>>(sampler, f)
         || visit_if<adapt_diag_e_static_hmc<Model, Random>>(sampler, f)
         || visit_if<adapt_dense_e_static_hmc<Model, Random>>(sampler, f)
         || visit_if<adapt_unit_e_static_hmc<Model, Random>>(sampler, f)
         || visit_if<diag_e_nuts<Model, Random>>(sampler, f)
         || visit_if<dense_e_nuts<Model, Random>>(sampler, f)
         || visit_if<unit_e_nuts<Model, Random>>(sampler, f)
         || visit_if<diag_e_static_hmc<Model, Random>>(sampler, f)
         || visit_if<dense_e_static_hmc<Model, Random>>(sampler, f)
         || visit_if<unit_e_static_hmc<Model, Random>>(sampler, f);
}

inline std::string saved(stan::mcmc::base_mcmc& sampler, const stan::mcmc::sample& at,
                         const Random& random) {
  Saver saver;
  saver(random);
  saver(at.cont_params());
  saver(at.log_prob());
  saver(at.accept_stat());
  visit(sampler, saver);
  const auto blocks = memory_blocks();
  saver(static_cast<std::uint64_t>(blocks.size()));
  for (const std::size_t size : blocks) {
    saver(size);
  }
  return saver.bytes;
}

inline void load(const std::string& bytes, stan::mcmc::base_mcmc& sampler, stan::mcmc::sample& at,
                 Random& random) {
  Loader loader(bytes);
  Eigen::VectorXd point = at.cont_params();
  double log_prob = 0;
  double accept_stat = 0;
  loader(random);
  loader(point);
  loader(log_prob);
  loader(accept_stat);
  visit(sampler, loader);
  std::uint64_t count = 0;
  loader(count);
  std::vector<std::size_t> blocks(count);
  for (std::size_t& size : blocks) {
    loader(size);
  }
  at = stan::mcmc::sample(point, log_prob, accept_stat);
  shape_memory(blocks);
}

// Returns how many iterations of this phase are done already.
inline int resume(Checkpoint& checkpoint, stan::mcmc::base_mcmc& sampler, stan::mcmc::sample& at,
                  Random& random, int iterations, int start, int finish, bool sampling) {
  checkpoint.begin(finish);
  if (!checkpoint.has_state()) {
    return 0;
  }
  load(checkpoint.sampler(), sampler, at, random);
  const auto position = checkpoint.position();
  if (position.sampling && !sampling) {
    return iterations;  // what is written between the phases gives way to what was saved
  }
  checkpoint.restore_output();
  return static_cast<int>(position.iteration) - start;
}

}  // namespace driver::state

namespace stan::services::util {

template <>
inline void generate_transitions<stan::model::model_base, stan::rng_t>(
    stan::mcmc::base_mcmc& sampler, int num_iterations, int start, int finish, int num_thin,
    int refresh, bool save, bool warmup, mcmc_writer& writer, stan::mcmc::sample& at,
    stan::model::model_base& model, stan::rng_t& random, callbacks::interrupt& interrupt,
    callbacks::logger& logger, size_t chain_id, size_t num_chains) {
  driver::Checkpoint* const checkpoint = driver::Checkpoint::active();
  int m = 0;
  if (checkpoint != nullptr) {
    m = driver::state::resume(*checkpoint, sampler, at, random, num_iterations, start, finish,
                              !warmup);
  }
  for (; m < num_iterations; ++m) {
    interrupt();
    const int iteration = start + m + 1;
    if (refresh > 0 && (iteration == finish || m == 0 || (m + 1) % refresh == 0)) {
      const int width = std::ceil(std::log10(static_cast<double>(finish)));
      std::stringstream message;
      if (num_chains != 1) {
        message << "Chain [" << chain_id << "] ";
      }
      message << "Iteration: " << std::setw(width) << iteration << " / " << finish << " ["
              << std::setw(3) << static_cast<int>((100.0 * iteration) / finish) << "%] "
              << (warmup ? " (Warmup)" : " (Sampling)");
      logger.info(message);
    }
    at = sampler.transition(at, logger);
    if (save && m % num_thin == 0) {
      if (checkpoint != nullptr) {
        checkpoint->begin_row();
      }
      writer.write_sample_params(random, at, sampler, model);
      if (checkpoint != nullptr) {
        checkpoint->end_row();
      }
      writer.write_diagnostic_params(at, sampler);
    }
    if (checkpoint != nullptr && checkpoint->is_due()) {
      checkpoint->save(iteration, !warmup, driver::state::saved(sampler, at, random));
      checkpoint->end_if_asked();
    }
  }
  if (checkpoint != nullptr && !warmup) {
    checkpoint->save(start + num_iterations, true, driver::state::saved(sampler, at, random));
  }
}

}  // namespace stan::services::util
