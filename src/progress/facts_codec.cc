#include "progress/facts_codec.h"

namespace hindcast {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kNumberedGap = 2;  // version of a gap that says which numbers are missing

/// A number of 32 bits; fails on one that was never written.
uint32_t get_small(ByteReader& in) {
  const uint64_t value = in.varint();
  if (value > UINT32_MAX) in.fail();
  return static_cast<uint32_t>(value);
}

void put_window(Bytes& out, const Window& window) {
  put_signed(out, unix_ns(window.start));
  put_signed(out, unix_ns(window.end));
}
Window get_window(ByteReader& in) {
  const EventTime start = event_time_ns(in.signed_varint());
  return {start, event_time_ns(in.signed_varint())};
}

void put_scope(Bytes& out, const GapScope& scope) {
  put_u8(out, static_cast<uint8_t>(scope.kind));
  put_varint(out, scope.partition.value);
  put_varint(out, scope.keys.size());
  for (const auto& [partition, key] : scope.keys) {
    put_varint(out, partition.value);
    put_string(out, key);
  }
}
/// Sets `ok` false for a kind that is none.
GapScope get_scope(ByteReader& in, bool& ok) {
  GapScope scope;
  const uint8_t kind = in.u8();
  ok = ok && kind <= static_cast<uint8_t>(GapScope::Kind::kAllBut);
  if (ok) scope.kind = static_cast<GapScope::Kind>(kind);
  scope.partition = PartitionId{get_small(in)};
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
    const PartitionId partition{get_small(in)};
    scope.keys.emplace_back(partition, in.string());
  }
  return scope;
}

void put_numbers(Bytes& out, const GapNumbers& numbers) {
  put_u8(out, numbers.in_order ? 1 : 0);
  put_signed(out, numbers.delay.count());
  put_varint(out, numbers.counts.size());
  for (const GapNumbers::Count& count : numbers.counts) {
    put_string(out, count.key);
    put_signed(out, count.first);
    put_signed(out, count.last);
  }
}
/// Sets `ok` false for numbers that are none.
GapNumbers get_numbers(ByteReader& in, bool& ok) {
  GapNumbers numbers;
  const uint8_t in_order = in.u8();
  numbers.in_order = in_order == 1;
  numbers.delay = Duration(in.signed_varint());
  ok = ok && in_order <= 1 && numbers.delay >= Duration(0);
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
    GapNumbers::Count& count = numbers.counts.emplace_back();
    count.key = in.string();
    count.first = in.signed_varint();
    count.last = in.signed_varint();
    // Both have neighbours that came.
    ok = ok && INT64_MIN < count.first && count.first <= count.last && count.last < INT64_MAX;
  }
  return numbers;
}

template <class T>
Result<T> finished(ByteReader& in, bool ok, T&& value, std::string_view what) {
  if (!ok || !in.ok() || in.remaining() > 0) return corruption("malformed " + std::string(what));
  return std::forward<T>(value);
}

}  // namespace

Bytes encode(const Gap& gap) {
  Bytes out;
  put_u8(out, gap.numbers ? kNumberedGap : kVersion);
  put_varint(out, gap.id);
  put_varint(out, gap.stream.value);
  put_window(out, gap.range);
  put_scope(out, gap.scope);
  put_u8(out, static_cast<uint8_t>(gap.cause));
  put_string(out, gap.detail);
  put_signed(out, unix_ns(gap.opened_at));
  if (gap.numbers) put_numbers(out, *gap.numbers);
  return out;
}

Result<Gap> decode_gap(BytesView bytes) {
  ByteReader in(bytes);
  const uint8_t version = in.u8();
  bool ok = version == kVersion || version == kNumberedGap;
  Gap gap;
  gap.id = in.varint();
  gap.stream = StreamId{get_small(in)};
  gap.range = get_window(in);
  gap.scope = get_scope(in, ok);
  const uint8_t cause = in.u8();
  ok = ok && cause <= static_cast<uint8_t>(Gap::Cause::kVerify);
  if (ok) gap.cause = static_cast<Gap::Cause>(cause);
  gap.detail = in.string();
  gap.opened_at = ProcessingTime(Duration(in.signed_varint()));
  if (ok && version == kNumberedGap) gap.numbers = get_numbers(in, ok);
  return finished(in, ok, std::move(gap), "gap");
}

