#include "source/file_source.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "base/log.h"
#include "net/compression.h"
#include "net/path_template.h"
#include "source/resume_token.h"

namespace hindcast {
namespace {

constexpr size_t kReadSize = 256 << 10;
constexpr size_t kEventsPerBatch = 8192;
constexpr size_t kHeadSize = 256;
constexpr size_t kFilesRemembered = 256;
constexpr Duration kScanEvery = 250ms;
constexpr int kStillScans =
    20;  // 5 s without growth: a compressed file that ends early is truncated, not being written
constexpr size_t kRawKept = 4096;

struct Tracked {
  MatchedFile file;
  FileProgress progress;
  std::optional<uint64_t>
      seen_size;        // raw size when its end was last reached; none: not yet, or it grew since
  int still = 0;        // scans since then without growth
  bool broken = false;  // its end was reached in the middle of a compressed stream
  std::string broken_why;
  uint64_t last_grew = 0;  // number of the poll

  bool begun() const { return seen_size || progress.done; }
};

class FileSource final : public Source {
 public:
  FileSource(const StreamSchema& schema, const SourceConfig& config,
             std::unique_ptr<Decoder> decoder, FileSystem& files, const Runtime& runtime)
      : schema_(schema),
        config_(config),
        decoder_(std::move(decoder)),
        files_(files),
        runtime_(runtime) {}

  Status begin(BytesView resume) {
    if (!resume.empty()) {
      HC_TRY_ASSIGN(FileResume known, decode_file_resume(resume));
      passed_ = std::move(known.passed);
      for (auto& progress : known.files) {
        Tracked tracked;
        tracked.file.path = progress.path;
        tracked.progress = std::move(progress);
        tracked_.push_back(std::move(tracked));
      }
    }
    HC_TRY_ASSIGN(const size_t found, scan());
    if (found == 0 && !config_.follow && resume.empty())
      return not_found("no file matches " + config_.path);
    return {};
  }

  void poll(ByteCount max, Done<SourceBatch> done) override {
    auto batch = next(max);
    done(std::move(batch));
  }
  void durable(BytesView) override {}  // nothing is kept for it: files can be read again

 private:
  struct Open {
    size_t index = 0;  // of tracked_
    std::unique_ptr<File> file;
    std::unique_ptr<Decompressor> decompressor;  // null: plain
    uint64_t raw_offset = 0;
    Bytes raw;           // compressed bytes read
    BytesView raw_left;  // of them, not yet decompressed
    uint64_t skip = 0;   // decompressed bytes that an earlier run consumed
    Bytes buffer;        // content not yet consumed by the decoder
    bool end = false;
    std::string reason, why;  // end for a bad reason: word and detail
  };

  Result<SourceBatch> next(ByteCount max) {
    ++polls_;
    SourceBatch batch;
    batch.events.reset(schema_);
    const uint64_t budget = std::max<uint64_t>(max.value, 1);
    uint64_t taken = 0;
    bool worked = false;
    while (batch.events.size() < kEventsPerBatch && taken < budget) {
      if (!open_) {
        const auto index = next_file();
        if (!index) {
          if (!config_.follow) {
            batch.ended = true;
            break;
          }
          if (worked) break;
          HC_TRY(scan());
          if (!next_file()) break;
          continue;
        }
        open(*index, batch);
        worked = true;
        continue;
      }
      taken += step(batch);
      worked = true;
    }
    state_of_delivery(batch);
    if (worked) batch.resume = token();
    if (!worked && !batch.ended) batch.retry_after = kScanEvery;
    return batch;
  }

  // Connected when the first file is there; a follower without files says why it is silent.
  void state_of_delivery(SourceBatch& batch) {
    if (!connected_ && (!tracked_.empty() || !passed_.empty() || batch.ended)) {
      connected_ = batch.connected = true;
    } else if (!connected_ && !said_waiting_) {
      said_waiting_ = true;
      batch.disconnected = "no file matches " + config_.path + " yet";
    }
  }

