// Reads a command line into settings, as CmdStan does; what it misreads in silence is refused.
#pragma once

#include "settings.hpp"

#include <string>
#include <vector>

namespace driver {

enum class Wish { run, help, help_all, information, usage, refused };

struct Command {
  Wish wish = Wish::run;
  const Argument* subject = nullptr;    // what help was asked about
  std::vector<std::string> complaints;  // the lines that say why it is refused
};

Command parse(const std::vector<std::string>& words, Setting& root);

}  // namespace driver
