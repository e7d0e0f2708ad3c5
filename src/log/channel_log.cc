#include <algorithm>

#include "base/assert.h"
#include "base/log.h"
#include "log/append_check_internal.h"
#include "log/channel_log_internal.h"

namespace hindcast::log {
namespace {

// Ranges closer than this are read in one go: skipping a frame's header costs less than a call.
constexpr uint64_t kReadGap = uint64_t{16} << 10;

uint64_t frame_bound(uint64_t content) { return align_up(kFrameHeaderBytes + content); }

}  // namespace

ChannelLog::ChannelLog(FileSystem& files, const EmbeddedLogOptions& options, Channel channel,
                       uint64_t segment_bytes)
    : options_(options),
      channel_(channel),
      segment_bytes_(segment_bytes),
      age_(channel == Channel::kLive ? options.age : Duration(0)),
      segments_(files, options.folder, channel, segment_bytes) {}

Result<std::unique_ptr<ChannelLog>> ChannelLog::open(FileSystem& files,
                                                     const EmbeddedLogOptions& options,
                                                     Channel channel) {
  Segments found(files, options.folder, channel, options.segment.value);
  HC_TRY_ASSIGN(Recovered recovered, recover(found, channel, options.segment.value));
  // Renames and removals before the crash must not be undone by the next one.
  HC_TRY(files.sync_folder(options.folder));
  auto log =
      std::unique_ptr<ChannelLog>(new ChannelLog(files, options, channel, recovered.segment_bytes));
  log->start(std::move(recovered));
  return log;
}

// Nobody else knows the log yet, so nothing is locked.
void ChannelLog::start(Recovered recovered) {
  for (const Section& section : recovered.sections) {
    directory_.add(section);
    newest_ = std::max(newest_, Position{0, section.last_record()});
  }
  for (auto& [number, file] : recovered.segments) kept_.emplace(number, Kept{file, now()});
  end_ = recovered.end;
  lost_ = std::move(recovered.damage);
  closed_ = recovered.closed || end_ == 0;
  if (!kept_.empty()) {
    current_segment_ = kept_.rbegin()->first;
    current_ = kept_.rbegin()->second.file;
  }
  uint64_t next = recovered.next_segment;
  const uint64_t above = options_.above[static_cast<size_t>(channel_)].lo;
  if (above != 0 && above >= end_) {
    log_error("the log ends before what the store has seen of it; positions are skipped",
              {{"folder", options_.folder}, {"end", end_}, {"seen", above}});
    next = std::max(next, above / segment_bytes_ + 1);
    current_ = nullptr;
  }
  segments_.start_at(next, next == recovered.next_segment ? recovered.ready : nullptr);
  if (recovered.torn_bytes != 0) {
    log_info("dropped the torn end of the log", {{"segment", segments_.name(end_ / segment_bytes_)},
                                                 {"byte", end_ % segment_bytes_},
                                                 {"bytes", recovered.torn_bytes}});
  }
  for (const LogDamage& d : lost_) log_error("the log is damaged", {{"place", d.place}});
}

// ── writing ─────────────────────────────────────────────────────────────────────────────────────

bool ChannelLog::append(std::vector<LogAppend> records, Done<std::vector<Position>> done) {
  const uint64_t bytes = encoded_bytes(records);
  Status status = check_sizes(records);
  if (status && frame_bound(bytes) > segment_bytes_) {
    status = invalid_argument("an append must fit in one log segment of " +
                              std::to_string(segment_bytes_) + " bytes, this one takes " +
                              std::to_string(bytes));
  }
  std::vector<BrokenLease> broken;
  bool queued = false;
  if (status) {
    const uint64_t reserve = only_control(records) ? segment_bytes_ : 0;
    const std::lock_guard lock(mutex_);
    if (failed_) {
      status = unavailable("the log failed and takes nothing more");
    } else if (records.empty()) {
      // Takes no space: whatever the bound says, it completes after those before it.
    } else if (!make_room(options_.retention.value + reserve, broken)) {
      status = overloaded("the log is at its bound of " + std::to_string(options_.retention.value) +
                          " bytes");
    } else if (waiting_bytes_ >= options_.queue.value + reserve) {
      status = overloaded("too much waits to be written to the log");
    }
    queued = status.has_value();
    if (queued) {
      waiting_bytes_ += bytes;
      queue_.push_back({std::move(records), bytes, std::move(done)});
    }
  }
  tell(broken);
  if (!queued) done(std::move(status).error());
  return queued;
}

bool ChannelLog::has_pending() const {
  const std::lock_guard lock(mutex_);
  return !queue_.empty();
}

bool ChannelLog::has_failed() const {
  const std::lock_guard lock(mutex_);
  return failed_;
}

std::vector<ChannelLog::Waiting> ChannelLog::take_group() {
  const std::lock_guard lock(mutex_);
  std::vector<Waiting> group;
  uint64_t bytes = 0;
  while (!queue_.empty()) {
    const uint64_t with_next = bytes + queue_.front().bytes;
    if (!group.empty() &&
        (with_next > options_.group.value || frame_bound(with_next) > segment_bytes_)) {
      break;
    }
    bytes = with_next;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

ChannelLog::Written ChannelLog::write_pending() {
  std::vector<Waiting> group = take_group();
  if (group.empty()) return {};
  uint64_t bytes = 0;
  std::vector<const LogAppend*> records;
  for (const Waiting& waiting : group) {
    bytes += waiting.bytes;
    for (const LogAppend& record : waiting.records) records.push_back(&record);
  }

  Written written;
  std::vector<Position> positions;
  Status status;
  if (has_failed()) {
    status = unavailable("the log failed and takes nothing more");
  } else if (!records.empty()) {
    const uint64_t segment_before = current_segment_;
    const bool had_segment = current_ != nullptr;
    const auto place = place_frame(bytes);
    written.switched = current_ && (!had_segment || segment_before != current_segment_);
    if (place) {
      const Frame frame = encode_frame(*place, records, buffer_, positions);
      status = write_frame(frame);
      if (status) publish(frame);
    } else {
      status = place.error();  // nothing was written: the disk is full, or does not answer
    }
  }
  written.readable = status.has_value() && !records.empty();
  {
    const std::lock_guard lock(mutex_);
    waiting_bytes_ -= bytes;
  }
  auto next = positions.begin();
  for (Waiting& waiting : group) {
    if (!status) {
      waiting.done(status.error());
      continue;
    }
    const auto end = next + static_cast<ptrdiff_t>(waiting.records.size());
    waiting.done(std::vector<Position>(next, end));
    next = end;
  }
  return written;
}

Result<FramePlace> ChannelLog::place_frame(uint64_t bytes) {
  uint64_t end = 0;
  {
    const std::lock_guard lock(mutex_);
    end = end_;
  }
  const uint64_t segment_end = (current_segment_ + 1) * segment_bytes_;
  if (current_ && end + frame_bound(bytes) <= segment_end) {
    return FramePlace{channel_, current_segment_, end, end};
  }
  // A new log's first frame says 0: there is nothing before it.
  HC_TRY_ASSIGN(Segments::Ready next, take_segment());
  current_segment_ = next.segment;
  current_ = std::move(next.file);
  const MonoTime written = now();
  const std::lock_guard lock(mutex_);
  kept_.emplace(current_segment_, Kept{current_, written});
  return FramePlace{channel_, current_segment_, current_segment_ * segment_bytes_, end};
}

Status ChannelLog::write_frame(const Frame& frame) {
  Status status = current_->write(frame.place.position % segment_bytes_, buffer_);
  if (status) status = current_->sync();
  if (status) return {};
  // Written but not synced, or synced but not answered: nobody can say whether it is there.
  {
    const std::lock_guard lock(mutex_);
    failed_ = true;
  }
  Error error = std::move(status).error();
  options_.on_fatal(error);
  error.code = ErrorCode::kUnknownOutcome;
  return error;
}

void ChannelLog::publish(const Frame& frame) {
  const MonoTime written = now();
  const std::lock_guard lock(mutex_);
  kept_.at(current_segment_).written = written;
  for (const Section& section : frame.sections) {
    directory_.add(section);
    newest_ = std::max(newest_, Position{0, section.last_record()});
  }
  end_ = frame.end();
  closed_ = frame.sections.empty();
}

Status ChannelLog::close() {
  while (has_pending()) write_pending();
  {
    const std::lock_guard lock(mutex_);
    if (failed_) return unavailable("the log failed before it was closed");
    if (closed_) return {};
  }
  HC_TRY_ASSIGN(const FramePlace place, place_frame(0));
  std::vector<Position> none;
  const Frame frame = encode_frame(place, {}, buffer_, none);
  HC_TRY(write_frame(frame));
  publish(frame);
  return {};
}

// ── reading ─────────────────────────────────────────────────────────────────────────────────────

Result<LogChunk> ChannelLog::read(PartitionId partition, Position after, ByteCount max) {
  LogChunk chunk;
  chunk.next = after;
  std::unique_ptr<char[]> buffer;
  uint64_t capacity = 0, taken = 0;
  while (true) {
    HC_TRY_ASSIGN(const std::vector<Extent> extents, plan_read(partition, chunk.next, max.value));
    bool trimmed = false;
    for (const Extent& extent : extents) {
      if (extent.bytes > capacity) {
        buffer = std::make_unique_for_overwrite<char[]>(extent.bytes);
        capacity = extent.bytes;
      }
      const auto got = extent.file->read_into(extent.offset, buffer.get(), extent.bytes);
      if (!got && still_there(extent.sections.front())) return got.error();
      const BytesView bytes(buffer.get(), got ? *got : 0);
      for (const Section& section : extent.sections) {
        const uint64_t at = section.position - extent.sections.front().position;
        const BytesView body = bytes.substr(std::min<uint64_t>(at, bytes.size()), section.bytes);
        if (!body_matches(section, body)) {
          // Trimmed meanwhile, its file may hold another segment by now: look again.
          trimmed = !still_there(section);
          if (trimmed) break;
          const Error error = bad_section(section);
          if (chunk.records.empty()) return error;
          return chunk;  // the error is for who reads on
        }
        const uint64_t room = max.value - std::min(max.value, taken);
        HC_TRY_ASSIGN(const uint64_t more,
                      decode_body(section, body, chunk.next, room, chunk.records));
        taken += more;
        if (!chunk.records.empty()) chunk.next = chunk.records.back().position;
      }
      if (trimmed) break;
    }
    if (!trimmed) return chunk;
  }
}

Result<std::vector<ChannelLog::Extent>> ChannelLog::plan_read(PartitionId partition, Position after,
                                                              uint64_t max) const {
  const std::lock_guard lock(mutex_);
  std::vector<Section> sections = directory_.find(partition, after, max);
  const auto lost = std::find_if(lost_.begin(), lost_.end(),
                                 [&](const LogDamage& d) { return after < d.resume; });
  if (lost != lost_.end()) {
    std::erase_if(sections, [&](const Section& s) { return s.position > lost->begin.lo; });
    if (sections.empty()) return corruption(lost->place);
  }
  std::vector<Extent> extents;
  for (const Section& section : sections) {
    const auto kept = kept_.find(section.position / segment_bytes_);
    HC_ASSERT(kept != kept_.end());
    const uint64_t offset = section.position % segment_bytes_;
    const bool joins = !extents.empty() && extents.back().file == kept->second.file &&
                       offset - (extents.back().offset + extents.back().bytes) <= kReadGap;
    if (!joins) extents.push_back({kept->second.file, offset, 0, {}});
    Extent& extent = extents.back();
    extent.bytes = offset + section.bytes - extent.offset;
    extent.sections.push_back(section);
  }
  return extents;
}

bool ChannelLog::still_there(const Section& section) const {
  const std::lock_guard lock(mutex_);
  return kept_.contains(section.position / segment_bytes_);
}

Error ChannelLog::bad_section(const Section& section) {
  const std::string place = segments_.name(section.position / segment_bytes_) + ": byte " +
                            std::to_string(section.position % segment_bytes_) +
                            ": checksum mismatch in " + std::to_string(section.records) +
                            " records of partition " + std::to_string(section.partition.value) +
                            ", " + std::to_string(section.bytes) + " bytes";
  bool fresh = false;
  {
    const std::lock_guard lock(mutex_);
    fresh = bad_.try_emplace(section.position, LogDamage{Position{0, section.position},
                                                         Position{0, section.end() - 1}, place})
                .second;
  }
  if (fresh) log_error("the log is damaged", {{"place", place}});
  return corruption(place);
}

std::vector<LogDamage> ChannelLog::damage() const {
  const std::lock_guard lock(mutex_);
  std::vector<LogDamage> all = lost_;
  for (const auto& [position, damage] : bad_) all.push_back(damage);
  std::sort(all.begin(), all.end(),
            [](const LogDamage& a, const LogDamage& b) { return a.begin < b.begin; });
  return all;
}

}  // namespace hindcast::log
