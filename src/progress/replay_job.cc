#include "progress/replay_job.h"

#include <algorithm>

namespace hindcast {
namespace {

constexpr uint8_t kVersion = 2;  // 1 had no account

void put_window(Bytes& out, const Window& window) {
  put_signed(out, unix_ns(window.start));
  put_signed(out, unix_ns(window.end));
}

Window get_window(ByteReader& in) {
  const EventTime start = event_time_ns(in.signed_varint());
  return {start, event_time_ns(in.signed_varint())};
}

/// A number of 32 bits; fails on one that was never written.
uint32_t get_small(ByteReader& in) {
  const uint64_t value = in.varint();
  if (value > UINT32_MAX) in.fail();
  return static_cast<uint32_t>(value);
}

/// The counters in the order in which they are stored; new ones go to the end.
template <class Counts, class Each>
void each_count(Counts& c, Each&& each) {
  for (auto* field : {&c.read, &c.added, &c.duplicate, &c.superseded, &c.outside, &c.dead_lettered,
                      &c.subwindows, &c.skipped_keys, &c.pages_changed, &c.rows_changed,
                      &c.bytes_read, &c.requests, &c.bytes_written}) {
    each(*field);
  }
}

}  // namespace

ReplayCounts& ReplayCounts::operator+=(const ReplayCounts& o) {
  std::vector<uint64_t> added_counts;
  each_count(o, [&](uint64_t value) { added_counts.push_back(value); });
  size_t i = 0;
  each_count(*this, [&](uint64_t& value) { value += added_counts[i++]; });
  return *this;
}

std::string_view to_string(ReplayJob::State state) {
  switch (state) {
    case ReplayJob::State::kQueued:
      return "queued";
    case ReplayJob::State::kRunning:
      return "running";
    case ReplayJob::State::kPaused:
      return "paused";
    case ReplayJob::State::kDone:
      return "done";
    case ReplayJob::State::kFailed:
      return "failed";
    case ReplayJob::State::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

std::string_view to_string(ReplayOrder order) {
  return order == ReplayOrder::kOldestFirst ? "oldest" : "newest";
}

void add_window(std::vector<Window>& set, Window window) {
  if (window.start >= window.end) return;
  // All that touch it become one with it.
  const auto first =
      std::ranges::partition_point(set, [&](const Window& w) { return w.end < window.start; });
  auto last = first;
  while (last != set.end() && last->start <= window.end) {
    window.start = std::min(window.start, last->start);
    window.end = std::max(window.end, last->end);
    ++last;
  }
  set.insert(set.erase(first, last), window);
}

std::vector<Window> left_of(Window range, const std::vector<Window>& set) {
  std::vector<Window> out;
  for (const Window& covered : set) {
    if (covered.end <= range.start) continue;
    if (covered.start >= range.end) break;
    if (range.start < covered.start) out.push_back({range.start, covered.start});
    range.start = covered.end;
    if (range.start >= range.end) return out;
  }
  if (range.start < range.end) out.push_back(range);
  return out;
}

std::optional<double> share_done(const ReplayJob& job) {
  if (job.range.end == kMaxEventTime || job.range.start >= job.range.end) return std::nullopt;
  double done = 0;
  for (const Window& window : job.done)
    done += std::chrono::duration<double>(window.end - window.start).count();
  return done / std::chrono::duration<double>(job.range.end - job.range.start).count();
}

Bytes encode(const ReplayJob& job) {
  Bytes out;
  put_u8(out, kVersion);
  put_varint(out, job.id);
  put_varint(out, job.stream.value);
  put_varint(out, job.source.value);
  put_window(out, job.range);
  put_varint(out, job.keys.size());
  for (const Bytes& key : job.keys) put_string(out, key);
  put_u8(out, static_cast<uint8_t>(job.mode));
  put_u8(out, static_cast<uint8_t>(job.order));
  put_varint(out, job.rate ? *job.rate + 1 : 0);
  put_string(out, job.cause);
  put_u8(out, static_cast<uint8_t>(job.state));
  put_string(out, job.reason);
  put_signed(out, unix_ns(job.created));
  put_signed(out, unix_ns(job.started));
  put_signed(out, unix_ns(job.finished));
  put_varint(out, job.gaps.size());
  for (const GapId gap : job.gaps) put_varint(out, gap);
  put_varint(out, job.done.size());
  for (const Window& window : job.done) put_window(out, window);
  put_varint(out, job.skipped.size());
  for (const Window& window : job.skipped) put_window(out, window);
  put_varint(out, job.set_aside.size());
  for (const ReplayJob::SetAside& aside : job.set_aside) {
    put_window(out, aside.window);
    put_string(out, aside.reason);
  }
  each_count(job.counts, [&](uint64_t value) { put_varint(out, value); });
  put_string(out, job.account);
  return out;
}

Result<ReplayJob> decode_replay_job(BytesView bytes) {
  ByteReader in(bytes);
  ReplayJob job;
  const bool known = in.u8() == kVersion;
  job.id = in.varint();
  job.stream = StreamId{get_small(in)};
  job.source = SourceId{get_small(in)};
  job.range = get_window(in);
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) job.keys.emplace_back(in.string());
  const uint8_t mode = in.u8(), order = in.u8();
  if (const uint64_t rate = in.varint(); rate > 0) job.rate = rate - 1;
  job.cause = in.string();
  const uint8_t state = in.u8();
  job.reason = in.string();
  for (ProcessingTime* time : {&job.created, &job.started, &job.finished})
    *time = ProcessingTime(Duration(in.signed_varint()));
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) job.gaps.push_back(in.varint());
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) job.done.push_back(get_window(in));
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) job.skipped.push_back(get_window(in));
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
    const Window window = get_window(in);
    job.set_aside.push_back({window, std::string(in.string())});
  }
  each_count(job.counts, [&](uint64_t& value) { value = in.varint(); });
  job.account = in.string();
  if (!known || !in.ok() || in.remaining() > 0 ||
      mode > static_cast<uint8_t>(ReplayJob::Mode::kRepair) ||
      order > static_cast<uint8_t>(ReplayOrder::kNewestFirst) ||
      state > static_cast<uint8_t>(ReplayJob::State::kCancelled)) {
    return corruption("malformed replay job");
  }
  job.mode = static_cast<ReplayJob::Mode>(mode);
  job.order = static_cast<ReplayOrder>(order);
  job.state = static_cast<ReplayJob::State>(state);
  return job;
}

}  // namespace hindcast
