// What every History does alike. Instantiate with a world:
//
//   struct DailyFiles {
//     explicit DailyFiles(const std::vector<Trade>& trades);  // a history that holds them
//     History& history();
//     const StreamSchema& schema();
//     static constexpr bool kOnce = true;  // no event is handed over twice (paging by time
//     repeats)
//   };
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "history/history_test_util.h"

namespace hindcast {

template <class World>
class HistoryContractTest : public testing::Test {
 protected:
  static constexpr int kDays = 3;
  const std::vector<Trade> trades = make_trades(3000, kDays);
  const Window whole = ms_window(kFirstMs, kFirstMs + kDays * kDayMs);
  World world{trades};

  static std::string name(const Trade& t) { return t.symbol + " " + std::to_string(t.id); }
  std::multiset<std::string> expected(Window range, const std::string& symbol = "") const {
    std::multiset<std::string> out;
    for (const Trade& t : trades) {
      if (range.contains(at_ms(t.ms)) && (symbol.empty() || t.symbol == symbol))
        out.insert(name(t));
    }
    return out;
  }
  /// Names handed over; each once, where the world says so.
  std::multiset<std::string> distinct(const std::vector<std::string>& names) const {
    const std::multiset<std::string> all(names.begin(), names.end());
    if (World::kOnce) return all;
    const std::set<std::string> once(names.begin(), names.end());
    return {once.begin(), once.end()};
  }
  ReadAll read(HistoryQuery query, ByteCount max = 1_MiB) {
    return read_all(world.schema(), world.history(), std::move(query), max);
  }
  Bytes key(const std::string& symbol) {
    return encode_key(world.schema().key, std::vector<KeyPart>{symbol});
  }
};
TYPED_TEST_SUITE_P(HistoryContractTest);

TYPED_TEST_P(HistoryContractTest, PiecesTileTheRangeAndHoldEveryEvent) {
  const auto pieces = this->world.history().pieces(this->whole).value();
  ASSERT_FALSE(pieces.empty());
  EXPECT_EQ(pieces.front().start, this->whole.start);
  EXPECT_EQ(pieces.back().end, this->whole.end);
  std::vector<std::string> names;
  for (size_t i = 0; i < pieces.size(); ++i) {
    EXPECT_LT(pieces[i].start, pieces[i].end);
    if (i > 0) {
      EXPECT_EQ(pieces[i].start, pieces[i - 1].end);
    }
    const ReadAll piece = this->read({pieces[i], {}, {}});
    EXPECT_FALSE(piece.error) << piece.error->message;
    EXPECT_EQ(this->distinct(piece.names), this->expected(pieces[i]));
    names.insert(names.end(), piece.names.begin(), piece.names.end());
  }
  EXPECT_EQ(this->distinct(names), this->expected(this->whole));
}

// A gap that counts as filled up to there must be filled up to there.
TYPED_TEST_P(HistoryContractTest, WhatIsCompleteWasHandedOver) {
  const auto cursor = this->world.history().open({this->whole, {}, {}}).value();
  std::map<std::string, int> seen;
  EventTime complete = kMinEventTime, covered = kMinEventTime;
  for (bool end = false; !end;) {
    const auto chunk = next_chunk(*cursor, 16_KiB);
    ASSERT_TRUE(chunk) << chunk.error().message;
    for (const auto& name : names_of(this->world.schema(), chunk->events)) ++seen[name];
    EXPECT_GE(chunk->complete_to, complete);
    EXPECT_GE(chunk->covered_to, chunk->complete_to);
    complete = chunk->complete_to;
    covered = std::max(covered, chunk->covered_to);
    for (const Trade& t : this->trades) {
      if (at_ms(t.ms) < covered) {
        EXPECT_TRUE(seen.count(this->name(t)) > 0) << this->name(t);
      }
    }
    end = chunk->end;
  }
  EXPECT_EQ(complete, this->whole.end);
}

// Nothing of what a batch held before comes again.
TYPED_TEST_P(HistoryContractTest, AChunkInReusedMemoryHoldsItsOwnEventsOnly) {
  const auto cursor = this->world.history().open({this->whole, {}, {}}).value();
  std::vector<std::string> names;
  for (bool end = false; !end;) {
    auto chunk = next_chunk(*cursor, 16_KiB);
    ASSERT_TRUE(chunk) << chunk.error().message;
    const auto some = names_of(this->world.schema(), chunk->events);
    names.insert(names.end(), some.begin(), some.end());
    end = chunk->end;
    cursor->reuse(std::move(chunk->events));
  }
  EXPECT_EQ(this->distinct(names), this->expected(this->whole));
}

TYPED_TEST_P(HistoryContractTest, AsLittleAsAByteAtATimeChangesNothing) {
  const ReadAll small = this->read({this->whole, {}, {}}, ByteCount{1});
  const ReadAll large = this->read({this->whole, {}, {}}, 1_GiB);
  ASSERT_FALSE(small.error) << small.error->message;
  EXPECT_EQ(this->distinct(small.names), this->expected(this->whole));
  EXPECT_EQ(this->distinct(large.names), this->expected(this->whole));
  EXPECT_EQ(small.complete_to, this->whole.end);
  EXPECT_EQ(large.complete_to, this->whole.end);
}

TYPED_TEST_P(HistoryContractTest, APartOfTheRangeIsThatPart) {
  const Window part = ms_window(kFirstMs + kDayMs - 3'600'000, kFirstMs + kDayMs + 1'800'000);
  const ReadAll read = this->read({part, {}, {}});
  ASSERT_FALSE(read.error) << read.error->message;
  EXPECT_EQ(this->distinct(read.names), this->expected(part));
  EXPECT_EQ(read.complete_to, part.end);
  EXPECT_TRUE(read.missing.empty());
}

TYPED_TEST_P(HistoryContractTest, OnlyTheKeysThatWereAskedForCome) {
  const ReadAll read = this->read({this->whole, {this->key("ETH")}, {}});
  ASSERT_FALSE(read.error) << read.error->message;
  EXPECT_EQ(this->distinct(read.names), this->expected(this->whole, "ETH"));
}

TYPED_TEST_P(HistoryContractTest, NothingOfNothingIsTheEnd) {
  const ReadAll read = this->read({{this->whole.start, this->whole.start}, {}, {}});
  ASSERT_FALSE(read.error) << read.error->message;
  EXPECT_TRUE(read.names.empty());
  EXPECT_EQ(read.chunks, 1U);
}

TYPED_TEST_P(HistoryContractTest, ItSaysWhatItCosts) {
  EXPECT_TRUE(this->world.history().estimate({this->whole, {}, {}}));
  EXPECT_GT(this->read({this->whole, {}, {}}).spent.bytes.value, 0U);
  EXPECT_FALSE(this->world.history().describe().empty());
}

REGISTER_TYPED_TEST_SUITE_P(HistoryContractTest, PiecesTileTheRangeAndHoldEveryEvent,
                            WhatIsCompleteWasHandedOver, AChunkInReusedMemoryHoldsItsOwnEventsOnly,
                            AsLittleAsAByteAtATimeChangesNothing, APartOfTheRangeIsThatPart,
                            OnlyTheKeysThatWereAskedForCome, NothingOfNothingIsTheEnd,
                            ItSaysWhatItCosts);

}  // namespace hindcast
