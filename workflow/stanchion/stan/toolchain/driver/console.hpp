// Messages: a line at a time to the standard streams, whole also when chains share them.
#pragma once

#include "output_file.hpp"

#include <stan/callbacks/interrupt.hpp>
#include <stan/callbacks/logger.hpp>

#include <mutex>
#include <sstream>
#include <string>
#include <string_view>

namespace driver {

class Console final : public stan::callbacks::logger {
 public:
  explicit Console(WriteFault& fault) : fault_(fault) {}

  void debug(const std::string& message) override { print(message); }
  void debug(const std::stringstream& message) override { print(message.str()); }
  void info(const std::string& message) override { print(message); }
  void info(const std::stringstream& message) override { print(message.str()); }
  void warn(const std::string& message) override { print(message); }
  void warn(const std::stringstream& message) override { print(message.str()); }
  void error(const std::string& message) override { complain(message); }
  void error(const std::stringstream& message) override { complain(message.str()); }
  void fatal(const std::string& message) override { complain(message); }
  void fatal(const std::stringstream& message) override { complain(message.str()); }

  // Where messages of exceptions are copied to, in lines, from here on; null ends it.
  void copy_to(std::string* exceptions);
  // Prints lines again that were copied in an earlier run.
  void repeat(std::string_view lines);

  // Whether this was already told as an error.
  bool has_told(const std::string& message) const;

 private:
  WriteFault& fault_;
  mutable std::mutex mutex_;
  std::string last_error_;
  std::string* exceptions_ = nullptr;

  void print(const std::string& message);
  void write(std::string_view lines);
  void complain(const std::string& message);
};

// Ends a run at its next step once something could not be written.
class StopOnFault final : public stan::callbacks::interrupt {
 public:
  explicit StopOnFault(const WriteFault& fault) : fault_(fault) {}
  void operator()() override;
  bool is_due() const { return fault_.any(); }

 private:
  const WriteFault& fault_;
};

}  // namespace driver
