// A Stan CSV: comments, a header and rows of numbers, formatted as CmdStan does.
#pragma once

#include "output_file.hpp"

#include <stan/callbacks/writer.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace driver {

class CsvWriter final : public stan::callbacks::writer {
 public:
  // Without a file everything is let go.
  CsvWriter() = default;
  CsvWriter(OutputFile& file, int significant_digits);

  using stan::callbacks::writer::operator();
  void operator()(const std::vector<std::string>& names) override;
  void operator()(const std::vector<double>& row) override;
  void operator()() override { (*this)(std::string()); }
  void operator()(const std::string& comment) override;
  void operator()(const Eigen::Matrix<double, -1, -1>& columns) override;
  void operator()(const Eigen::Matrix<double, -1, 1>& row) override;
  void operator()(const Eigen::Matrix<double, 1, -1>& row) override;
  bool is_valid() const noexcept override { return file_ != nullptr; }

  std::size_t rows() const { return rows_; }
  // Rows that were put into the file by other means count too.
  void set_rows(std::size_t rows) { rows_ = rows; }
  OutputFile* file() const { return file_; }

 private:
  OutputFile* file_ = nullptr;
  int digits_ = 6;
  std::size_t rows_ = 0;
  std::string line_;

  void write_row(const double* values, std::size_t size, std::string_view separator);
  void end_line();
};

}  // namespace driver