  // ── which file ────────────────────────────────────────────────────────────────────────────────

  /// Looks for new files and growth. How many match.
  Result<size_t> scan() {
    HC_TRY_ASSIGN(auto found, find_files(files_, config_.path));
    const size_t count = found.size();
    for (auto& file : found) {
      const auto known = std::find_if(tracked_.begin(), tracked_.end(),
                                      [&](const Tracked& t) { return t.file.path == file.path; });
      if (known != tracked_.end()) {
        known->file.parts = std::move(file.parts);
        look_at(*known);
      } else if (passed_.empty() || natural_less(passed_, file.path)) {
        Tracked tracked;
        tracked.progress.path = file.path;
        tracked.file = std::move(file);
        tracked_.push_back(std::move(tracked));
      }
    }
    std::sort(tracked_.begin(), tracked_.end(), [](const Tracked& a, const Tracked& b) {
      return natural_less(a.file.path, b.file.path);
    });
    return count;
  }

  /// A file whose end was reached: did its size change, or does it stand still?
  void look_at(Tracked& tracked) {
    if (!config_.follow || !tracked.begun()) return;
    const auto file = files_.open(tracked.file.path, OpenMode::kRead);
    if (!file) return;
    const auto size = (*file)->size();
    if (!size) return;
    if (!tracked.seen_size) tracked.seen_size = *size;  // done in an earlier run
    if (*size == *tracked.seen_size) {
      ++tracked.still;
      return;
    }
    tracked.still = 0;
    tracked.seen_size.reset();
    tracked.progress.done = false;  // appended to, restored or replaced: opening it tells
  }

  static bool worth_opening(const Tracked& t) {
    if (t.progress.done) return false;
    return !t.seen_size || (t.broken && t.still >= kStillScans);
  }

  /// The next file with something to read, going round from the one read last, so that one that
  /// keeps growing does not hold back the others.
  std::optional<size_t> next_file() const {
    for (size_t i = 0; i < tracked_.size(); ++i) {
      const size_t index = (next_ + i) % tracked_.size();
      if (worth_opening(tracked_[index])) return index;
    }
    return std::nullopt;
  }

  // ── reading it ────────────────────────────────────────────────────────────────────────────────

  Delivery delivery(const Tracked& tracked) const {
    return {display_name(config_.path, tracked.file.path), object_name(tracked.file),
            tracked.file.parts, runtime_.wall_now()};
  }

  void open(size_t index, SourceBatch& batch) {
    Tracked& tracked = tracked_[index];
    if (tracked.broken && tracked.still >= kStillScans)
      return give_up(tracked, "truncated", tracked.broken_why, {}, batch);
    auto file = files_.open(tracked.file.path, OpenMode::kRead);
    if (!file) {
      if (config_.follow && file.error().code == ErrorCode::kNotFound) {  // removed since the scan
        tracked_.erase(tracked_.begin() + static_cast<ptrdiff_t>(index));
        return;
      }
      give_up(tracked, "unreadable", file.error().message, {}, batch);
      return forget_some(tracked);
    }
    open_.emplace();
    open_->index = index;
    open_->file = std::move(*file);
    check_content(tracked);
    const auto kind = compression_of_path(tracked.file.path);
    if (kind == Compression::kNone) {
      open_->raw_offset = tracked.progress.offset;
    } else {
      open_->decompressor = make_decompressor(kind);
      open_->skip = tracked.progress.offset;
    }
    tracked.broken = false;
    if (tracked.progress.offset == 0) {
      decoder_->begin(delivery(tracked));
    } else {
      decoder_->resume(delivery(tracked), tracked.progress.row, tracked.progress.decoder);
    }
  }

