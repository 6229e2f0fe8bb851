#include "output_file.hpp"

#include "file_names.hpp"
#include "interruption.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

namespace driver {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t buffer_size = 1 << 16;

std::string follow_links(const std::string& name) {
  std::error_code error;
  const fs::path target = fs::weakly_canonical(name, error);
  return error ? name : target.string();
}

}  // namespace

void WriteFault::note(const std::string& sentence) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!any_) {
    sentence_ = sentence;
    any_ = true;
  }
}

std::string WriteFault::sentence() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return sentence_;
}

OutputFile::OutputFile(const std::string& name, WriteFault& fault) : name_(name), fault_(fault) {
  buffer_.reserve(buffer_size);
  if (is_device(name)) {
    descriptor_ = ::open(name.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) {
      note("open", errno);
    }
    return;
  }
  final_ = follow_links(name);
  draft_ = final_ + ".tmp." + std::to_string(::getpid());
  if (::access(final_.c_str(), F_OK) == 0 && ::access(final_.c_str(), W_OK) != 0) {
    note("write", errno);
    return;
  }
  descriptor_ = ::open(draft_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    note("open", errno);
    return;
  }
  cleanup_ = remove_if_interrupted(draft_);
  ::unlink(final_.c_str());
}

OutputFile::~OutputFile() { discard(); }

void OutputFile::note(const char* what, int error) {
  fault_.note(std::string("Cannot ") + what + " output file \"" + name_
              + "\": " + std::strerror(error) + ".");
}

void OutputFile::flush() {
  std::size_t done = 0;
  while (done < buffer_.size() && descriptor_ >= 0 && !fault_.any()) {
    const auto size = ::write(descriptor_, buffer_.data() + done, buffer_.size() - done);
    if (size >= 0) {
      done += static_cast<std::size_t>(size);
    } else if (errno != EINTR) {
      note("write", errno);
    }
  }
  buffer_.clear();
}

std::streamsize OutputFile::xsputn(const char* text, std::streamsize size) {
  written_ = written_ || size > 0;
  buffer_.insert(buffer_.end(), text, text + size);
  size_ += size;
  if (buffer_.size() >= buffer_size) {
    flush();
  }
  return size;
}

OutputFile::int_type OutputFile::overflow(int_type c) {
  if (!traits_type::eq_int_type(c, traits_type::eof())) {
    const char letter = traits_type::to_char_type(c);
    xsputn(&letter, 1);
  }
  return traits_type::not_eof(c);
}

std::string OutputFile::read(std::int64_t offset, std::int64_t size) {
  flush();
  std::string text(static_cast<std::size_t>(size), '\0');
  const auto done = ::pread(descriptor_, text.data(), text.size(), offset);
  text.resize(done > 0 ? static_cast<std::size_t>(done) : 0);
  return text;
}

void OutputFile::cut(std::int64_t size) {
  flush();
  if (::ftruncate(descriptor_, size) != 0 || ::lseek(descriptor_, size, SEEK_SET) != size) {
    note("write", errno);
  }
  size_ = size;
}

void OutputFile::finish() {
  flush();
  if (descriptor_ < 0) {
    return;
  }
  // A network file system may tell only here that the disk was full.
  if (!final_.empty() && ::fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP) {
    note("write", errno);
  }
  if (::close(descriptor_) != 0) {
    note("write", errno);
  }
  descriptor_ = -1;
  finished_ = true;
}

void OutputFile::publish() {
  if (finished_ && !final_.empty() && ::rename(draft_.c_str(), final_.c_str()) != 0) {
    note("rename", errno);
  }
  discard();
}

void OutputFile::discard() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
    descriptor_ = -1;
  }
  if (cleanup_ != nullptr) {
    ::unlink(draft_.c_str());
    forget_interrupted(cleanup_);
    cleanup_ = nullptr;
  }
}

}  // namespace driver
