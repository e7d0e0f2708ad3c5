#include "engine/verify_cycle.h"

#include <algorithm>
#include <tuple>

#include "base/log.h"

namespace hindcast {
namespace {

constexpr size_t kBadMax = 1'000;  // starts kept; those above are found again once these are well
constexpr size_t kTold = 3;        // differences of a stretch that are logged
constexpr uint8_t kVersion = 1;

std::string meta_name(const std::string& stream) { return "verified/" + stream; }

}  // namespace

VerifyCycle::VerifyCycle(const Catalog& catalog, Store& store, Duration cycle)
    : catalog_(catalog), store_(store), cycle_(cycle) {
  for (const auto& [name, info] : catalog_.streams()) {
    Stream stream{.info = &info};
    stream.stretch = std::max(info.schema.page_window, info.coarsest);
    streams_.push_back(std::move(stream));
    status_[name];
  }
}

Status VerifyCycle::load() {
  for (Stream& stream : streams_) {
    const std::string& name = stream.info->schema.name;
    HC_TRY_ASSIGN(const std::optional<Bytes> kept, store_.get_meta(meta_name(name)));
    if (!kept) continue;
    ByteReader in(*kept);
    const uint8_t version = in.u8();
    Stream read = stream;
    read.fresh = event_time_ns(static_cast<int64_t>(in.u64()));
    read.scrub = event_time_ns(static_cast<int64_t>(in.u64()));
    read.until = event_time_ns(static_cast<int64_t>(in.u64()));
    read.began = ProcessingTime(Duration(static_cast<int64_t>(in.u64())));
    for (uint64_t n = in.varint(); n > 0 && in.ok(); --n)
      read.bad.insert(event_time_ns(static_cast<int64_t>(in.u64())));
    if (version != kVersion || !in.ok() || !in.at_end()) {
      log_warn("what was verified before is not known; it begins anew", {{"stream", name}});
      continue;
    }
    stream = std::move(read);
    const std::lock_guard lock(mutex_);
    status_[name].through = through(stream);
    status_[name].bad = stream.bad.size();
  }
  return {};
}

Status VerifyCycle::keep(const Stream& stream) {
  Bytes out;
  put_u8(out, kVersion);
  put_u64(out, static_cast<uint64_t>(unix_ns(stream.fresh)));
  put_u64(out, static_cast<uint64_t>(unix_ns(stream.scrub)));
  put_u64(out, static_cast<uint64_t>(unix_ns(stream.until)));
  put_u64(out, static_cast<uint64_t>(unix_ns(stream.began)));
  put_varint(out, stream.bad.size());
  for (const EventTime start : stream.bad) put_u64(out, static_cast<uint64_t>(unix_ns(start)));
  return store_.put_meta(meta_name(stream.info->schema.name), out);
}

std::optional<EventTime> VerifyCycle::through(const Stream& stream) const {
  if (stream.fresh == kMinEventTime) return std::nullopt;
  return stream.bad.empty() ? stream.fresh : std::min(stream.fresh, *stream.bad.begin());
}

/// The window of the first page in [from, end), of any partition.
Result<std::optional<EventTime>> VerifyCycle::next_page(const Snapshot& snapshot,
                                                        const Stream& stream, EventTime from,
                                                        EventTime end) const {
  std::optional<EventTime> first;
  for (const PartitionId partition : stream.info->partitions) {
    const Status read = snapshot.heads({partition, {from, end}}, [&](const PageHead& head) {
      first = std::min(first.value_or(head.key.window), head.key.window);
      return false;
    });
    // Heads that cannot be read are for verify to tell, in their stretch.
    if (!read && read.error().code != ErrorCode::kCorruption) return read.error();
    if (!read) first = from;
  }
  return first;
}

/// Where the next stretch begins; nullopt = everything was looked at.
Result<std::optional<EventTime>> VerifyCycle::next_stretch(const Snapshot& snapshot, Stream& stream,
                                                           ProcessingTime now) {
  EventTime frontier = kMaxEventTime;
  for (const PartitionId partition : stream.info->partitions) {
    HC_TRY_ASSIGN(const auto checkpoint, snapshot.checkpoint(partition));
    frontier = std::min(frontier, checkpoint ? checkpoint->frontier.window : kMinEventTime);
  }
  if (frontier == kMinEventTime) return std::optional<EventTime>();
  const EventTime end = align_down(frontier, stream.stretch);
  if (stream.fresh < end) {
    HC_TRY_ASSIGN(const auto page, next_page(snapshot, stream, stream.fresh, end));
    if (page) return std::optional(align_down(*page, stream.stretch));
    stream.fresh = end;  // nothing is there
  }
  HC_TRY_ASSIGN(const auto page, next_page(snapshot, stream, stream.scrub, stream.until));
  if (page) return std::optional(align_down(*page, stream.stretch));
  // The cycle is at its end. The first one is the look at what is fresh.
  stream.scrub = stream.until;
  if (stream.began == ProcessingTime{}) stream.began = now;
  if (now < stream.began + cycle_) return std::optional<EventTime>();
  stream.began = now;
  stream.until = stream.fresh;
  {
    const std::lock_guard lock(mutex_);
    ++status_[stream.info->schema.name].cycles;
  }
  HC_TRY_ASSIGN(const auto oldest, next_page(snapshot, stream, kMinEventTime, stream.until));
  stream.scrub = oldest ? align_down(*oldest, stream.stretch) : stream.until;
  return oldest ? std::optional(stream.scrub) : std::optional<EventTime>();
}

Status VerifyCycle::verify(const Snapshot& snapshot, Stream& stream, EventTime start,
                           const std::function<bool(ByteCount)>& go_on) {
  const std::string& name = stream.info->schema.name;
  VerifySubject subject{stream.info->schema,
                        stream.info->partitions,
                        {},
                        {start, start + stream.stretch},
                        [&](ByteCount bytes) {
                          {
                            const std::lock_guard lock(mutex_);
                            status_[name].bytes += bytes;
                          }
                          return go_on(bytes);
                        }};
  for (const std::string& aggregate : stream.info->aggregates) {
    const AggregateEntry& entry = catalog_.aggregates().at(aggregate);
    subject.aggregates.push_back(
        {aggregate, entry.id, entry.config.rule, entry.levels, entry.page_levels});
  }
  VerifyReport report;
  HC_TRY(verify_pages(subject, snapshot, report));
  const EventTime end = start + stream.stretch;
  if (start >= stream.fresh) {
    stream.fresh = end;
  } else {
    stream.scrub = end;
  }
  if (report.ok()) {
    stream.bad.erase(start);
  } else {
    if (stream.bad.insert(start).second) {
      for (size_t i = 0; i < std::min(report.differences.size(), kTold); ++i) {
        const auto& difference = report.differences[i];
        log_error("stored data is not what it should be; 'hindcast verify --repair' mends it",
                  {{"stream", name},
                   {"aggregate", difference.aggregate},
                   {"key", difference.key},
                   {"start", to_rfc3339(difference.window.start)},
                   {"what", difference.what},
                   {"differences", report.differences_total}});
      }
    }
    if (stream.bad.size() > kBadMax) stream.bad.erase(std::prev(stream.bad.end()));
  }
  const std::lock_guard lock(mutex_);
  status_[name].through = through(stream);
  status_[name].bad = stream.bad.size();
  return {};
}

Result<bool> VerifyCycle::step(ProcessingTime now, const std::function<bool(ByteCount)>& go_on) {
  for (size_t i = 0; i < streams_.size(); ++i) {
    Stream& stream = streams_[turn_];
    turn_ = (turn_ + 1) % streams_.size();
    HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_.snapshot());
    const auto standing = [&] { return std::tuple(stream.fresh, stream.scrub, stream.began); };
    const auto before = standing();
    HC_TRY_ASSIGN(const std::optional<EventTime> start, next_stretch(*snapshot, stream, now));
    if (start) {
      HC_TRY(verify(*snapshot, stream, *start, go_on));
      HC_TRY(keep(stream));
      return true;
    }
    if (standing() != before) HC_TRY(keep(stream));
  }
  return false;
}

std::map<std::string, VerifiedStatus> VerifyCycle::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace hindcast
