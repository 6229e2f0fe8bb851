#include "csv_writer.hpp"

#include <cstdio>

namespace driver {

CsvWriter::CsvWriter(OutputFile& file, int significant_digits)
    : file_(&file), digits_(significant_digits < 0 ? 6 : significant_digits) {}

void CsvWriter::operator()(const std::vector<std::string>& names) {
  if (names.empty()) {
    return;
  }
  for (const auto& name : names) {
    line_ += name;
    line_ += ',';
  }
  line_.pop_back();
  end_line();
}

void CsvWriter::operator()(const std::vector<double>& row) {
  if (!row.empty()) {
    write_row(row.data(), row.size(), ",");
  }
}

void CsvWriter::operator()(const std::string& comment) {
  line_ = "# " + comment;
  end_line();
}

void CsvWriter::operator()(const Eigen::Matrix<double, -1, -1>& columns) {
  for (Eigen::Index i = 0; i < columns.cols(); ++i) {
    write_row(columns.col(i).data(), static_cast<std::size_t>(columns.rows()), ", ");
  }
}

void CsvWriter::operator()(const Eigen::Matrix<double, -1, 1>& row) {
  write_row(row.data(), static_cast<std::size_t>(row.size()), ", ");
}

void CsvWriter::operator()(const Eigen::Matrix<double, 1, -1>& row) {
  write_row(row.data(), static_cast<std::size_t>(row.size()), ", ");
}

void CsvWriter::write_row(const double* values, std::size_t size, std::string_view separator) {
  char number[64];
  for (std::size_t i = 0; i < size; ++i) {
    if (i > 0) {
      line_ += separator;
    }
    const int length = std::snprintf(number, sizeof number, "%.*g", digits_, values[i]);
    line_.append(number, static_cast<std::size_t>(length));
  }
  ++rows_;
  end_line();
}

void CsvWriter::end_line() {
  line_ += '\n';
  if (file_ != nullptr) {
    file_->sputn(line_.data(), static_cast<std::streamsize>(line_.size()));
  }
  line_.clear();
}

}  // namespace driver