  /// Is it the file we began, or another one under its name?
  void check_content(Tracked& tracked) {
    FileProgress& progress = tracked.progress;
    char head[kHeadSize];
    const uint64_t want =
        progress.head_size == 0 ? kHeadSize : std::min<uint64_t>(progress.head_size, kHeadSize);
    const auto got = open_->file->read_into(0, head, want);
    const auto size = open_->file->size();
    if (!got || !size) return;  // reading on says what is wrong
    const uint64_t hash = hash64(BytesView(head, *got));
    const bool plain = compression_of_path(tracked.file.path) == Compression::kNone;
    if (progress.head_size == 0) {
      progress.head_size = *got;
      progress.head_hash = hash;
    } else if (*got != progress.head_size || hash != progress.head_hash ||
               (plain && *size < progress.offset)) {
      log_warn("file was replaced; reading it from its beginning",
               {{"source", config_.name},
                {"file", tracked.file.path},
                {"was_at_byte", progress.offset}});
      progress = {.path = progress.path};
      check_content(tracked);
    }
  }

  /// One piece through the decoder. Bytes of content taken in.
  uint64_t step(SourceBatch& batch) {
    Tracked& tracked = tracked_[open_->index];
    if (config_.follow && tracked.progress.offset > 0 && arrival_poll_ != polls_) {
      // The file may be open for days; max_ahead is judged against the arrival of these rows.
      decoder_->resume(delivery(tracked), decoder_->row(), decoder_->header());
    }
    arrival_poll_ = polls_;
    const uint64_t got = fill();
    // An unterminated last line is a record only if nothing can follow it, and if it is not half of
    // one.
    const bool final =
        open_->end && open_->reason.empty() && (!config_.follow || open_->decompressor);
    Decoder::Counts counts;
    const size_t consumed =
        decoder_->decode(open_->buffer, final, batch.events, batch.dead, counts);
    HC_ASSERT(consumed <= open_->buffer.size());
    open_->buffer.erase(0, consumed);
    batch.ignored += counts.ignored;
    FileProgress& progress = tracked.progress;
    progress.offset += consumed;
    progress.row = decoder_->row();
    progress.decoder = decoder_->header();
    if (got > 0) tracked.last_grew = polls_;
    if (open_->end) close(final, batch);
    return got;
  }

  /// Reads up to 256 KiB of content into the buffer; sets `end` where there is no more.
  uint64_t fill() {
    Open& o = *open_;
    if (o.end) return 0;
    const size_t have = o.buffer.size();
    o.buffer.resize(have + kReadSize);
    size_t got = 0;
    if (o.decompressor) {
      got = inflate(o.buffer.data() + have);
    } else if (const auto read =
                   o.file->read_into(o.raw_offset, o.buffer.data() + have, kReadSize)) {
      got = *read;
      o.raw_offset += got;
      o.end = got < kReadSize;
    } else {
      fail("unreadable", read.error().message + " at byte " + std::to_string(o.raw_offset));
    }
    o.buffer.resize(have + got);
    return got;
  }

  size_t inflate(char* out) {
    Open& o = *open_;
    for (;;) {
      auto got = o.decompressor->read(o.raw_left, out, kReadSize);
      if (!got) {
        fail("corrupt", got.error().message);
        return 0;
      }
      if (*got > o.skip) {
        const size_t skipped = std::exchange(o.skip, 0);
        if (skipped > 0) std::copy(out + skipped, out + *got, out);
        return *got - skipped;
      }
      o.skip -= *got;
      if (*got > 0) continue;
      if (o.raw.size() < kReadSize) o.raw.resize(kReadSize);
      const auto read = o.file->read_into(o.raw_offset, o.raw.data(), kReadSize);
      if (!read) {
        fail("unreadable", read.error().message + " at byte " + std::to_string(o.raw_offset));
        return 0;
      }
      if (*read == 0) {
        o.end = true;
        if (const auto finished = o.decompressor->finish(); !finished)
          fail("truncated", finished.error().message);
        return 0;
      }
      o.raw_offset += *read;
      o.raw_left = BytesView(o.raw.data(), *read);
    }
  }

  void fail(const char* reason, std::string why) {
    open_->end = true;
    open_->reason = reason;
    open_->why = std::move(why);
  }

