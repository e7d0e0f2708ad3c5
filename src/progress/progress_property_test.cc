// Properties of the small values of progress: codecs round-trip, the watermark equals its
// definition.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

#include "progress/checkpoint.h"

namespace hindcast {
namespace {

EventTime any_time() { return event_time_ns(*rc::gen::arbitrary<int64_t>()); }
Position any_position() {
  return {*rc::gen::arbitrary<uint64_t>(), *rc::gen::arbitrary<uint64_t>()};
}
Bytes any_bytes() { return *rc::gen::arbitrary<std::string>(); }

template <class T, class Make>
std::vector<T> several(Make make) {
  std::vector<T> all(*rc::gen::inRange<size_t>(0, 6));
  for (T& each : all) each = make();
  return all;
}

Checkpoint any_checkpoint() {
  Checkpoint c;
  c.partition = PartitionId{*rc::gen::arbitrary<uint32_t>()};
  c.epoch = Epoch{*rc::gen::arbitrary<uint64_t>()};
  c.safe = any_position();
  c.applied = any_position();
  c.frontier = {any_time(), *rc::gen::arbitrary<uint16_t>()};
  c.watermark = any_time();
  c.spilled = several<Spilled>([] {
    return Spilled{any_time(), *rc::gen::arbitrary<uint16_t>(), any_position()};
  });
  c.exceptions = several<EventPosition>([] {
    return EventPosition{{*rc::gen::inRange<uint64_t>(0, 2), *rc::gen::inRange<uint64_t>(0, 3)},
                         *rc::gen::arbitrary<uint32_t>()};
  });
  std::sort(c.exceptions.begin(), c.exceptions.end());
  c.sources = several<SourceState>([] {
    SourceState s;
    s.source = SourceId{*rc::gen::arbitrary<uint32_t>()};
    s.max_event = any_time();
    s.advanced = any_time();
    s.connected = *rc::gen::arbitrary<bool>();
    s.idle = *rc::gen::arbitrary<bool>();
    s.ended = *rc::gen::arbitrary<bool>();
    s.resume = any_bytes();
    s.resume_number = *rc::gen::arbitrary<uint64_t>();
    s.received = *rc::gen::arbitrary<uint64_t>();
    s.replayed = *rc::gen::arbitrary<uint64_t>();
    s.behind = *rc::gen::arbitrary<uint64_t>();
    s.late = *rc::gen::arbitrary<uint64_t>();
    return s;
  });
  c.replay = several<ReplayRange>([] { return ReplayRange{any_position(), any_position()}; });
  return c;
}

RC_GTEST_PROP(CheckpointPropertyTest, RoundTrips, ()) {
  const Checkpoint c = any_checkpoint();
  RC_ASSERT(decode_checkpoint(encode(c)).value() == c);
}

// Whatever is on the disk, a decoder answers: an error, or a value that encodes again.
RC_GTEST_PROP(CheckpointPropertyTest, HostileBytesAreAnAnswerNotACrash, ()) {
  Bytes bytes = encode(any_checkpoint());
  for (int i = *rc::gen::inRange(1, 4); i > 0; --i) {
    bytes[*rc::gen::inRange<size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
  }
  if (const auto decoded = decode_checkpoint(bytes)) {
    RC_ASSERT(decode_checkpoint(encode(*decoded)).value() == *decoded);
  }
}

RC_GTEST_PROP(ControlPropertyTest, HostileBytesAreAnAnswerNotACrash, ()) {
  Bytes bytes = any_bytes();
  bytes.insert(bytes.begin(), '\1');
  (void)decode_advance(bytes).has_value();
  (void)decode_connection(bytes).has_value();
  (void)decode_dead_letters(bytes).has_value();
}

// The definition of the watermark, written down as it reads, over whole histories instead of
// states.
struct NaiveWatermark {
  struct Source {
    Duration delay{};
    std::vector<int64_t> events, advances;
    bool active = false;
  };
  std::map<uint32_t, Source> sources;
  int64_t value = INT64_MIN;

  int64_t own(const Source& s) const {
    int64_t best = INT64_MIN;
    for (int64_t t : s.events) best = std::max(best, t - s.delay.count());
    for (int64_t t : s.advances) best = std::max(best, t);
    return best;
  }
  void update() {
    std::vector<int64_t> active, all;
    for (const auto& [id, s] : sources) {
      all.push_back(own(s));
      if (s.active) active.push_back(own(s));
    }
    const int64_t now = active.empty() ? *std::max_element(all.begin(), all.end())
                                       : *std::min_element(active.begin(), active.end());
    value = std::max(value, now);
  }
};

RC_GTEST_PROP(WatermarkPropertyTest, EqualsItsDefinitionAndSurvivesRestarts, ()) {
  const std::vector<std::pair<SourceId, Duration>> delays = {
      {SourceId{3}, 7ns}, {SourceId{1}, 0ns}, {SourceId{2}, 20ns}};
  Watermark w(delays);
  NaiveWatermark naive;
  for (const auto& [source, delay] : delays) naive.sources[source.value].delay = delay;
  for (int steps = *rc::gen::inRange(0, 60); steps > 0; --steps) {
    const SourceId source{*rc::gen::inRange<uint32_t>(1, 4)};
    const int64_t t = *rc::gen::inRange<int64_t>(-100, 100);
    auto& model = naive.sources[source.value];
    switch (*rc::gen::inRange(0, 6)) {
      case 0:
      case 1:
        w.events(source, event_time_ns(t));
        model.events.push_back(t);
        model.active = true;
        break;
      case 2: {
        const auto why = static_cast<Advance::Why>(*rc::gen::inRange(0, 5));
        w.advance(source, {event_time_ns(t), why});
        model.advances.push_back(t);
        if (why == Advance::Why::kIdle || why == Advance::Why::kEnd) model.active = false;
        break;
      }
      case 3:
        w.connected(source);
        model.active = true;
        break;
      case 4:
        w.disconnected(source);
        model.active = false;
        break;
      default: {
        Watermark restarted(delays);
        restarted.restore(w.states(), w.value());
        w = restarted;
        continue;
      }
    }
    naive.update();
    RC_ASSERT(unix_ns(w.value()) == naive.value);
  }
}

}  // namespace
}  // namespace hindcast
