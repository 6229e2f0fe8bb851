// A file that grows while a chain runs, and of which a saved state says how much belongs to it.
#pragma once

#include <boost/crc.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace driver {

class GrowingFile {
 public:
  // Its first bytes, by number and checksum: zlib's crc32, which the step computes as well.
  struct Extent {
    std::int64_t size = 0;
    std::uint32_t checksum = 0;
  };
  using Take = std::function<void(const char* data, std::int64_t size)>;

  explicit GrowingFile(std::string name) : name_(std::move(name)) {}
  ~GrowingFile();
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;

  // What belongs to it so far: nothing at first, whatever lies there.
  Extent extent() const { return {size_, checksum_.checksum()}; }

  // Whether so much is there, and whether it is what the extent says.
  bool has(const Extent& extent) const;
  bool matches(const Extent& extent) const;
  // Passes on those bytes in blocks; they belong to the file then. Throws where they do not match.
  void restore(const Extent& extent, const Take& take);

  // Puts bytes behind those that belong to it, in place of what stands there; they are on the disk
  // after `sync`. False, with errno, where it cannot.
  bool append(const char* data, std::size_t size);
  bool sync();

 private:
  using Checksum = boost::crc_32_type;

  std::string name_;
  int descriptor_ = -1;
  std::int64_t size_ = 0;
  Checksum checksum_;

  bool open();
  bool read(const Extent& extent, const Take& take) const;
};

// Writes all of it; false, with errno, where it cannot.
bool write_all(int descriptor, const char* data, std::size_t size);

}  // namespace driver
