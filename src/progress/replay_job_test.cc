#include "progress/replay_job.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/hex_test_util.h"
#include "base/rng.h"

namespace hindcast {
namespace {

constexpr EventTime at(int64_t seconds) { return EventTime(std::chrono::seconds(seconds)); }
constexpr Window from_to(int64_t from, int64_t to) { return {at(from), at(to)}; }

ReplayJob some_job() {
  ReplayJob job;
  job.id = 258;
  job.stream = StreamId{3};
  job.source = SourceId{4};
  job.range = from_to(60, 120);
  job.keys = {"a", Bytes("\0b", 2)};
  job.mode = ReplayJob::Mode::kRepair;
  job.order = ReplayOrder::kNewestFirst;
  job.rate = 500;
  job.cause = "reconnect";
  job.state = ReplayJob::State::kPaused;
  job.reason = "by the operator";
  job.created = ProcessingTime(Duration(1));
  job.started = ProcessingTime(Duration(2));
  job.gaps = {1, 2};
  job.done = {from_to(60, 70), from_to(80, 90)};
  job.skipped = {from_to(80, 90)};
  job.account = "whatever";
  job.set_aside = {{from_to(70, 75), "http-404: gone"}};
  job.counts = {.read = 1,
                .added = 2,
                .duplicate = 3,
                .superseded = 4,
                .outside = 5,
                .dead_lettered = 6,
                .subwindows = 7,
                .skipped_keys = 8,
                .pages_changed = 9,
                .rows_changed = 10,
                .bytes_read = 11,
                .requests = 12,
                .bytes_written = 13};
  return job;
}

// The worked example of docs/formats/facts.md.
TEST(ReplayJobTest, BytesAreThoseOfTheFormatPage) {
  EXPECT_EQ(encode(some_job()),
            test::from_hex("02 8202 0304 80e0ba84bf03 80c0f588fe06 02 0161 020062 01 01 f503"
                           "097265636f6e6e656374 02 0f627920746865206f70657261746f72"
                           "02 04 00 02 0102"
                           "02 80e0ba84bf03 80f099c58904 8080f985d404 8090d8c69e05"
                           "01 8080f985d404 8090d8c69e05"
                           "01 80f099c58904 80b8c9e5ae04 0e687474702d3430343a20676f6e65"
                           "0102030405060708090a0b0c0d"
                           "087768617465766572"));
}

TEST(ReplayJobTest, AJobComesBackAsItWasWritten) {
  ReplayJob job = some_job();
  EXPECT_EQ(decode_replay_job(encode(job)).value(), job);
  EXPECT_EQ(decode_replay_job(encode(ReplayJob{})).value(), ReplayJob{});
  job.rate = 0;  // is not the same as none
  EXPECT_EQ(decode_replay_job(encode(job)).value(), job);
  for (uint8_t state = 0; state <= static_cast<uint8_t>(ReplayJob::State::kCancelled); ++state) {
    job.state = static_cast<ReplayJob::State>(state);
    EXPECT_EQ(decode_replay_job(encode(job)).value(), job);
  }
}

TEST(ReplayJobTest, ATruncatedOrLongerJobIsCorrupt) {
  const Bytes whole = encode(some_job());
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto result = decode_replay_job(BytesView(whole).substr(0, size));
    ASSERT_FALSE(result) << "accepted " << size << " of " << whole.size() << " bytes";
    EXPECT_EQ(result.error().code, ErrorCode::kCorruption);
  }
  EXPECT_FALSE(decode_replay_job(whole + '\0'));
}

TEST(ReplayJobTest, AFlippedByteNeverCrashes) {
  const Bytes whole = encode(some_job());
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const int mask : {0x01, 0x80, 0xff}) {
      Bytes bytes = whole;
      bytes[i] = static_cast<char>(bytes[i] ^ mask);
      const auto result = decode_replay_job(bytes);
      if (!result) {
        EXPECT_EQ(result.error().code, ErrorCode::kCorruption);
      }
    }
  }
}

TEST(ReplayJobTest, WhatNoVersionWritesIsCorrupt) {
  ReplayJob job;
  job.mode = static_cast<ReplayJob::Mode>(2);
  EXPECT_FALSE(decode_replay_job(encode(job)));
  job = {};
  job.order = static_cast<ReplayOrder>(2);
  EXPECT_FALSE(decode_replay_job(encode(job)));
  job = {};
  job.state = static_cast<ReplayJob::State>(6);
  EXPECT_FALSE(decode_replay_job(encode(job)));
  Bytes other_version = encode(ReplayJob{});
  other_version[0] = 1;
  EXPECT_FALSE(decode_replay_job(other_version));
}

TEST(ReplayJobTest, CountsAddUpFieldByField) {
  ReplayCounts sum = some_job().counts;
  sum += some_job().counts;
  EXPECT_EQ(sum.read, 2u);
  EXPECT_EQ(sum.dead_lettered, 12u);
  EXPECT_EQ(sum.bytes_written, 26u);
  ReplayCounts zero;
  zero += some_job().counts;
  EXPECT_EQ(zero, some_job().counts);
}

TEST(ReplayJobTest, WindowsThatTouchBecomeOne) {
  std::vector<Window> set;
  add_window(set, from_to(10, 20));
  add_window(set, from_to(30, 40));
  add_window(set, from_to(20, 30));
  EXPECT_EQ(set, std::vector{from_to(10, 40)});
  add_window(set, from_to(50, 50));
  EXPECT_EQ(set, std::vector{from_to(10, 40)}) << "an empty window is none";
}

// Windows are finished in any order, by several workers and more than once; what is left must be
// exactly what none of them did. The model keeps one bit for each instant.
TEST(ReplayJobTest, DoneAndLeftAreASetAndItsRest) {
  constexpr int64_t kInstants = 40;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    std::vector<bool> model(kInstants, false);
    std::vector<Window> set;
    const auto any = [&] {
      const auto from = static_cast<int64_t>(rng.below(kInstants));
      return from_to(from, from + static_cast<int64_t>(rng.below(8)));
    };
    for (uint64_t n = rng.below(12); n > 0; --n) {
      const Window window = any();
      add_window(set, window);
      for (int64_t i = 0; i < kInstants; ++i)
        if (window.contains(at(i))) model[static_cast<size_t>(i)] = true;
    }
    const auto holds = [](const std::vector<Window>& windows, int64_t i) {
      return std::ranges::any_of(windows, [&](const Window& w) { return w.contains(at(i)); });
    };
    for (size_t i = 1; i < set.size(); ++i) EXPECT_LT(set[i - 1].end, set[i].start);
    const Window range = any();
    const std::vector<Window> left = left_of(range, set);
    for (const Window& w : left) EXPECT_LT(w.start, w.end);
    for (size_t i = 1; i < left.size(); ++i) EXPECT_LT(left[i - 1].end, left[i].start);
    for (int64_t i = 0; i < kInstants; ++i) {
      const bool done = model[static_cast<size_t>(i)];
      EXPECT_EQ(holds(set, i), done) << i;
      EXPECT_EQ(holds(left, i), range.contains(at(i)) && !done) << i;
    }
  }
}

}  // namespace
}  // namespace hindcast
