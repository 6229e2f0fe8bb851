// Help in CmdStan's words, from the tree of arguments.
#pragma once

#include "arguments.hpp"

#include <ostream>
#include <string>

namespace driver {

// What the arguments below `subject` are; all of them down to the leaves, or one level.
void print_help(const Argument& subject, bool all, const std::string& program, std::ostream& out);

void print_usage(const std::string& program, std::ostream& out);

}  // namespace driver
