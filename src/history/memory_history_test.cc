#include "history/memory_history.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

StreamSchema schema() {
  StreamSchema out;
  out.key = {PartType::kText};
  out.id = {PartType::kInt};
  return out;
}

/// Key, seconds.
EventBatch events(const std::vector<std::pair<std::string, int64_t>>& list) {
  EventBatch batch(schema());
  for (const auto& [key, seconds] : list) {
    batch.key.push_back(batch.keys.intern(key));
    batch.time.push_back(seconds * 1'000'000'000);
    batch.id[0].push_back(seconds);
  }
  return batch;
}

constexpr EventTime at(Duration t) { return EventTime(t); }

struct Answer {
  std::optional<Error> error;
  HistoryChunk chunk;
};
Answer next(Cursor& cursor, ByteCount max = 1_MiB) {
  Answer answer;
  cursor.next(max, [&](Result<HistoryChunk> chunk) {
    if (chunk) {
      answer.chunk = *std::move(chunk);
    } else {
      answer.error = chunk.error();
    }
  });
  return answer;
}

TEST(MemoryHistoryTest, HandsOverTheRangeInChunksAndSaysHowFarItIs) {
  MemoryHistory history({.schema = schema(),
                         .events = events({{"a", 1}, {"b", 2}, {"a", 3}, {"a", 9}}),
                         .chunk_events = 2});
  const auto cursor =
      history.open({.range = {at(0s), at(5s)}, .keys = {}, .id_before = {}}).value();
  const HistoryChunk first = next(*cursor).chunk;
  EXPECT_EQ(first.events.id[0], (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(first.covered_to, at(2s));
  EXPECT_EQ(first.complete_to, kMinEventTime);
  EXPECT_FALSE(first.end);
  const HistoryChunk last = next(*cursor).chunk;
  EXPECT_EQ(last.events.id[0], (std::vector<int64_t>{3}));
  EXPECT_EQ(last.complete_to, at(5s));
  EXPECT_TRUE(last.end);
}

TEST(MemoryHistoryTest, OnlyTheKeysThatAreAskedForCome) {
  MemoryHistory history({.schema = schema(), .events = events({{"a", 1}, {"b", 2}})});
  const auto cursor =
      history.open({.range = {at(0s), at(5s)}, .keys = {"b"}, .id_before = {}}).value();
  EXPECT_EQ(next(*cursor).chunk.events.id[0], (std::vector<int64_t>{2}));
  EXPECT_EQ(
      history.estimate({.range = {at(0s), at(5s)}, .keys = {"b"}, .id_before = {}}).value().events,
      1u);
}

TEST(MemoryHistoryTest, AFaultIsAnsweredOnceAndTheCursorGoesOn) {
  MemoryHistory history({.schema = schema(),
                         .events = events({{"a", 1}}),
                         .fault = [](uint64_t call) -> std::optional<Error> {
                           if (call == 1) return unavailable("http-503: try later");
                           return std::nullopt;
                         },
                         .retry_after = 3s});
  const auto cursor =
      history.open({.range = {at(0s), at(5s)}, .keys = {}, .id_before = {}}).value();
  EXPECT_EQ(next(*cursor).error->code, ErrorCode::kUnavailable);
  EXPECT_EQ(cursor->retry_after(), 3s);
  EXPECT_TRUE(next(*cursor).chunk.end);
  EXPECT_EQ(history.calls(), 2u);
}

TEST(MemoryHistoryTest, PiecesTileTheRange) {
  MemoryHistory history({.schema = schema(), .events = events({}), .piece = 10s});
  EXPECT_EQ(history.pieces({at(5s), at(25s)}).value(),
            (std::vector<Window>{{at(5s), at(10s)}, {at(10s), at(20s)}, {at(20s), at(25s)}}));
}

}  // namespace
}  // namespace hindcast
