#include "command_line.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <optional>

namespace driver {
namespace {

bool asks_for_help(const std::string& word) { return word == "help" || word == "help-all"; }

bool holds_others(Kind kind) { return kind == Kind::category || kind == Kind::option; }

std::optional<Value> read_integer(const std::string& text) {
  long long value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) {
    return std::nullopt;
  }
  return value;
}

std::optional<Value> read_real(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  const bool overflows = std::abs(value) > std::numeric_limits<double>::max()
                         && text.find_first_of("0123456789") != std::string::npos;
  if (text.empty() || *end != '\0' || overflows) {
    return std::nullopt;
  }
  return value;
}

std::optional<Value> read_flag(const std::string& text) {
  if (text == "1" || text == "true") {
    return true;
  }
  if (text == "0" || text == "false") {
    return false;
  }
  return std::nullopt;
}

bool fits(const Argument& argument, long long value) {
  const bool wide = argument.type == "x";  // a seed fills an unsigned int
  return argument.allows(static_cast<double>(value))
         && (wide || value <= std::numeric_limits<int>::max());
}

// The text as a value of this argument, where it is one and is allowed.
std::optional<Value> read(const Argument& argument, const std::string& text) {
  std::optional<Value> value;
  switch (argument.kind) {
    case Kind::integer:
      value = read_integer(text);
      return value && fits(argument, std::get<long long>(*value)) ? value : std::nullopt;
    case Kind::real:
      value = read_real(text);
      return value && argument.allows(std::get<double>(*value)) ? value : std::nullopt;
    case Kind::boolean:
      return read_flag(text);
    case Kind::choice:
      for (const auto& option : argument.children) {
        if (option.name == text) {
          return text;
        }
      }
      return std::nullopt;
    default:
      return text;
  }
}

// Every way to write an argument of this name, one line each.
void places(const Argument& node, const std::string& name, const std::string& before,
            std::vector<std::string>& lines) {
  for (const auto& child : node.children) {
    std::string written = before + child.name;
    if (!holds_others(child.kind)) {
      if (child.name == name) {
        const bool choice = child.kind == Kind::choice;
        lines.push_back("  " + written + "=<" + (choice ? "list_element" : child.type) + ">");
      }
    } else if (child.name == name) {
      lines.push_back("  " + written);
    }
    places(child, name, written + (child.kind == Kind::choice ? "=" : " "), lines);
  }
}

class Parser {
 public:
  Parser(const std::vector<std::string>& words, Setting& root) : words_(words), root_(root) {}

  Command parse() {
    if (words_.empty()) {
      command_.wish = Wish::usage;
      return command_;
    }
    take_children(root_);
    if (command_.wish == Wish::run && next_ < words_.size()) {
      refuse_misplaced(words_[next_]);
    }
    if (command_.wish == Wish::run || command_.wish == Wish::refused) {
      if (std::find(taken_.begin(), taken_.end(), "method") == taken_.end()) {
        refuse({"A method must be specified!"});
      }
    }
    return command_;
  }

 private:
  const std::vector<std::string>& words_;
  Setting& root_;
  std::size_t next_ = 0;
  std::vector<std::string> taken_;  // of the root's arguments, which come once
  Command command_;

  void refuse(const std::vector<std::string>& lines) {
    command_.wish = Wish::refused;
    command_.complaints.insert(command_.complaints.end(), lines.begin(), lines.end());
  }

  void refuse_misplaced(const std::string& word) {
    std::vector<std::string> lines;
    places(arguments(), word.substr(0, word.find('=')), "", lines);
    if (!lines.empty()) {
      lines.insert(lines.begin(), "Perhaps you meant one of the following valid configurations?");
    }
    lines.insert(lines.begin(), word + " is either mistyped or misplaced.");
    refuse(lines);
  }

  // Takes words as long as they belong to the node; the rest is left to the nodes above it.
  void take_children(Setting& node) {
    while (command_.wish == Wish::run && next_ < words_.size()) {
      const std::string& word = words_[next_];
      if (asks_for_help(word)) {
        command_.wish = word == "help" ? Wish::help : Wish::help_all;
        command_.subject = &node.argument();
      } else if (&node == &root_ && word == "info") {
        command_.wish = Wish::information;
      } else if (Setting* child = claim(node, word)) {
        ++next_;
        take(*child, word);
      } else {
        return;
      }
    }
  }

  bool help_follows() const {
    return next_ + 1 < words_.size() && asks_for_help(words_[next_ + 1]);
  }

  // The child of the node that this word is about, if there is one.
  Setting* claim(Setting& node, const std::string& word) {
    const auto equals = word.find('=');
    const std::string name = word.substr(0, equals);
    for (auto& child : node.children()) {
      const Argument& argument = child.argument();
      const bool bare = equals == std::string::npos;
      bool meant = argument.name == name && bare == holds_others(argument.kind);
      meant = meant || (argument.name == name && bare && help_follows());
      if (&node == &root_) {
        const bool again = std::find(taken_.begin(), taken_.end(), argument.name) != taken_.end();
        meant = !again && (meant || (bare && argument.name == "method" && read(argument, name)));
      }
      if (meant) {
        return &child;
      }
    }
    return nullptr;
  }

  void take(Setting& setting, const std::string& word) {
    const Argument& argument = setting.argument();
    taken_.push_back(argument.name);
    if (holds_others(argument.kind)) {
      take_children(setting);
      return;
    }
    if (word == argument.name) {  // only help can follow
      take_children(setting);
      return;
    }
    const auto equals = word.find('=');
    const std::string text = equals == std::string::npos ? word : word.substr(equals + 1);
    const auto value = read(argument, text);
    if (!value) {
      refuse({text + " is not a valid value for \"" + argument.name + "\"",
              "  Valid values: " + argument.valid});
      return;
    }
    setting.set(*value);
    if (argument.kind == Kind::choice) {
      take_children(setting.at(text));
    }
  }
};

}  // namespace

Command parse(const std::vector<std::string>& words, Setting& root) {
  return Parser(words, root).parse();
}

}  // namespace driver
