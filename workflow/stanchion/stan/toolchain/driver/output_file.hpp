// Output that is whole or not there: written beside its name, and given the name at the end.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <streambuf>
#include <string>
#include <vector>

namespace driver {

// The first thing that could not be written. Writers note it and go on without writing, because
// some of them run on threads that must not throw; the run asks here between its steps.
class WriteFault {
 public:
  void note(const std::string& sentence);
  bool any() const { return any_; }
  std::string sentence() const;

 private:
  std::atomic<bool> any_ = false;
  mutable std::mutex mutex_;
  std::string sentence_;
};

class OutputFile : public std::streambuf {
 public:
  // Opens the file; a device or a pipe is written to directly. An older file of this name goes.
  OutputFile(const std::string& name, WriteFault& fault);
  ~OutputFile() override;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  const std::string& name() const { return name_; }
  bool is_empty() const { return !written_; }
  // Says that what was written is less than it should be.
  void refuse() { refused_ = true; }
  bool is_refused() const { return refused_; }

  // Bytes written so far, and some of them again; empty where they cannot be read.
  std::int64_t size() const { return size_; }
  std::string read(std::int64_t offset, std::int64_t size);
  // Leaves the first bytes only; what is written next follows them.
  void cut(std::int64_t size);
  // A device or a pipe keeps nothing that could be read again.
  bool is_file() const { return !final_.empty(); }

  // Writes out what is left; then nothing more can go wrong but the renaming.
  void finish();
  // Gives the finished file its name.
  void publish();
  // Leaves nothing behind.
  void discard();

 protected:
  int_type overflow(int_type c) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;

 private:
  std::string name_;   // as the user wrote it
  std::string final_;  // with links followed; empty where it is written to directly
  std::string draft_;
  WriteFault& fault_;
  std::vector<char> buffer_;
  int descriptor_ = -1;
  std::int64_t size_ = 0;
  bool written_ = false;
  bool refused_ = false;
  bool finished_ = false;
  void* cleanup_ = nullptr;

  void flush();
  void note(const char* what, int error);
};

}  // namespace driver
