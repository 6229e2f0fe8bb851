#include "growing_file.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace driver {

bool write_all(int descriptor, const char* data, std::size_t size) {
  while (size > 0) {
    const auto done = ::write(descriptor, data, size);
    if (done < 0 && errno != EINTR) {
      return false;
    }
    if (done > 0) {
      data += done;
      size -= static_cast<std::size_t>(done);
    }
  }
  return true;
}

GrowingFile::~GrowingFile() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

bool GrowingFile::has(const Extent& extent) const {
  std::error_code error;
  const auto size = std::filesystem::file_size(name_, error);
  return extent.size == 0 || (!error && static_cast<std::int64_t>(size) >= extent.size);
}

bool GrowingFile::matches(const Extent& extent) const {
  return read(extent, [](const char*, std::int64_t) {});
}

void GrowingFile::restore(const Extent& extent, const Take& take) {
  const auto restore = [&](const char* data, std::int64_t size) {
    take(data, size);
    checksum_.process_bytes(data, static_cast<std::size_t>(size));
    size_ += size;
  };
  if (!read(extent, restore)) {
    throw std::runtime_error("\"" + name_ + "\" has changed while the chain was going on from it.");
  }
}

bool GrowingFile::read(const Extent& extent, const Take& take) const {
  std::ifstream file(name_, std::ios::binary);
  std::vector<char> block(1 << 20);
  Checksum checksum;
  std::int64_t left = extent.size;
  while (left > 0) {
    const auto size = std::min<std::int64_t>(left, static_cast<std::int64_t>(block.size()));
    if (!file.read(block.data(), size)) {
      return false;
    }
    checksum.process_bytes(block.data(), static_cast<std::size_t>(size));
    take(block.data(), size);
    left -= size;
  }
  return checksum.checksum() == extent.checksum;
}

bool GrowingFile::open() {
  descriptor_ = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  return descriptor_ >= 0 && ::ftruncate(descriptor_, size_) == 0
         && ::lseek(descriptor_, size_, SEEK_SET) == size_;
}

bool GrowingFile::append(const char* data, std::size_t size) {
  if ((descriptor_ < 0 && !open()) || !write_all(descriptor_, data, size)) {
    return false;
  }
  checksum_.process_bytes(data, size);
  size_ += static_cast<std::int64_t>(size);
  return true;
}

bool GrowingFile::sync() { return descriptor_ < 0 || ::fsync(descriptor_) == 0; }

}  // namespace driver