Bytes encode(const GapBound& bound) {
  Bytes out;
  put_u8(out, kVersion);
  put_varint(out, bound.gap);
  put_signed(out, unix_ns(bound.end));
  return out;
}

Result<GapBound> decode_gap_bound(BytesView bytes) {
  ByteReader in(bytes);
  const bool ok = in.u8() == kVersion;
  GapBound bound;
  bound.gap = in.varint();
  bound.end = event_time_ns(in.signed_varint());
  return finished(in, ok, std::move(bound), "bound of a gap");
}

Bytes encode(const GapOutcome& outcome) {
  Bytes out;
  put_u8(out, kVersion);
  put_varint(out, outcome.id);
  put_varint(out, outcome.stream.value);
  put_varint(out, outcome.gaps.size());
  for (const GapId gap : outcome.gaps) put_varint(out, gap);
  put_window(out, outcome.range);
  put_scope(out, outcome.scope);
  put_u8(out, static_cast<uint8_t>(outcome.kind));
  put_varint(out, outcome.job);
  put_varint(out, outcome.leaned_on.size());
  for (const uint64_t job : outcome.leaned_on) put_varint(out, job);
  put_string(out, outcome.detail);
  return out;
}

Result<GapOutcome> decode_gap_outcome(BytesView bytes) {
  ByteReader in(bytes);
  bool ok = in.u8() == kVersion;
  GapOutcome outcome;
  outcome.id = in.varint();
  outcome.stream = StreamId{get_small(in)};
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) outcome.gaps.push_back(in.varint());
  outcome.range = get_window(in);
  outcome.scope = get_scope(in, ok);
  const uint8_t kind = in.u8();
  ok = ok && kind <= static_cast<uint8_t>(GapOutcome::Kind::kAccepted);
  if (ok) outcome.kind = static_cast<GapOutcome::Kind>(kind);
  outcome.job = in.varint();
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) outcome.leaned_on.push_back(in.varint());
  outcome.detail = in.string();
  return finished(in, ok, std::move(outcome), "outcome of a gap");
}

Bytes encode(const GapRecord& record) {
  Bytes out;
  put_u8(out, kVersion);
  put_string(out, record.opened ? encode(*record.opened) : Bytes());
  put_string(out, record.bound ? encode(*record.bound) : Bytes());
  return out;
}

Result<GapRecord> decode_gap_record(BytesView bytes) {
  ByteReader in(bytes);
  const bool ok = in.u8() == kVersion;
  const Bytes opened(in.string()), bound(in.string());
  GapRecord record;
  if (!opened.empty()) {
    HC_TRY_ASSIGN(record.opened, decode_gap(opened));
  }
  if (!bound.empty()) {
    HC_TRY_ASSIGN(record.bound, decode_gap_bound(bound));
  }
  return finished(in, ok, std::move(record), "gap record");
}

Bytes encode(const SequenceState& state) {
  Bytes out;
  put_u8(out, kVersion);
  put_u8(out, state.started ? 1 : 0);
  put_varint(out, state.runs.size());
  for (const SequenceRun& run : state.runs) {
    put_signed(out, run.first);
    put_signed(out, run.last);
    put_signed(out, unix_ns(run.first_time));
    put_signed(out, unix_ns(run.last_time));
  }
  return out;
}

Result<SequenceState> decode_sequence_state(BytesView bytes) {
  ByteReader in(bytes);
  bool ok = in.u8() == kVersion;
  SequenceState state;
  const uint8_t started = in.u8();
  ok = ok && started <= 1;
  state.started = started == 1;
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
    SequenceRun run;
    run.first = in.signed_varint();
    run.last = in.signed_varint();
    run.first_time = event_time_ns(in.signed_varint());
    run.last_time = event_time_ns(in.signed_varint());
    // Whoever goes on from a count relies on runs that ascend and leave a hole between them.
    ok = ok && run.first <= run.last &&
         (state.runs.empty() ||
          (state.runs.back().last < run.first && run.first - 1 != state.runs.back().last));
    state.runs.push_back(run);
  }
  return finished(in, ok && !state.runs.empty(), std::move(state), "count of a sequence");
}

}  // namespace hindcast
