#include <stan/model/model_header.hpp>

#include "model.hpp"

#include <ostream>

// Both are in the C++ code that stanc makes of the program.
stan::model::model_base& new_model(stan::io::var_context& data, unsigned int seed,
                                   std::ostream* messages);
stan::math::profile_map& get_stan_profile_data();

namespace driver {

std::shared_ptr<stan::model::model_base> make_model(stan::io::var_context& data,
                                                    unsigned int seed) {
  return std::shared_ptr<stan::model::model_base>(&new_model(data, seed, &std::cout));
}

Program describe(const stan::model::model_base& model, const std::string& started) {
  return {model.model_name(), model.model_compile_info(), started};
}

std::vector<std::string> build_lines() {
  const auto line = [](const std::string& name, bool is_set) {
    return name + (is_set ? "=true" : "=false");
  };
#ifdef STAN_THREADS
  const bool threads = true;
#else
  const bool threads = false;
#endif
#ifdef STAN_NO_RANGE_CHECKS
  const bool no_checks = true;
#else
  const bool no_checks = false;
#endif
#ifdef STAN_CPP_OPTIMS
  const bool optimised = true;
#else
  const bool optimised = false;
#endif
  return {line("STAN_THREADS", threads), line("STAN_MPI", false), line("STAN_OPENCL", false),
          line("STAN_NO_RANGE_CHECKS", no_checks), line("STAN_CPP_OPTIMS", optimised)};
}

void use_threads(int threads) { stan::math::init_threadpool_tbb(threads); }

void write_profile(const std::string& name, Outputs& outputs) {
  const auto& profiles = get_stan_profile_data();
  if (profiles.empty()) {
    return;
  }
  std::ostream file(&outputs.open(name));
  file << "name,thread_id,total_time,forward_time,reverse_time,chain_stack,no_chain_stack,"
          "autodiff_calls,no_autodiff_calls\n";
  for (const auto& [key, profile] : profiles) {
    file << key.first << ',' << key.second << ',' << profile.get_fwd_time() + profile.get_rev_time()
         << ',' << profile.get_fwd_time() << ',' << profile.get_rev_time() << ','
         << profile.get_chain_stack_used() << ',' << profile.get_nochain_stack_used() << ','
         << profile.get_num_rev_passes() << ',' << profile.get_num_no_AD_fwd_passes() << '\n';
  }
}

}  // namespace driver
