#include "interruption.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <mutex>

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace driver {
namespace {

// Never freed: a signal may come at any time, and its handler walks the list.
struct Remembered {
  std::string file;
  std::atomic<bool> there{true};
  Remembered* next = nullptr;
};

std::atomic<Remembered*> first_remembered{nullptr};

void remove_unfinished() {
  for (Remembered* each = first_remembered; each != nullptr; each = each->next) {
    if (each->there) {
      ::unlink(each->file.c_str());
    }
  }
}

volatile std::sig_atomic_t holding = 0;
volatile std::sig_atomic_t asked = 0;

void end_run(int signal) {
  if (holding != 0 && asked == 0) {
    asked = signal;
    return;
  }
  remove_unfinished();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void end_with_parent() {
  const pid_t parent = ::getppid();
  const char* wanted = std::getenv("STANCHION_DIE_WITH_PARENT");
  if (wanted == nullptr) {
    return;
  }
  const long expected = std::strtol(wanted, nullptr, 10);
  if (expected < 1) {
    return;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent || (expected > 1 && parent != expected)) {
    std::_Exit(1);
  }
}

}  // namespace

void* remove_if_interrupted(const std::string& file) {
  auto* remembered = new Remembered;
  remembered->file = file;
  remembered->next = first_remembered;
  first_remembered = remembered;
  return remembered;
}

void forget_interrupted(void* remembered) { static_cast<Remembered*>(remembered)->there = false; }

void hold_signals() { holding = 1; }

void release_signals() {
  holding = 0;
  if (asked != 0) {
    end_by(asked);
  }
}

int asked_to_end() { return asked; }

void end_by(int signal) {
  remove_unfinished();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
  std::_Exit(EXIT_FAILURE);
}

void fail_at_once(const std::string& sentence) {
  static std::mutex only_one;
  only_one.lock();
  std::cerr << sentence << std::endl;
  remove_unfinished();
  std::_Exit(EXIT_FAILURE);
}

void prepare_process() {
  while (true) {
    const int descriptor = ::open("/dev/null", O_RDWR);
    if (descriptor < 0 || descriptor > STDERR_FILENO) {
      ::close(descriptor);
      break;
    }
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGXCPU}) {
    // A signal that the caller had ignored, as nohup does, stays ignored.
    if (std::signal(signal, end_run) == SIG_IGN) {
      std::signal(signal, SIG_IGN);
    }
  }
  end_with_parent();
}

}  // namespace driver
