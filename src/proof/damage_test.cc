// Any byte of the real store's files may decay. Verification finds it and says where; lanes, drain
// and repair go on; afterwards rows and pages agree, and what is lost is a gap.
#include "base/sim_files.h"
#include "base/temp_folder_test_util.h"
#include "lane/read_page.h"
#include "proof/proof_test_util.h"
#include "store/damage_test_util.h"
#include "store/embedded_store.h"

namespace hindcast::test {
namespace {

using testing::HasSubstr;
using Kind = VerifyReport::Difference::Kind;

class DamageTest : public ::testing::Test {
 protected:
  std::string dir() const { return folder_.path() + "/store"; }
  void open() {
    embedded_ = EmbeddedStore::open(disk_, {.dir = dir(),
                                            .cache = 8_MiB,
                                            .fatal = [](const Error& e) { FAIL() << e.message; }})
                    .value();
    store_.emplace(*embedded_);
    lane_.emplace(*store_, log_);
  }
  void close() {
    lane_.reset();
    embedded_->close().value();
    store_.reset();
    embedded_.reset();
  }
  static Duration window(size_t page) { return static_cast<int64_t>(page) * 10s; }
  PageKey key(size_t page) const { return {kPartition, at(window(page)), slot_of("a", 4)}; }
  /// `count` pages of the same shape: two events of one key each.
  void seal_pages(size_t count) {
    std::vector<Event> events;
    for (size_t page = 0; page < count; ++page) {
      for (int64_t i = 0; i < 2; ++i) {
        events.push_back({.key = "a",
                          .time = window(page) + i * 1s,
                          .id = static_cast<int64_t>(page) * 10 + i,
                          .value = i});
      }
    }
    lane_->events(events);
    lane_->heartbeat(window(count));
    lane_->run();
  }
  PartRef part(size_t page) {
    return embedded_->snapshot().value()->page(key(page), Lane::kLive).value().head.parts.at(0);
  }
  void flip(const PartRef& part, uint64_t byte) {
    disk_.flip(dir() + "/parts/parts-00000" + std::to_string(part.file), part.offset + byte, 0x10)
        .value();
  }
  /// Everything is consistent, and each page in [0, count) has what is left and what came.
  void expect_mended(size_t count, int64_t least) {
    const VerifyReport report = lane_->verify();
    EXPECT_EQ(lines(report), "");
    const Content content = stored_content(*store_);
    for (size_t page = 0; page < count; ++page) {
      const auto row = content.find({kFine, 10s, at(window(page)), "a"});
      const int64_t events = row == content.end() ? 0 : static_cast<int64_t>(row->second.count);
      const bool lost = events < least + 2;
      EXPECT_EQ(events, lost ? least : least + 2) << page;
      const auto gap = std::ranges::find(store_->opened, at(window(page)),
                                         [](const Gap& g) { return g.range.start; });
      EXPECT_EQ(gap != store_->opened.end(), lost) << page;
    }
  }

