#include "store/embedded_codec.h"

#include <gtest/gtest.h>

#include "store/embedded_facts_codec.h"
#include "store/store_test_data.h"

namespace hindcast::embedded {
namespace {

std::string hex(BytesView bytes) {
  std::string out;
  for (const char c : bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    out += kDigits[static_cast<uint8_t>(c) >> 4];
    out += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

// The worked example of docs/formats/store.md. If it changes, stored data cannot be read any more.
TEST(EmbeddedCodecTest, BytesAreThoseOfTheFormatPage) {
  Bytes key;
  put_head_key(key, page_key(kTen, 3));
  EXPECT_EQ(hex(key), "0000000197b89ba6f71f40000003");

  PageHead head{.version = Version{2},
                .digest = {1, 2},
                .live_events = 124,
                .rows = 125,
                .keys = 2,
                .parts = {{.file = 12, .offset = 16, .size = 400, .version = Version{1}},
                          {.file = 12, .offset = 444, .size = 60, .version = Version{2}}}};
  Bytes value;
  put_head(value, head);
  EXPECT_EQ(hex(value),
            "01020100000000000000"
            "0200000000000000"
            "f8017d02"
            "02"
            "0c10900301"
            "0cbc033c02");

  Bytes row;
  put_row_key(row, row_key("EWR/UA", kTen, 3));
  EXPECT_EQ(hex(row),
            "00000001"
            "8000000df8475800"
            "97b89ba6f71f4000"
            "00000001"
            "0003"
            "4557522f5541");
  Bytes version;
  put_version_key(version, row_key("EWR/UA", kTen, 3), Version{2});
  EXPECT_EQ(hex(version),
            "00000001"
            "8000000df8475800"
            "97b89ba6f71f4000"
            "00000001"
            "0003"
            "00000006"
            "4557522f5541"
            "fffffffffffffffd");
}

TEST(EmbeddedCodecTest, KeysSortAsTheirRowsDo) {
  std::vector<RowKey> keys;
  for (const uint32_t aggregate : {1u, 256u, 70'000u}) {
    for (const Duration resolution : {Duration(1min), Duration(5min), Duration(24h)}) {
      for (const EventTime bucket :
           {kMinEventTime, event_time_ns(-1), event_time_ns(0), kTen, kMaxEventTime}) {
        for (const uint16_t slot : {uint16_t{0}, uint16_t{15}, uint16_t{256}}) {
          for (const Bytes& key :
               {Bytes(), Bytes("\0", 1), Bytes("a"), Bytes("a\0", 2), Bytes("ab"), Bytes("\xff")}) {
            keys.push_back({AggregateId{aggregate}, resolution, bucket, kPartition, slot, key});
          }
        }
      }
    }
  }
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  Bytes before;
  for (const RowKey& key : keys) {
    Bytes encoded;
    put_row_key(encoded, key);
    EXPECT_LT(before, encoded);
    EXPECT_EQ(decode_row_key(encoded).value(), key);
    before = encoded;
  }
}

TEST(EmbeddedCodecTest, NewerVersionsSortFirstAndKeysDoNotMix) {
  const auto key = [](const Bytes& k, uint64_t version) {
    Bytes out;
    put_version_key(out, row_key(k), Version{version});
    return out;
  };
  EXPECT_LT(key("a", 300), key("a", 2));
  EXPECT_LT(key("a", 2), key("a", 1));
  Bytes prefix;
  put_versions_prefix(prefix, row_key("a"));
  EXPECT_FALSE(key(Bytes("a\0", 2), 1).starts_with(prefix));
}

TEST(EmbeddedCodecTest, EveryValueRoundTrips) {
  const Counters counters{ChangeNumber{1'000'000}, 77, 1'000};
  EXPECT_EQ(decode_counters(encode(counters)).value(), counters);
  const Tallies tallies{
      .aggregated = 1, .duplicate = 2'000'000'000'000, .superseded = 3, .dead_lettered = 4};
  EXPECT_EQ(decode_tallies(encode(tallies)).value(), tallies);
  EXPECT_EQ(decode_live_bytes(encode_live_bytes(1ull << 40)).value(), 1ull << 40);
  Mark mark = mark_of(kTen, {"a", "", Bytes("\0b", 2)}, 65'535);
  mark.cause = {Cause::Kind::kReplay, 7};
  mark.id = 99;
  EXPECT_EQ(decode_mark(mark_key(mark.partition, 99), encode(mark)).value(), mark);
  EXPECT_EQ(partition_of_place(mark_place(mark)).value(), kPartition);
  const DeadLetterFact fact = dead_letter(1'000, 3, "overflow");
  EXPECT_EQ(
      decode_dead_letter(dead_letter_key(fact.source, fact.at), encode_letter(fact.letter)).value(),
      fact);
  const Change change{.number = ChangeNumber{5},
                      .cause = {Cause::Kind::kLate, 0},
                      .published_at = kSeen,
                      .aggregate = kAggregate,
                      .resolution = 1min,
                      .partition = kPartition,
                      .slot = 3,
                      .version = Version{9},
                      .rows = {{"a", kTen}, {"b", kMinEventTime}, {"c", kMaxEventTime}}};
  const Change decoded = decode_change(change_key(change.number), encode(change)).value();
  EXPECT_EQ(decoded.number, change.number);
  EXPECT_EQ(decoded.cause, change.cause);
  EXPECT_EQ(decoded.published_at, kSeen);
  EXPECT_EQ(decoded.resolution, change.resolution);
  EXPECT_EQ(decoded.slot, 3);
  EXPECT_EQ(decoded.version, Version{9});
  EXPECT_EQ(decoded.rows, change.rows);
  EXPECT_EQ(published_at_of_change(encode(change)).value(), kSeen);
}

Change gap_change(Change::Kind kind) {
  Change change{.number = ChangeNumber{5}, .published_at = kSeen, .kind = kind};
  if (kind == Change::Kind::kGapOpened) change.gap = keys_gap_of(3);
  if (kind == Change::Kind::kGapBound) change.bound = GapBound{3, kTen + 1min};
  if (kind == Change::Kind::kGapClosed) change.outcome = outcome_of({3, 4});
  return change;
}
constexpr Change::Kind kGapKinds[] = {Change::Kind::kGapOpened, Change::Kind::kGapBound,
                                      Change::Kind::kGapClosed};

TEST(EmbeddedCodecTest, ChangesOfCoverageRoundTrip) {
  for (const Change::Kind kind : kGapKinds) {
    const Change change = gap_change(kind);
    const Change decoded = decode_change(change_key(change.number), encode(change)).value();
    EXPECT_EQ(decoded.number, change.number);
    EXPECT_EQ(decoded.published_at, kSeen);
    EXPECT_EQ(decoded.kind, kind);
    EXPECT_EQ(decoded.gap, change.gap);
    EXPECT_EQ(decoded.bound, change.bound);
    EXPECT_EQ(decoded.outcome, change.outcome);
  }
}

// A data directory from before there were gaps has a shorter record.
TEST(EmbeddedCodecTest, CountersWithoutOutcomesAreThoseOfAnOlderStore) {
  EXPECT_EQ(decode_counters(Bytes("\x01\x05\x07")).value(), (Counters{ChangeNumber{5}, 7, 0}));
  EXPECT_FALSE(decode_counters(Bytes("\x01\x05")));
}

TEST(EmbeddedCodecTest, KeysOfFactsAreThoseOfTheFormatPage) {
  EXPECT_EQ(hex(gap_key(StreamId{1}, 258)), "67000000010000000000000102");
  EXPECT_EQ(hex(gap_stream_key(258)), "680000000000000102");
  EXPECT_EQ(hex(encode_stream(StreamId{300})), "ac02");
  EXPECT_EQ(decode_stream(encode_stream(StreamId{300})).value(), StreamId{300});
  EXPECT_EQ(hex(bound_key(StreamId{1}, 258)), "62000000010000000000000102");
  EXPECT_EQ(hex(outcome_key(StreamId{1}, 2)), "6f000000010000000000000002");
  EXPECT_EQ(hex(sequence_key(kPartition, "EWR")), "7100000001455752");
  EXPECT_EQ(key_of_sequence(sequence_key(kPartition, "EWR")), "EWR");
  EXPECT_EQ(hex(job_key(7)), "6a0000000000000007");
  EXPECT_FALSE(decode_stream(""));
  EXPECT_FALSE(decode_stream("\x01\x01"));
  EXPECT_FALSE(decode_stream("\xff\xff\xff\xff\x7f")) << "more than 32 bits";
}

TEST(EmbeddedCodecTest, CutValuesAreCorruption) {
  PageHead head{.version = Version{2},
                .parts = {{.file = 1, .offset = 300, .size = 400, .version = Version{1}}}};
  Bytes head_bytes;
  put_head(head_bytes, head);
  const Bytes mark = encode(mark_of(kTen, {"a", "bc"}));
  const Change change{.number = ChangeNumber{5}, .resolution = 1min, .rows = {{"a", kTen}}};
  const Bytes change_bytes = encode(change);
  const auto cut = [](const Bytes& bytes, size_t n) { return BytesView(bytes).substr(0, n); };
  PageHead out;
  for (size_t n = 0; n < head_bytes.size(); ++n)
    EXPECT_FALSE(decode_head(cut(head_bytes, n), out)) << n;
  for (size_t n = 0; n < mark.size(); ++n)
    EXPECT_FALSE(decode_mark(mark_key(kPartition, 1), cut(mark, n))) << n;
  for (size_t n = 0; n < change_bytes.size(); ++n) {
    EXPECT_FALSE(decode_change(change_key(change.number), cut(change_bytes, n))) << n;
  }
  for (const Change::Kind kind : kGapKinds) {
    const Bytes bytes = encode(gap_change(kind));
    for (size_t n = 0; n < bytes.size(); ++n)
      EXPECT_FALSE(decode_change(change_key(ChangeNumber{5}), cut(bytes, n))) << n;
    EXPECT_FALSE(decode_change(change_key(ChangeNumber{5}), bytes + "x"));
  }
  Bytes unknown_kind = change_bytes;
  unknown_kind[11] = 5;
  EXPECT_FALSE(decode_change(change_key(change.number), unknown_kind));
  EXPECT_FALSE(decode_head(head_bytes + "x", out));
  head_bytes[0] = 2;
  EXPECT_FALSE(decode_head(head_bytes, out)) << "another version";
}

TEST(EmbeddedCodecTest, TheEndOfAPrefixSkipsHighBytes) {
  EXPECT_EQ(after_prefix("ab"), "ac");
  EXPECT_EQ(after_prefix("a\xff\xff"), "b");
}

}  // namespace
}  // namespace hindcast::embedded
