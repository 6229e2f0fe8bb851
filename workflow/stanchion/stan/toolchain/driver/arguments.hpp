// CmdStan's arguments as one tree of data: parsing, checks, help and every header derive from it.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace driver {

using Value = std::variant<bool, long long, double, std::string>;

enum class Kind {
  category,  // holds other arguments, such as `data`
  choice,    // takes one of its options, such as `algorithm=hmc`
  option,    // one of a choice's names that has nothing further to print, such as `diag_e`
  integer,
  real,
  boolean,
  text,
};

struct Argument {
  Kind kind;
  std::string name;
  std::string help;
  std::string type;     // as help shows it: name=<type>
  Value initial;        // its default; a choice's is the name of an option
  std::string shown;    // the default in the words of help
  std::string valid;    // what is allowed, in the words of help and of messages
  std::function<bool(double)> allows;  // the same for numbers
  std::vector<Argument> children;      // of a category, or the options of a choice
  bool hidden = false;                 // not CmdStan's: help and messages do not name it
};

// The root: a category without a name.
const Argument& arguments();

// A value as CmdStan prints it: six significant digits, true and false.
std::string to_text(const Value& value);

}  // namespace driver
