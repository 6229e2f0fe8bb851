#include "checkpoint.hpp"

#include "interruption.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <unistd.h>

namespace driver {
namespace {

constexpr char magic[] = "stanchion chain 3\n";
constexpr std::size_t most_heard = 1 << 20;
constexpr double long_save = 0.25;  // seconds: below it an interval is what was asked for
constexpr double seldom = 100;      // times a long save's time until the next one
constexpr double most_seldom = 20;  // intervals: one save may have met a disk that stood still
Checkpoint* the_active = nullptr;

std::uint64_t checksum(const std::string& text) {  // FNV-1a, 64 bits
  std::uint64_t hash = 14695981039346656037ULL;
  for (const unsigned char letter : text) {
    hash = (hash ^ letter) * 1099511628211ULL;
  }
  return hash;
}

template <class T>
void put(std::string& text, const T& value) {
  text.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put(std::string& text, const std::string& value) {
  put(text, static_cast<std::uint64_t>(value.size()));
  text += value;
}

// Reads what `put` wrote; once something is missing, all that follows is.
class Reader {
 public:
  explicit Reader(const std::string& text) : text_(text) {}

  template <class T>
  void take(T& value) {
    if (has(sizeof value)) {
      std::memcpy(&value, text_.data() + at_, sizeof value);
      at_ += sizeof value;
    }
  }
  void take(std::string& value) {
    std::uint64_t size = 0;
    take(size);
    if (has(size)) {
      value = text_.substr(at_, size);
      at_ += size;
    }
  }
  bool is_whole() const { return whole_ && at_ == text_.size(); }

 private:
  const std::string& text_;
  std::size_t at_ = 0;
  bool whole_ = true;

  bool has(std::uint64_t size) {
    whole_ = whole_ && size <= text_.size() - at_;
    return whole_;
  }
};

// Whole or not at all, on the disk when it returns.
bool write_whole(const std::string& name, const std::string& text) {
  const std::string draft = name + ".part";
  const int descriptor = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  const bool good = descriptor >= 0 && write_all(descriptor, text.data(), text.size())
                    && ::fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0 && ::close(descriptor) != 0) {
    return false;
  }
  if (good && ::rename(draft.c_str(), name.c_str()) == 0) {
    return true;
  }
  const int reason = good ? errno : error;
  ::unlink(draft.c_str());
  errno = reason;
  return false;
}

void add_settings(const Setting& setting, const std::string& above, std::string& text) {
  const auto& argument = setting.argument();
  const std::string name = above + argument.name;
  if (name == "method.sample.num_samples") {
    return;
  }
  if (argument.kind != Kind::category) {
    text += name + "=" + to_text(setting.value()) + "\n";
  }
  if (argument.kind == Kind::choice) {
    add_settings(setting.chosen(), name + ".", text);
    return;
  }
  for (const auto& child : setting.children()) {
    add_settings(child, name + ".", text);
  }
}

}  // namespace

std::string chain_identity(const Setting& root, const std::string& model, std::size_t parameters) {
  std::string text = "model=" + model + "\nparameters=" + std::to_string(parameters) + "\n";
  add_settings(root.at("method"), "", text);
  add_settings(root.at("random"), "", text);
  text += "id=" + std::to_string(root.natural("id")) + "\n";
  text += "sig_figs=" + std::to_string(root.integer("output.sig_figs")) + "\n";
  return text;
}

Checkpoint* Checkpoint::active() { return the_active; }

Checkpoint::Checkpoint(std::string folder, double seconds, const std::string& identity,
                       CsvWriter& draws, Console& console)
    : folder_(std::move(folder)),
      identity_("folder=" + std::filesystem::path(folder_).filename().string() + "\n" + identity),
      interval_(seconds > 0 ? seconds : 1e100),
      draws_(draws),
      console_(console),
      rows_(path("rows")),
      messages_(path("messages")) {
  the_active = this;
  hold_signals();
}

Checkpoint::~Checkpoint() {
  the_active = nullptr;
  release_signals();
}

void Checkpoint::begin(std::int64_t finish) {
  if (header_ < 0) {
    header_ = draws_.file()->size();
    read_state(finish);
  }
}

void Checkpoint::read_state(std::int64_t finish) {
  std::ifstream file(path("state"), std::ios::binary);
  if (!file) {
    return;
  }
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::size_t head = sizeof magic - 1 + sizeof(std::uint64_t);
  if (text.size() < head || text.compare(0, sizeof magic - 1, magic) != 0) {
    console_.warn("The saved state is not one of this driver: the chain starts anew.");
    return;
  }
  std::uint64_t sum = 0;
  std::memcpy(&sum, text.data() + sizeof magic - 1, sizeof sum);
  const std::string body = text.substr(head);
  Reader reader(body);
  std::string identity;
  Position position;
  std::string sampler;
  reader.take(identity);
  reader.take(position);
  reader.take(sampler);
  if (sum != checksum(body) || !reader.is_whole()) {
    console_.warn("The saved state is damaged: the chain starts anew.");
    return;
  }
  if (identity != identity_) {
    console_.warn(
        "The saved state is of another chain, or of other settings: the chain starts anew.");
    return;
  }
  if (position.iteration > finish) {
    console_.warn("The saved state is of a longer chain: the chain starts anew.");
    return;
  }
  if (!rows_.has(position.output)) {
    console_.warn("The saved state names more rows than were saved: the chain starts anew.");
    return;
  }
  if (!rows_.matches(position.output) || !messages_.matches(position.messages)) {
    console_.warn("The saved state's rows are damaged, or another chain's: the chain starts anew.");
    return;
  }
  position_ = position;
  sampler_ = std::move(sampler);
}

void Checkpoint::restore_output() {
  OutputFile& output = *draws_.file();
  output.cut(header_);
  rows_.restore(position_.output,
                [&](const char* data, std::int64_t size) { output.sputn(data, size); });
  draws_.set_rows(static_cast<std::size_t>(position_.rows));
  messages_.restore(position_.messages, [&](const char* data, std::int64_t size) {
    console_.repeat({data, static_cast<std::size_t>(size)});
  });
  sampler_.clear();
}

void Checkpoint::begin_row() { console_.copy_to(broken_ ? nullptr : &messages_heard_); }

void Checkpoint::end_row() {
  console_.copy_to(nullptr);
  if (messages_heard_.size() > most_heard && !append_messages()) {
    give_up(std::strerror(errno));
  }
}

bool Checkpoint::is_due() {
  const Seconds pause = cost_.count() > long_save
                            ? std::max(interval_, std::min(seldom * cost_, most_seldom * interval_))
                            : interval_;
  const auto now = Clock::now();
  const bool due = !broken_ && (asked_to_end() != 0 || now - last_ >= pause);
  if (due) {
    due_ = now;
  }
  return due;
}

void Checkpoint::make_folder() const {
  std::error_code ignored;
  std::filesystem::create_directories(folder_, ignored);
  errno = 0;
}

bool Checkpoint::append_rows(std::int64_t end) {
  std::int64_t saved = rows_.extent().size;
  while (saved < end) {
    const auto block =
        draws_.file()->read(header_ + saved, std::min<std::int64_t>(end - saved, 1 << 20));
    if (block.empty() || !rows_.append(block.data(), block.size())) {
      return false;
    }
    saved = rows_.extent().size;
  }
  return rows_.sync();
}

bool Checkpoint::append_messages() {
  if (messages_heard_.empty()) {
    return true;
  }
  make_folder();
  const bool good = messages_.append(messages_heard_.data(), messages_heard_.size());
  messages_heard_.clear();
  return good && messages_.sync();
}

void Checkpoint::save(std::int64_t iteration, bool sampling, const std::string& sampler) {
  if (broken_) {
    return;
  }
  make_folder();
  const std::int64_t size = draws_.file()->size() - header_;
  if (!append_rows(size) || !append_messages()) {
    give_up(std::strerror(errno));
    return;
  }
  std::string body;
  put(body, identity_);
  put(body, Position{iteration, static_cast<std::int64_t>(draws_.rows()), rows_.extent(),
                     messages_.extent(), sampling});
  put(body, sampler);
  std::string text = magic;
  put(text, checksum(body));
  text += body;
  if (!write_whole(path("state"), text)) {
    give_up(std::strerror(errno));
  }
  last_ = Clock::now();
  cost_ = last_ - due_;
}

void Checkpoint::give_up(const std::string& what) {
  broken_ = true;
  console_.warn("The chain's state cannot be saved in \"" + folder_ + "\": " + what
        + "; sampling goes on without.");
  release_signals();  // there is nothing to save before the run ends
}

void Checkpoint::end_if_asked() const {
  if (const int signal = asked_to_end()) {
    end_by(signal);
  }
}

}  // namespace driver
