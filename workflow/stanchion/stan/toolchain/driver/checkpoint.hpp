// The state of one chain, kept while it runs, so that a run that was killed goes on from there.
//
// STANCHION_CHECKPOINT names a folder that is the chain's own; STANCHION_CHECKPOINT_SECONDS says
// how often to save, 0 only at the end and on a signal. The folder's name is the chain's: a state
// that was saved under another is of another chain. It holds `rows`, what the output holds below
// its header, `messages`, why generated quantities of those rows failed, and `state`, which says
// how much of either belongs to it, with checksums, and what it is a state of.
#pragma once

#include "console.hpp"
#include "csv_writer.hpp"
#include "growing_file.hpp"
#include "settings.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace driver {

class Checkpoint {
 public:
  // What a state says beside the bytes of the sampler.
  struct Position {
    std::int64_t iteration = 0;  // transitions done, warm-up included
    std::int64_t rows = 0;       // rows written
    GrowingFile::Extent output;  // of `rows`
    GrowingFile::Extent messages;
    bool sampling = false;  // warm-up is over, and adaptation has ended
  };
  static_assert(sizeof(Position) == 56, "stan/states.py reads its bytes");

  // `identity` is all that a state must share with the run that goes on from it.
  Checkpoint(std::string folder, double seconds, const std::string& identity, CsvWriter& draws,
             Console& console);
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

  // Puts the rows that were saved below the header, in place of what stands there, and repeats the
  // messages; the state has done its work then. Throws where they are not what they were when the
  // state was read.
  void restore_output();

  // Between them messages of exceptions are those of a row's generated quantities.
  void begin_row();
  void end_row();

  // Where a save took long, the next is due later than an interval after it.
  bool is_due();
  // Saves the chain's output so far and the sampler's state; a failure is a warning.
  void save(std::int64_t iteration, bool sampling, const std::string& sampler);
  // Ends the process by the signal that asked for it, if one did.
  void end_if_asked() const;

 private:
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;

  std::string folder_;
  std::string identity_;
  Seconds interval_;
  CsvWriter& draws_;
  Console& console_;
  Position position_;
  std::string sampler_;
  std::int64_t header_ = -1;  // bytes of the output above its rows
  GrowingFile rows_;
  GrowingFile messages_;
  std::string messages_heard_;  // since messages were saved
  bool broken_ = false;
  Clock::time_point last_ = Clock::now();  // when a save ended, or the chain began
  Clock::time_point due_ = last_;          // when the sampler was asked for its state
  Seconds cost_{0};                        // of the last save, from then to its end

  std::string path(const char* name) const { return folder_ + "/" + name; }
  void give_up(const std::string& what);
  void read_state(std::int64_t finish);
  void make_folder() const;
  bool append_rows(std::int64_t end);
  bool append_messages();
};

// What a state of this run must share with it: every setting of the method but the number of draws.
std::string chain_identity(const Setting& root, const std::string& model, std::size_t parameters);

}  // namespace driver