  TempFolder folder_;
  SimFileSystem disk_{1};
  std::unique_ptr<EmbeddedStore> embedded_;
  MemoryLog log_;
  std::optional<GapStore> store_;
  std::optional<LaneOver> lane_;
};

constexpr size_t kRecordHeader = 28;

// Page i has its byte i flipped: record header, directory and chunk.
TEST_F(DamageTest, AnyByteOfAPartIsFoundLocatedAndMadeAnewByALateMerge) {
  open();
  seal_pages(1);
  const size_t bytes = kRecordHeader + part(0).size;
  seal_pages(bytes + 1);
  for (size_t page = 1; page <= bytes; ++page) flip(part(page), page - 1);

  VerifyReport report = lane_->verify();
  EXPECT_EQ(report.by_kind[static_cast<size_t>(Kind::kDamage)], bytes) << lines(report);
  ASSERT_EQ(report.differences.size(), bytes);
  for (size_t i = 0; i < bytes; ++i) {
    EXPECT_EQ(report.differences[i].window, (Window{at(window(i + 1)), at(window(i + 2))}));
    EXPECT_THAT(report.differences[i].what, HasSubstr("/store/parts/parts-00000"));
    EXPECT_THAT(report.differences[i].what,
                HasSubstr("part at byte " + std::to_string(part(i + 1).offset)));
  }
  // A query names the place, or answers: it never ends the process.
  for (size_t page = 1; page <= bytes; ++page) {
    const Result<EventBatch> events = read_page(
        small_schema(), embedded_->snapshot().value()->page(key(page), Lane::kLive).value());
    if (events) {
      EXPECT_EQ(events->size(), 2u);
    } else {
      EXPECT_THAT(events.error().message, HasSubstr("/store/parts/parts-00000"));
    }
  }

  std::vector<Event> late;
  for (size_t page = 0; page <= bytes; ++page)
    late.push_back({.key = "a", .time = window(page) + 5s, .id = -1, .value = 7});
  lane_->events(late);
  lane_->run();
  expect_mended(bytes + 1, 1);
  const auto lost = std::ranges::count(store_->opened, GapScope::Kind::kKeys,
                                       [](const Gap& gap) { return gap.scope.kind; });
  EXPECT_GT(lost, 10) << "the chunk's bytes: the directory names its key";
  close();
}

TEST_F(DamageTest, AnyByteOfAPartIsMadeAnewByARepair) {
  open();
  seal_pages(1);
  const size_t bytes = kRecordHeader + part(0).size;
  seal_pages(bytes + 1);
  for (size_t page = 1; page <= bytes; ++page) flip(part(page), page - 1);
  const VerifyReport report = lane_->repair();
  EXPECT_EQ(report.pages_remade, bytes);
  EXPECT_EQ(report.pages_contended, 0u);
  expect_mended(bytes + 1, 0);
  ASSERT_EQ(report.refill.size(), 1u);
  for (const Window& window : report.refill[0].windows) {
    EXPECT_EQ((window.end - window.start) % Duration(10s), Duration(0));
  }
  // Nothing more to do, and done again it writes nothing.
  const ChangeNumber before = embedded_->snapshot().value()->last_change();
  EXPECT_EQ(lane_->repair().pages_remade, 0u);
  EXPECT_EQ(embedded_->snapshot().value()->last_change(), before);
  close();
}

// The head's record, cut off at every byte and with every byte flipped.
TEST_F(DamageTest, AnyDamageOfAHeadIsFoundAndMadeAnewByALateMerge) {
  Bytes head;
  open();
  seal_pages(1);
  embedded::put_head(head, embedded_->snapshot().value()->page(key(0), Lane::kLive).value().head);
  const size_t variants = 2 * head.size();
  seal_pages(variants + 1);
  std::vector<Bytes> heads;
  for (size_t page = 0; page <= variants; ++page) {
    embedded::put_head(heads.emplace_back(),
                       embedded_->snapshot().value()->page(key(page), Lane::kLive).value().head);
  }
  close();
  for (size_t i = 0; i < variants; ++i) {
    Bytes value = heads[i + 1];
    if (i < head.size()) {
      value.resize(std::min(value.size(), i));
    } else {
      const size_t byte = std::min(value.size() - 1, i - head.size());
      value[byte] = static_cast<char>(value[byte] ^ 0x11);
    }
    overwrite_head(dir(), key(i + 1), value);
  }
  open();
  const VerifyReport report = lane_->verify();
  EXPECT_GE(report.differences_total, variants - 4)
      << "all but counts of keys and records, which nothing is derived from";
  std::vector<Event> late;
  for (size_t page = 0; page <= variants; ++page)
    late.push_back({.key = "a", .time = window(page) + 5s, .id = -1, .value = 7});
  lane_->events(late);
  lane_->run();
  lane_->repair();  // heads that could be read and are wrong
  EXPECT_EQ(lines(lane_->verify()), "");
  const Content content = stored_content(*store_);
  for (size_t page = 0; page <= variants; ++page)
    EXPECT_TRUE(content.contains({kFine, 10s, at(window(page)), "a"})) << page;
  close();
}

// A block of RocksDB's own: no head of it can be read, rows say which pages there were.
TEST_F(DamageTest, ADamagedBlockOfHeadsIsLocatedByTheRowsBehindIt) {
  open();
  seal_pages(3);
  close();
  flip_heads_block(dir());
  open();
  const VerifyReport report = lane_->verify();
  ASSERT_EQ(report.by_kind[static_cast<size_t>(Kind::kDamage)], 3u) << lines(report);
  EXPECT_EQ(report.differences[0].window, (Window{at(0s), at(10s)}));
  EXPECT_THAT(report.differences[0].what, HasSubstr(".sst"));
  close();
}

}  // namespace
}  // namespace hindcast::test
