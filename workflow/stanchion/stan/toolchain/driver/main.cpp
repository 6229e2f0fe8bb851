// CmdStan's command line: from arguments to a run, its files and an exit code of 0 or 1.
#include "command_line.hpp"
#include "help.hpp"
#include "interruption.hpp"
#include "model.hpp"
#include "run.hpp"

#include <chrono>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <limits>
#include <stdexcept>

namespace driver {
namespace {

constexpr int went_well = 0;
constexpr int failed = 1;

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

void draw_seed(Setting& seed) {
  if (seed.value() == Value(-1LL)) {
    using namespace std::chrono;
    const auto now = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
    seed.fill(static_cast<long long>(now % std::numeric_limits<unsigned int>::max()));
  }
}

void print_information() {
  for (const auto& line : version_lines()) {
    std::cout << line << "\n";
  }
  for (const auto& line : build_lines()) {
    std::cout << line << "\n";
  }
}

int run_method(Run& run, const std::string& method) {
  using Method = int (*)(Run&);
  static const std::vector<std::pair<std::string, Method>> methods{
      {"sample", driver::sample},           {"optimize", driver::optimize},
      {"variational", driver::variational}, {"diagnose", driver::diagnose},
      {"pathfinder", driver::pathfinder},   {"generate_quantities", driver::generate_quantities},
      {"log_prob", driver::log_prob},       {"laplace", driver::laplace},
      {"evaluate", driver::evaluate}};
  for (const auto& [name, call] : methods) {
    if (name == method) {
      return call(run);
    }
  }
  throw std::logic_error("no method " + method);
}

int run_model(Setting& root) {
  WriteFault fault;
  Console console(fault);
  StopOnFault interrupt(fault);
  draw_seed(root.at("random.seed"));
  for (const auto& line : setting_lines(root)) {
    console.info(line);
  }
  console.info("");
  use_threads(root.integer("num_threads"));
  const Setting& options = root.at("method").chosen();
  const auto data = read_values(root.text("data.file"));
  const auto model = make_model(*data, root.natural("random.seed"));
  const Program program = describe(*model, utc_now());
  Outputs outputs(root, program, fault);
  Run run{root, options, *model, outputs, console, interrupt};
  int code = failed;
  try {
    code = run_method(run, options.argument().name);
    outputs.save_configuration();
    write_profile(root.text("output.profile_file"), outputs);
    outputs.publish();
  } catch (const std::exception& error) {
    if (!fault.any()) {
      console.error(error.what());
    }
  }
  if (fault.any() && !console.has_told(fault.sentence())) {
    console.error(fault.sentence());
  }
  return code == 0 && !fault.any() ? went_well : failed;
}

int follow(const Command& command, Setting& root, const std::string& program) {
  switch (command.wish) {
    case Wish::help:
    case Wish::help_all:
      print_help(*command.subject, command.wish == Wish::help_all, program, std::cout);
      return went_well;
    case Wish::information:
      print_information();
      return went_well;
    case Wish::usage:
      print_usage(program, std::cout);
      return failed;
    case Wish::refused:
      for (const auto& line : command.complaints) {
        std::cerr << line << "\n";
      }
      std::cerr << "Failed to parse command arguments, cannot run model.\n";
      return failed;
    default:
      return run_model(root);
  }
}

int run(const std::vector<std::string>& words, const std::string& program) {
  try {
    Setting root(arguments());
    const Command command = parse(words, root);
    const int code = follow(command, root, program);
    if (!(std::cout << std::flush) && command.wish != Wish::run) {
      throw std::runtime_error("Cannot write to the standard output.");
    }
    return code;
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return failed;
  }
}

}  // namespace
}  // namespace driver

int main(int argc, char* argv[]) {
  driver::prepare_process();
  const std::string program = std::filesystem::path(argc > 0 ? argv[0] : "").filename().string();
  return driver::run({argv + std::min(argc, 1), argv + argc}, program);
}
