// The state of one chain, kept while it runs, so that a run that was killed goes on from there.
//
// STANCHION_CHECKPOINT names a folder that is the chain's own; STANCHION_CHECKPOINT_SECONDS says
// how often to save, 0 only at the end and on a signal. The folder holds `rows`, what the output
// holds below its header, and `state`, which says how much of it belongs to it, with a checksum,
// and what it is a state of.
#pragma once

#include "csv_writer.hpp"
#include "settings.hpp"

#include <boost/crc.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace driver {

class Checkpoint {
 public:
  // What a state says beside the bytes of the sampler.
  struct Position {
    std::int64_t iteration = 0;  // transitions done, warm-up included
    std::int64_t rows = 0;       // rows written
    std::int64_t size = 0;       // bytes of `rows`
    std::uint32_t checksum = 0;  // of those bytes
    bool sampling = false;       // warm-up is over, and adaptation has ended
  };
  using Sentence = std::function<void(const std::string&)>;

  // `identity` is all that a state must share with the run that goes on from it.
  Checkpoint(std::string folder, double seconds, std::string identity, CsvWriter& draws,
             Sentence warn);
  ~Checkpoint();
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;

  // That of the run, where it has one.
  static Checkpoint* active();

  // Where the output's header ends, once: reads the saved state, and says in words if it is of no
  // use for a run of so many iterations.
  void begin(std::int64_t finish);
  bool has_state() const { return !sampler_.empty(); }
  const Position& position() const { return position_; }
  const std::string& sampler() const { return sampler_; }

  // Puts the rows that were saved below the header, in place of what stands there; the state has
  // done its work then. Throws where they are not what they were when the state was read.
  void restore_rows();

  bool is_due() const;
  // Saves the chain's output so far and the sampler's state; a failure is a warning.
  void save(std::int64_t iteration, bool sampling, const std::string& sampler);
  // Ends the process by the signal that asked for it, if one did.
  void end_if_asked() const;

 private:
  using Block = std::function<void(const char*, std::int64_t)>;
  using Checksum = boost::crc_32_type;  // zlib's crc32, which the step computes as well

  std::string folder_;
  std::string identity_;
  std::chrono::duration<double> interval_;
  CsvWriter& draws_;
  Sentence warn_;
  Position position_;
  std::string sampler_;
  std::int64_t header_ = -1;  // bytes of the output above its rows
  std::int64_t saved_ = 0;    // bytes of them in `rows`
  Checksum checksum_;         // of the saved bytes
  int rows_ = -1;
  bool broken_ = false;
  std::chrono::steady_clock::time_point last_;

  std::string path(const char* name) const { return folder_ + "/" + name; }
  void give_up(const std::string& what);
  void read_state(std::int64_t finish);
  // Passes on the saved rows in blocks; false where they are not those of the position.
  bool read_rows(const Position& position, const Block& take) const;
  bool append_rows(std::int64_t end);
};

// What a state of this run must share with it: every setting of the method but the number of draws.
std::string chain_identity(const Setting& root, const std::string& model, std::size_t parameters);

}  // namespace driver
