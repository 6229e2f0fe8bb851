#include "help.hpp"

#include <iomanip>

namespace driver {
namespace {

std::vector<Argument> shown(const std::vector<Argument>& arguments) {
  std::vector<Argument> list;
  for (const auto& each : arguments) {
    if (!each.hidden) {
      list.push_back(each);
    }
  }
  return list;
}

std::string names(const std::vector<Argument>& arguments) {
  std::string list;
  for (const auto& each : shown(arguments)) {
    list += (list.empty() ? "" : ", ") + each.name;
  }
  return list;
}

void explain(const Argument& argument, const std::string& indent, bool all, std::ostream& out) {
  const bool valued = !argument.type.empty();
  out << indent << argument.name << (valued ? "=<" + argument.type + ">" : "") << "\n";
  out << indent << "  " << argument.help << "\n";
  if (valued) {
    out << indent << "  Valid values: " << argument.valid << "\n";
    out << indent << "  Defaults to " << argument.shown << "\n";
  } else if (!argument.children.empty()) {
    out << indent << "  Valid subarguments: " << names(argument.children) << "\n";
  }
  out << "\n";
  if (all) {
    for (const auto& child : shown(argument.children)) {
      explain(child, indent + "  ", true, out);
    }
  }
}

void line(const std::string& name, const std::string& help, std::ostream& out) {
  out << "  " << std::left << std::setw(10) << name << "  " << help << "\n";
}

}  // namespace

void print_usage(const std::string& program, std::ostream& out) {
  const Argument& method = arguments().children.front();
  out << "Usage: " << program
      << " <arg1> <subarg1_1> ... <subarg1_m> ... <arg_n> <subarg_n_1> ... <subarg_n_m>\n\n"
      << "Begin by selecting amongst the following inference methods and diagnostics,\n";
  for (const auto& option : shown(method.children)) {
    line(option.name, option.help, out);
  }
  out << "\nOr see help information with\n";
  line("help", "Prints help", out);
  line("help-all", "Prints entire argument tree", out);
  out << "\nAdditional configuration available by specifying\n";
  for (const auto& argument : arguments().children) {
    if (&argument != &method) {
      line(argument.name, argument.help, out);
    }
  }
  out << "\nSee " << program << " <arg1> [ help | help-all ] for details on individual arguments.\n\n";
}

void print_help(const Argument& subject, bool all, const std::string& program, std::ostream& out) {
  if (!subject.name.empty()) {
    explain(subject, "", all, out);
  } else if (all) {
    for (const auto& child : subject.children) {
      explain(child, "  ", true, out);
    }
  }
  print_usage(program, out);
}

}  // namespace driver
