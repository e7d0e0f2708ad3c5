#include "history/file_readings.h"

#include <algorithm>

#include "base/assert.h"

namespace hindcast {
namespace {

constexpr uint64_t kOutsideMin = 1000;  // before the end of a file, fewer prove nothing
constexpr uint64_t kOutsideShare = 100;
constexpr size_t kFirstPiece = 64 << 10, kPiece = 256 << 10;

}  // namespace

FileReadings::FileReadings(Parts parts, Window known,
                           const std::vector<const MatchedFile*>& matched,
                           const std::vector<const MatchedFile*>& next)
    : parts_(parts), known_(known) {
  const auto add = [&](const MatchedFile* file, bool of_next_day) {
    std::string name = display_name(parts_.history.path, file->path);
    ObjectCheck check(name);
    readings_.push_back({file, of_next_day, std::move(name), std::move(check), std::nullopt, {}});
  };
  for (const MatchedFile* file : matched) add(file, false);
  // Without disorder nothing is late.
  if (parts_.history.disorder == Duration(0)) return;
  for (const MatchedFile* file : next) add(file, true);
}

EventTime FileReadings::covered_to() const {
  EventTime least = kMaxEventTime;
  for (const Reading& reading : readings_) {
    if (!reading.done) least = std::min(least, reading.progress);
  }
  return least;
}

/// Gives back the place of the open file that is furthest and was only looked into.
bool FileReadings::make_room() {
  if (open_ < kOpenMax) return true;
  Reading* furthest = nullptr;
  for (Reading& reading : readings_) {
    if (reading.content && reading.pieces == 1 &&
        (furthest == nullptr || reading.progress > furthest->progress))
      furthest = &reading;
  }
  if (furthest == nullptr) return false;
  furthest->content.reset();
  furthest->rest.clear();
  --open_;
  return true;
}

FileReadings::Reading& FileReadings::choose() {
  Reading* any = nullptr;
  Reading* open = nullptr;
  for (Reading& reading : readings_) {
    if (reading.done) continue;
    if (any == nullptr || reading.progress < any->progress) any = &reading;
    if (reading.content && (open == nullptr || reading.progress < open->progress)) open = &reading;
  }
  HC_ASSERT(any != nullptr);
  if (any->content || open == nullptr || make_room()) return *any;
  return *open;
}

void FileReadings::point_decoder_at(Reading& reading) {
  if (decoding_ == &reading) return;
  decoding_ = &reading;
  Delivery delivery{reading.name, object_name(*reading.file), reading.file->parts,
                    parts_.runtime.wall_now()};
  parts_.decoder.resume(std::move(delivery), reading.row, reading.header);
}

void FileReadings::look_at_times(Reading& reading, const std::vector<int64_t>& times,
                                 size_t first_new) {
  if (first_new == times.size()) return;
  const auto begin = times.begin() + static_cast<ptrdiff_t>(first_new);
  const auto [low, high] = std::minmax_element(begin, times.end());
  const EventTime lowest = event_time_ns(*low), highest = event_time_ns(*high);
  times_ = times_ ? Window{std::min(times_->start, lowest), std::max(times_->end, highest)}
                  : Window{lowest, highest};
  reading.progress = std::max(reading.progress, earlier(highest, parts_.history.disorder));
  reading.events += times.size() - first_new;
  if (reading.of_next_day) {
    const EventTime least = earlier(known_.end, parts_.history.disorder);
    for (auto at = begin; at != times.end(); ++at) {
      if (event_time_ns(*at) < least && reading.outside++ == 0)
        reading.first_outside = event_time_ns(*at);
    }
    return;
  }
  if (known_.contains(lowest) && known_.contains(highest)) return;
  const Window near{earlier(known_.start, parts_.history.disorder), known_.end};
  for (auto at = begin; at != times.end(); ++at) {
    const EventTime time = event_time_ns(*at);
    if (near.contains(time) || near.contains(earlier(time, parts_.history.disorder))) continue;
    if (reading.outside++ == 0) reading.first_outside = time;
  }
}

Status FileReadings::check_day(const Reading& reading, bool end) const {
  if (reading.outside < (end ? 1 : kOutsideMin) || reading.outside * kOutsideShare < reading.events)
    return {};
  const std::string day = reading.of_next_day
                              ? "which begins at " + to_rfc3339(known_.end)
                              : to_rfc3339(known_.start) + " to " + to_rfc3339(known_.end);
  return invalid_argument(
      "outside-day: " + reading.name + ": " + std::to_string(reading.outside) + " of " +
      std::to_string(reading.events) + " events are not of its day, " + day +
      ", the first one at " + to_rfc3339(reading.first_outside) +
      "; are day_zone and the unit and zone of times right? Events that come so late need a larger "
      "`disorder`; a file of something else than a day, another name for its part of the path");
}

void FileReadings::close(Reading& reading) {
  reading.done = true;
  reading.content.reset();
  reading.rest = {};
  ++done_;
  --open_;
}

Result<size_t> FileReadings::step(size_t size, HistoryChunk& chunk) {
  Reading& reading = choose();
  if (!reading.content) {
    HC_TRY_ASSIGN(reading.content, FileContent::open(parts_.files, reading.file->path, reading.name,
                                                     reading.consumed));
    ++open_;
  }
  const uint64_t raw_before = reading.content->raw_bytes();
  auto read = reading.content->read(std::min(size, reading.pieces == 0 ? kFirstPiece : kPiece),
                                    reading.rest);
  if (!read && read.error().code == ErrorCode::kCorruption && reading.of_next_day) {
    close(reading);  // still being written, perhaps; its own day will see
    return size_t{0};
  }
  HC_TRY_ASSIGN(const size_t got, std::move(read));
  ++reading.pieces;
  const bool end = reading.content->end();

  point_decoder_at(reading);
  const size_t first_event = chunk.events.size(), first_dead = chunk.dead.size();
  Decoder::Counts counts;
  const size_t consumed =
      parts_.decoder.decode(reading.rest, end, chunk.events, chunk.dead, counts);
  reading.rest.erase(0, consumed);
  reading.consumed += consumed;
  reading.row = parts_.decoder.row();
  reading.header = parts_.decoder.header();
  reading.check.add(counts, chunk.dead, first_dead);
  HC_TRY(reading.check.judge(parts_.decoder, end));
  look_at_times(reading, chunk.events.time, first_event);
  if (chunk.events.size() > first_event) {
    if (chunk.first_place.empty()) chunk.first_place = reading.name;
    chunk.last_place = reading.name;
  }
  const bool enough = end || (reading.of_next_day && reading.progress >= known_.end);
  HC_TRY(check_day(reading, enough));
  if (reading.of_next_day) {
    // Only what may be late: its times are wrong otherwise, and not this day's.
    keep_asked(parts_.schema, {kMinEventTime, kMaxEventTime},
               {earlier(known_.end, parts_.history.disorder), known_.end}, {}, chunk.events,
               first_event);
    chunk.dead.resize(first_dead);  // its own day has them
  } else {
    chunk.ignored += counts.ignored;
  }
  chunk.spent.bytes += ByteCount{reading.content->raw_bytes() - raw_before};
  if (enough) close(reading);
  return got;
}

}  // namespace hindcast