  void close(bool final, SourceBatch& batch) {
    Open o = std::move(*open_);
    open_.reset();
    Tracked& tracked = tracked_[o.index];
    next_ = o.index + 1;
    tracked.still = 0;
    tracked.seen_size = o.raw_offset;
    if (o.reason == "truncated" && config_.follow) {
      tracked.broken = true;
      tracked.broken_why = std::move(o.why);
    } else if (!o.reason.empty()) {
      give_up(tracked, o.reason, o.why, o.buffer, batch);
    } else {
      tracked.progress.done = final;
    }
    forget_some(tracked);
  }

  void give_up(Tracked& tracked, const std::string& reason, const std::string& why, BytesView rest,
               SourceBatch& batch) {
    tracked.progress.done = true;
    tracked.broken = false;
    const std::string name = display_name(config_.path, tracked.file.path);
    DeadLetter letter;
    letter.reason = reason;
    letter.detail = name + ": " + why + "; " + std::to_string(tracked.progress.row) +
                    " rows before it were read; restore the file and read it again";
    letter.place = name;
    letter.raw = Bytes(rest.substr(0, kRawKept));
    letter.arrived = runtime_.wall_now();
    log_error("file cannot be read to its end", {{"source", config_.name},
                                                 {"file", tracked.file.path},
                                                 {"reason", reason},
                                                 {"detail", why}});
    batch.dead.push_back(std::move(letter));
  }

  // ── what is remembered ────────────────────────────────────────────────────────────────────────

  /// In order, without follow: what lies before the current file needs no entry. With follow:
  /// bounded.
  void forget_some(const Tracked& closed) {
    if (!config_.follow) {
      if (closed.progress.done) pass(closed.file.path);
      return;
    }
    const auto begun =
        std::count_if(tracked_.begin(), tracked_.end(), [](const Tracked& t) { return t.begun(); });
    if (begun <= static_cast<ptrdiff_t>(kFilesRemembered)) return;
    const auto oldest =
        std::min_element(tracked_.begin(), tracked_.end(), [](const Tracked& a, const Tracked& b) {
          return a.begun() != b.begun() ? a.begun() : a.last_grew < b.last_grew;
        });
    if (passed_.empty() || natural_less(passed_, oldest->file.path)) passed_ = oldest->file.path;
    tracked_.erase(oldest);
    next_ = 0;
  }

  void pass(std::string path) {
    passed_ = std::move(path);
    std::erase_if(tracked_, [&](const Tracked& t) { return !natural_less(passed_, t.file.path); });
    next_ = 0;
  }

  Bytes token() const {
    FileResume resume{passed_, {}};
    for (const auto& t : tracked_) {
      const bool not_begun = t.progress.offset == 0 && !t.progress.done;
      if (!not_begun || (!passed_.empty() && !natural_less(passed_, t.file.path)))
        resume.files.push_back(t.progress);
    }
    return encode(resume);
  }

  const StreamSchema schema_;
  const SourceConfig config_;
  std::unique_ptr<Decoder> decoder_;
  FileSystem& files_;
  const Runtime& runtime_;

  std::string passed_;
  std::vector<Tracked> tracked_;  // in natural order
  size_t next_ = 0;
  std::optional<Open> open_;
  uint64_t polls_ = 0, arrival_poll_ = 0;
  bool connected_ = false, said_waiting_ = false;
};

}  // namespace

Result<std::unique_ptr<Source>> make_file_source(const StreamSchema& schema,
                                                 const SourceConfig& config,
                                                 std::unique_ptr<Decoder> decoder,
                                                 FileSystem& files, const Runtime& runtime,
                                                 BytesView resume) {
  HC_ASSERT(decoder != nullptr);
  auto source = std::make_unique<FileSource>(schema, config, std::move(decoder), files, runtime);
  if (auto begun = source->begin(resume); !begun) {
    return std::move(begun).error().with("source '" + config.name + "'");
  }
  return std::unique_ptr<Source>(std::move(source));
}

}  // namespace hindcast
