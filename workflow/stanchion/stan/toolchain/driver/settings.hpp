// The values of one run: the tree of arguments with what the command line set.
#pragma once

#include "arguments.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace driver {

class Setting {
 public:
  explicit Setting(const Argument& argument);

  const Argument& argument() const { return *argument_; }
  const Value& value() const { return value_; }
  bool is_default() const { return default_; }
  std::vector<Setting>& children() { return children_; }
  const std::vector<Setting>& children() const { return children_; }

  // Sets what the user gave, and whether it is the default all the same.
  void set(Value value);
  // Sets what stands for the default, such as a seed that was drawn.
  void fill(Value value) { value_ = std::move(value); }

  // The option that a choice takes.
  const Setting& chosen() const;
  // Below this one, by names with dots between them: "algorithm.hmc.stepsize".
  const Setting& at(std::string_view path) const;
  Setting& at(std::string_view path);

  int integer(std::string_view path) const;
  unsigned int natural(std::string_view path) const;
  double real(std::string_view path) const;
  bool flag(std::string_view path) const;
  const std::string& text(std::string_view path) const;

 private:
  const Argument* argument_;
  Value value_;
  bool default_ = true;
  std::vector<Setting> children_;
};

}  // namespace driver
