#include "console.hpp"

#include "interruption.hpp"

#include <cerrno>
#include <cstring>
#include <iostream>

namespace driver {

void Console::print(const std::string& message) {
  const std::lock_guard<std::mutex> lock(mutex_);
  errno = 0;
  if (!(std::cout << message << std::endl)) {
    fault_.note(std::string("Cannot write to the standard output")
                + (errno != 0 ? std::string(": ") + std::strerror(errno) : "") + ".");
  }
}

void Console::complain(const std::string& message) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::cerr << message << std::endl;
  last_error_ = message;
}

bool Console::has_told(const std::string& message) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return message == last_error_;
}

void StopOnFault::operator()() {
  if (fault_.any()) {
    fail_at_once(fault_.sentence());
  }
}

}  // namespace driver
