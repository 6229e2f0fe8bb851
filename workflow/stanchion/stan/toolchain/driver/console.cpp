#include "console.hpp"

#include "interruption.hpp"

#include <cerrno>
#include <cstring>
#include <iostream>

namespace driver {

void Console::print(const std::string& message) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (exceptions_ != nullptr && message.rfind("Exception: ", 0) == 0) {
    *exceptions_ += message + "\n";
  }
  write(message + "\n");
}

void Console::write(std::string_view lines) {
  errno = 0;
  if (!(std::cout << lines << std::flush)) {
    fault_.note(std::string("Cannot write to the standard output")
                + (errno != 0 ? std::string(": ") + std::strerror(errno) : "") + ".");
  }
}

void Console::copy_to(std::string* exceptions) {
  const std::lock_guard<std::mutex> lock(mutex_);
  exceptions_ = exceptions;
}

void Console::repeat(std::string_view lines) {
  const std::lock_guard<std::mutex> lock(mutex_);
  write(lines);
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
