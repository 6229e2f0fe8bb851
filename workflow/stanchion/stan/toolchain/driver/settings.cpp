#include "settings.hpp"

#include <stdexcept>

namespace driver {

Setting::Setting(const Argument& argument) : argument_(&argument), value_(argument.initial) {
  children_.reserve(argument.children.size());
  for (const auto& child : argument.children) {
    children_.emplace_back(child);
  }
}

void Setting::set(Value value) {
  value_ = std::move(value);
  default_ = value_ == argument_->initial;
}

const Setting& Setting::chosen() const { return at(std::get<std::string>(value_)); }

const Setting& Setting::at(std::string_view path) const {
  const auto dot = path.find('.');
  const std::string_view name = path.substr(0, dot);
  for (const auto& child : children_) {
    if (child.argument_->name == name) {
      return dot == std::string_view::npos ? child : child.at(path.substr(dot + 1));
    }
  }
  throw std::logic_error("no argument " + std::string(path) + " in " + argument_->name);
}

Setting& Setting::at(std::string_view path) {
  return const_cast<Setting&>(static_cast<const Setting&>(*this).at(path));
}

int Setting::integer(std::string_view path) const {
  return static_cast<int>(std::get<long long>(at(path).value_));
}

unsigned int Setting::natural(std::string_view path) const {
  return static_cast<unsigned int>(std::get<long long>(at(path).value_));
}

double Setting::real(std::string_view path) const { return std::get<double>(at(path).value_); }

bool Setting::flag(std::string_view path) const { return std::get<bool>(at(path).value_); }

const std::string& Setting::text(std::string_view path) const {
  return std::get<std::string>(at(path).value_);
}

}  // namespace driver
