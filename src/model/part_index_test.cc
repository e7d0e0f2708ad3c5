#include "model/part_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/events_test_util.h"
#include "model/join.h"
#include "model/part.h"

namespace hindcast {
namespace {

using test::batch_of;
using test::Trade;
using test::trade_schema;
using test::trades_of;
using testing::ElementsAre;
using testing::IsEmpty;

const StreamSchema kSchema = trade_schema();

Trade trade(int key, int64_t time, int64_t id) {
  return {.key = "K" + std::to_string(100'000 + key),
          .time = time,
          .id = id,
          .price = 100 * key + id,
          .side = id % 2 ? "buy" : "sell"};
}

/// Two trades at each of `times` instants, for each key.
std::vector<Trade> trades_in_pairs(int keys, int times) {
  std::vector<Trade> out;
  for (int k = 0; k < keys; ++k) {
    for (int i = 0; i < 2 * times; ++i) out.push_back(trade(k, i / 2 * 1'000, i));
  }
  return out;
}

Bytes part_of(const std::vector<Trade>& trades) {
  const EventBatch rows = batch_of(kSchema, trades);
  return encode_part(kSchema, rows, page_changes(kSchema, rows, {}).changes);
}

struct Asked {
  std::string key;
  std::vector<int64_t> times;
};
std::vector<PartIndex::Wanted> wanted(const std::vector<Asked>& asked) {
  std::vector<PartIndex::Wanted> out;
  for (const Asked& a : asked) out.push_back({a.key, a.times});
  return out;
}

BytesView head_of(BytesView part) {
  return part.substr(0, PartIndex::head_bytes(part.substr(0, PartIndex::kBeginning)).value());
}

/// Rows found, by reading only the chunks that the index names.
std::vector<Trade> found(const Bytes& part, const std::vector<Asked>& asked, size_t* chunks) {
  const auto keys = wanted(asked);
  const PartIndex index = PartIndex::open(head_of(part), part.size(), keys).value();
  EventBatch rows(kSchema);
  for (const PartIndex::Chunk& chunk : index.chunks())
    EXPECT_TRUE(index.read(kSchema, chunk, BytesView(part).substr(chunk.offset, chunk.size), rows));
  if (chunks != nullptr) *chunks = index.chunks().size();
  return trades_of(rows);
}

// A key of 20,000 rows spans chunks; its rows at one instant may stand in two of them.
TEST(PartIndexTest, FindsEveryRowOfAnInstantInWhateverChunkItStands) {
  const Bytes part = part_of(trades_in_pairs(3, 10'000));
  for (int64_t i = 0; i < 10'000; i += 97) {
    EXPECT_THAT(found(part, {{"K100001", {i * 1'000}}}, nullptr),
                ElementsAre(trade(1, i * 1'000, 2 * i), trade(1, i * 1'000, 2 * i + 1)));
  }
}

TEST(PartIndexTest, ReadsChunksOfWantedKeysOnly) {
  const Bytes part = part_of(trades_in_pairs(60'000, 1));
  size_t chunks = 0;
  EXPECT_THAT(
      found(part, {{"K100007", {0}}, {"K159999", {0}}}, &chunks),
      ElementsAre(trade(7, 0, 0), trade(7, 0, 1), trade(59'999, 0, 0), trade(59'999, 0, 1)));
  EXPECT_EQ(chunks, 2u);
}

// The usual late event: its key is there, its instant is not.
TEST(PartIndexTest, AnInstantThatIsNotThereAndAKeyThatIsNotThereGiveNothing) {
  const Bytes part = part_of(trades_in_pairs(3, 10));
  const std::vector<Asked> asked = {
      {"A", {0}}, {"K100000", {-1, 500, 99'000}}, {"K100001x", {0}}, {"Z", {0}}};
  EXPECT_THAT(found(part, asked, nullptr), IsEmpty());
}

TEST(PartIndexTest, SaysOfAKeyWhatTheDirectorySays) {
  const Bytes part = part_of(trades_in_pairs(50, 4));
  const PartView whole = PartView::open(part).value();
  const std::vector<Asked> asked = {{"A", {0}}, {"K100020", {0}}, {"K100049", {0}}};
  const auto keys = wanted(asked);
  const PartIndex index = PartIndex::open(head_of(part), part.size(), keys).value();
  EXPECT_EQ(index.rows(), 400u);
  EXPECT_FALSE(index.keys()[0].named);
  for (const auto& [asked_at, at] : {std::pair(1, 20), std::pair(2, 49)}) {
    EXPECT_TRUE(index.keys()[asked_at].named);
    EXPECT_EQ(index.keys()[asked_at].count, 8);
    EXPECT_EQ(index.keys()[asked_at].digest, whole.directory()[at].digest);
  }
}

// Whatever byte is damaged: what was read of it either is as it was written, or an error.
TEST(PartIndexTest, DamageIsAnErrorAndNeverAnotherAnswer) {
  const Bytes part = part_of(trades_in_pairs(4, 8));
  const std::vector<Asked> asked = {{"K100002", {3'000}}};
  const std::vector<Trade> right = found(part, asked, nullptr);
  const auto keys = wanted(asked);
  for (size_t at = 0; at < part.size(); ++at) {
    Bytes damaged = part;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const auto head_bytes = PartIndex::head_bytes(damaged);
    if (!head_bytes || *head_bytes > damaged.size()) continue;
    const auto index =
        PartIndex::open(BytesView(damaged).substr(0, *head_bytes), damaged.size(), keys);
    if (!index) continue;
    EventBatch rows(kSchema);
    for (const PartIndex::Chunk& chunk : index->chunks())
      EXPECT_FALSE(
          index->read(kSchema, chunk, BytesView(damaged).substr(chunk.offset, chunk.size), rows))
          << at;
  }
  EXPECT_EQ(right.size(), 2u);
}

TEST(PartIndexTest, AHeadThatDoesNotFitThePartIsAnError) {
  const Bytes part = part_of(trades_in_pairs(4, 8));
  const std::vector<PartIndex::Wanted> none;
  EXPECT_FALSE(PartIndex::head_bytes("HC"));
  EXPECT_FALSE(PartIndex::head_bytes("HCPX\x01\x01\x01\x01\x01"));
  EXPECT_FALSE(PartIndex::open(head_of(part).substr(1), part.size(), none));
  EXPECT_FALSE(PartIndex::open(head_of(part), part.size() - 1, none));
  EXPECT_FALSE(PartIndex::open(part, part.size(), none));
}

}  // namespace
}  // namespace hindcast
