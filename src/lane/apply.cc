#include "base/assert.h"
#include "lane/live_lane_internal.h"
#include "model/key.h"
#include "progress/control.h"
#include "progress/facts_codec.h"

namespace hindcast {
namespace {

/// time < watermark - by, also at the ends of time.
bool older_than(EventTime watermark, int64_t time, Duration by) {
  int64_t difference = 0;
  return __builtin_sub_overflow(unix_ns(watermark), time, &difference) || difference > by.count();
}

}  // namespace

Status LiveLane::Impl::apply(const LogRecord& record) {
  const bool again = settled.applied(record.position);
  Status status;
  switch (record.header.kind) {
    case RecordKind::kEvents:
      status = apply_events(record, again);
      break;
    case RecordKind::kDead:
    case RecordKind::kAdvance:
    case RecordKind::kConnected:
    case RecordKind::kDisconnected:
    case RecordKind::kGap:
      if (!again) status = apply_control(record);
      break;
  }
  if (!status && !again) refuse(record, status.error());
  counts.applied(record.position);
  if (!again) judge_numbers();
  applied = record.position;
  applied_bytes += record.payload.size();
  return status;
}

/// A record that cannot be read: its events are dead letters, so that the accounts still balance.
void LiveLane::Impl::refuse(const LogRecord& record, const Error& error) {
  const uint64_t events = record.header.events;
  watermark.state(record.header.source).received += events;
  if (events == 0) return;
  tallies.of(record.header.source).dead_lettered += events;
  pending_of(record.header.source) += events;
  DeadLetter letter{.reason = "corrupt-record", .detail = error.message, .place = "partition log"};
  dead.push_back({record.header.source, {record.position, 0}, std::move(letter)});
  dead_bytes += memory_of(dead.back());
}

Status LiveLane::Impl::apply_control(const LogRecord& record) {
  const SourceId source = record.header.source;
  switch (record.header.kind) {
    case RecordKind::kDead: {
      HC_TRY_ASSIGN(std::vector<DeadLetter> letters, decode_dead_letters(record.payload));
      watermark.state(source).received += letters.size();
      pending_of(source) += letters.size();
      tallies.of(source).dead_lettered += letters.size();
      for (uint32_t i = 0; i < letters.size(); ++i) {
        dead.push_back({source, {record.position, i}, std::move(letters[i])});
        dead_bytes += memory_of(dead.back());
      }
      return {};
    }
    case RecordKind::kAdvance: {
      HC_TRY_ASSIGN(const Advance advance, decode_advance(record.payload));
      watermark.advance(source, advance);
      return {};
    }
    case RecordKind::kConnected:
      watermark.connected(source);
      return {};
    case RecordKind::kDisconnected:
      watermark.disconnected(source);
      return {};
    case RecordKind::kGap: {
      HC_TRY_ASSIGN(GapRecord gap, decode_gap_record(record.payload));
      if (gap.opened) facts.gaps.push_back(*std::move(gap.opened));
      if (gap.bound) facts.bounds.push_back(*gap.bound);
      return {};
    }
    case RecordKind::kEvents:  // not a control record
      return {};
  }
  return {};
}

Status LiveLane::Impl::apply_events(const LogRecord& record, bool again) {
  HC_TRY_ASSIGN(EventsRecord head, decode_events(options.schema, record.payload, batch));
  const SourceId source = record.header.source;
  const LogMark since{applied, applied_bytes};
  batch.source.assign(batch.size(), source.value);
  slot_of_key.resize(batch.keys.size());
  for (uint32_t k = 0; k < batch.keys.size(); ++k) {
    slot_of_key[k] = slot_of_hash(batch.keys.hash(k), options.schema.slots);
  }
  if (!again) {
    watermark.connected(source);
    SourceState& state = watermark.state(source);
    state.received += batch.size();
    if (!head.resume.empty() && head.resume_number >= state.resume_number) {
      state.resume = std::move(head.resume);
      state.resume_number = head.resume_number;
    }
  }
  counts.seen(source, batch);
  if (!again) bound_damage();
  sort_events(record, again, since);

  targets.resize(touched.size());
  for (size_t i = 0; i < touched.size(); ++i) {
    if (touched[i]->empty()) touched[i]->since = since;
    targets[i] = &touched[i]->rows;
  }
  scatter_rows(options.schema, batch, target_of_row, targets);
  for (PageBuffer* page : touched) open.added(*page);
  return {};
}

/// Says of each event where it goes: an open page, the late buffer, the replay log, or (read again)
/// nowhere. Counts it.
///
/// The watermark moves with every event, so an event that is lower than the one before it may be
/// behind. Its exact value is asked for only when it can matter: it is at most max(value last asked
/// for, highest event - delay).
void LiveLane::Impl::sort_events(const LogRecord& record, bool again, LogMark since) {
  const SourceId source = record.header.source;
  const Duration delay = delay_of(source);
  int64_t highest = unix_ns(watermark.state(source).max_event);
  bool moved = false;  // `highest` is news to the watermark
  int64_t value = unix_ns(watermark.value()), bound = value;
  const auto exact = [&] {
    if (moved) watermark.events(source, event_time_ns(highest));
    moved = false;
    value = bound = unix_ns(watermark.value());
  };
  uint64_t behind = 0, late_events = 0, kept = 0;

  ++record_stamp;
  touched.clear();
  target_of_row.resize(batch.size());
  OpenPages::Slots* window = nullptr;
  EventTime start{};
  int64_t begin = 0, end = 0;  // of the window; empty at first
  for (uint32_t row = 0; row < batch.size(); ++row) {
    const int64_t time = batch.time[row];
    if (time < begin || time >= end) {
      const Window at = window_of(event_time_ns(time), options.schema.page_window);
      start = at.start;
      begin = unix_ns(at.start);
      end = unix_ns(at.end);
      window = nullptr;
    }
    const uint16_t slot = slot_of_key[batch.key[row]];
    target_of_row[row] = kNoTarget;

    bool is_late = false;
    if (again) {
      const Standing standing = settled.of({record.position, row}, start, slot);
      if (standing == Standing::kSettled) continue;
      is_late = standing == Standing::kLate;
    } else {
      if (time < bound) {
        exact();
        behind += time < value;
      }
      if (time > highest) {
        highest = time;
        moved = true;
        // Saturated: an event near the beginning of time bounds nothing.
        int64_t lowered = 0;
        if (!__builtin_sub_overflow(highest, delay.count(), &lowered))
          bound = std::max(bound, lowered);
      }
      is_late = frontier.behind(start, slot);
      late_events += is_late;
    }

    ++kept;
    if (is_late) {
      const bool ancient = older_than(watermark.value(), time, options.late_as_replay);
      (ancient ? replay.waiting() : late)
          .add(batch, row, {start, slot}, {record.position, row}, since);
      continue;
    }
    if (window == nullptr) window = &open.window(start);
    PageBuffer& page = open.page(*window, slot);
    if (page.stamp != record_stamp) {
      page.stamp = record_stamp;
      page.target = static_cast<uint32_t>(touched.size());
      touched.push_back(&page);
    }
    target_of_row[row] = page.target;
  }
  if (!again) {
    exact();
    SourceState& state = watermark.state(source);
    state.behind += behind;
    state.late += late_events;
  }
  pending_of(source) += kept;
}

}  // namespace hindcast
