#include "store/part_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sim_files.h"
#include "store/store_test_data.h"

namespace hindcast {
namespace {

using testing::HasSubstr;

std::unique_ptr<PartFiles> open_parts(FileSystem& files, PartFiles::Accounts accounts = {},
                                      bool read_only = false) {
  return PartFiles::open(files,
                         {.folder = "parts", .file_bytes = ByteCount{1'000}, .open_files_max = 2},
                         std::move(accounts), read_only)
      .value();
}

std::vector<std::string> names(FileSystem& files) { return files.list("parts").value(); }

/// The part, where nothing is wrong with it.
Bytes part_at(const PartFiles& parts, const PageKey& key, const PartRef& ref) {
  const PartFiles::Content content = parts.read(key, ref).value();
  EXPECT_EQ(content.damage, "");
  return content.part;
}
std::string damage_at(const PartFiles& parts, const PageKey& key, const PartRef& ref) {
  return parts.read(key, ref).value().damage;
}

class PartFilesTest : public testing::Test {
 protected:
  SimFileSystem files_{1};
};

TEST_F(PartFilesTest, APartIsReadBackAsItWasWritten) {
  auto parts = open_parts(files_);
  const PartRef one = parts->add(Lane::kLive, page_key(), "part one");
  const PartRef two = parts->add(Lane::kLive, page_key(kTen, 1), "");
  parts->sync(Lane::kLive).value();
  const PartRef three = parts->add(Lane::kLive, page_key(), Bytes(5'000, 'x'));
  parts->sync(Lane::kLive).value();
  EXPECT_EQ(part_at(*parts, page_key(), one), "part one");
  EXPECT_EQ(part_at(*parts, page_key(kTen, 1), two), "");
  EXPECT_EQ(part_at(*parts, page_key(), three), Bytes(5'000, 'x'));
}

// Whoever reads a piece relies on the part's own checksums; that it is this page's part is checked.
TEST_F(PartFilesTest, APieceOfWhatIsNotThisPagesPartIsCorruption) {
  auto parts = open_parts(files_);
  const PartRef part = parts->add(Lane::kLive, page_key(), "the part");
  parts->sync(Lane::kLive).value();
  EXPECT_EQ(parts->read_range(page_key(), part, 4, 4).value(), "part");
  const auto code = [&](const PageKey& key, const PartRef& at, uint64_t from, uint64_t size) {
    return parts->read_range(key, at, from, size).error().code;
  };
  EXPECT_EQ(code(page_key(kTen, 1), part, 0, 3), ErrorCode::kCorruption) << "another page's";
  PartRef wrong = part;
  wrong.size = 4'000;
  EXPECT_EQ(code(page_key(), wrong, 0, 3), ErrorCode::kCorruption) << "another size";
  EXPECT_EQ(code(page_key(), wrong, 3'000, 3), ErrorCode::kCorruption) << "behind the file's end";
  wrong = part;
  ++wrong.offset;
  EXPECT_EQ(code(page_key(), wrong, 0, 3), ErrorCode::kCorruption) << "no record";
  wrong.file = 99;
  EXPECT_EQ(code(page_key(), wrong, 0, 3), ErrorCode::kCorruption) << "no file";
}

TEST_F(PartFilesTest, EachLaneHasAFileOfItsOwn) {
  auto parts = open_parts(files_);
  const PartRef live = parts->add(Lane::kLive, page_key(), "live");
  const PartRef replay = parts->add(Lane::kReplay, page_key(), "replay");
  parts->sync(Lane::kLive).value();
  parts->sync(Lane::kReplay).value();
  EXPECT_NE(live.file, replay.file);
  EXPECT_EQ(part_at(*parts, page_key(), live), "live");
  EXPECT_EQ(part_at(*parts, page_key(), replay), "replay");
}

TEST_F(PartFilesTest, WhatWasSyncedSurvivesPowerLossAndTheRestIsGarbage) {
  PartRef kept, lost;
  PartFiles::Accounts accounts;
  {
    auto parts = open_parts(files_);
    kept = parts->add(Lane::kLive, page_key(), Bytes(700, 'k'));
    parts->sync(Lane::kLive).value();
    parts->name(kept);
    for (const auto& [file, live] : parts->take_changes()) accounts[file] = live;
    lost = parts->add(Lane::kLive, page_key(), Bytes(700, 'l'));
    // The next sync writes, and the power fails before the data is on disk.
    files_.set_hook([](SimOp op, const std::string&) { return op != SimOp::kSync; });
    EXPECT_FALSE(parts->sync(Lane::kLive));
  }
  files_.crash();
  auto parts = open_parts(files_, accounts);
  EXPECT_EQ(part_at(*parts, page_key(), kept), Bytes(700, 'k'));
  // Nothing is appended behind a torn tail.
  const PartRef next = parts->add(Lane::kLive, page_key(), "next");
  EXPECT_GT(next.file, kept.file);
  EXPECT_EQ(lost.file, kept.file);
}

TEST_F(PartFilesTest, AFileThatNoHeadNamesIsRemovedByTheNextOpen) {
  {
    auto parts = open_parts(files_);
    parts->add(Lane::kLive, page_key(), "the batch that would name it never came");
    parts->sync(Lane::kLive).value();
  }
  EXPECT_EQ(names(files_).size(), 1u);
  { auto reading = open_parts(files_, {}, true); }
  EXPECT_EQ(names(files_).size(), 1u) << "whoever only reads removes nothing";
  auto parts = open_parts(files_);
  EXPECT_TRUE(names(files_).empty());
}

TEST_F(PartFilesTest, AFileRollsWhenItIsLongEnough) {
  auto parts = open_parts(files_);
  const PartRef one = parts->add(Lane::kLive, page_key(), Bytes(900, 'a'));
  const PartRef same_group = parts->add(Lane::kLive, page_key(), Bytes(900, 'b'));
  parts->sync(Lane::kLive).value();
  const PartRef two = parts->add(Lane::kLive, page_key(), Bytes(900, 'c'));
  parts->sync(Lane::kLive).value();
  EXPECT_EQ(one.file, same_group.file);
  EXPECT_NE(one.file, two.file);
  EXPECT_EQ(part_at(*parts, page_key(), one), Bytes(900, 'a'));
  EXPECT_EQ(part_at(*parts, page_key(), two), Bytes(900, 'c'));
}

TEST_F(PartFilesTest, AFileDiesWithItsLastNamedPart) {
  auto parts = open_parts(files_);
  const PartRef one = parts->add(Lane::kLive, page_key(), Bytes(600, 'a'));
  const PartRef two = parts->add(Lane::kLive, page_key(), Bytes(600, 'b'));
  parts->sync(Lane::kLive).value();
  parts->name(one);
  parts->name(two);
  parts->settled({one, two});
  using testing::ElementsAre;
  using testing::Pair;
  EXPECT_THAT(parts->take_changes(), ElementsAre(Pair(one.file, 2 * 628u)));
  parts->unname(one);
  EXPECT_THAT(parts->take_changes(), ElementsAre(Pair(one.file, 628u)));
  parts->unname(two);
  EXPECT_THAT(parts->take_changes(), ElementsAre(Pair(one.file, 0u)));
  EXPECT_TRUE(parts->take_dead().empty()) << "it is still written";
  const PartRef next = parts->add(Lane::kLive, page_key(), "in the next file");
  parts->sync(Lane::kLive).value();
  parts->name(next);
  EXPECT_THAT(parts->take_dead(), ElementsAre(one.file));
  EXPECT_TRUE(parts->remove_piece(one.file).value());
  EXPECT_EQ(names(files_).size(), 1u);
  EXPECT_THAT(damage_at(*parts, page_key(), one), HasSubstr("missing"));
}

// A disk fills in the middle of a group: all of its parts are written again, elsewhere, when there
// is space, and nothing that was tried in between stays on the full disk.
TEST_F(PartFilesTest, AFullDiskIsTriedAgain) {
  auto parts = open_parts(files_);
  const PartRef before = parts->add(Lane::kLive, page_key(), "before");
  parts->sync(Lane::kLive).value();
  parts->name(before);
  files_.set_capacity(ByteCount{400});
  for (int attempt = 0; attempt < 3; ++attempt) {
    parts->add(Lane::kReplay, page_key(), Bytes(300, 'a'));
    parts->add(Lane::kReplay, page_key(), Bytes(300, 'b'));
    EXPECT_EQ(parts->sync(Lane::kReplay).error().code, ErrorCode::kOverloaded);
  }
  EXPECT_EQ(names(files_).size(), 1u);
  files_.set_capacity(ByteCount{10'000});
  const PartRef one = parts->add(Lane::kReplay, page_key(), Bytes(300, 'a'));
  const PartRef two = parts->add(Lane::kReplay, page_key(), Bytes(300, 'b'));
  parts->sync(Lane::kReplay).value();
  EXPECT_EQ(part_at(*parts, page_key(), before), "before");
  EXPECT_EQ(part_at(*parts, page_key(), one), Bytes(300, 'a'));
  EXPECT_EQ(part_at(*parts, page_key(), two), Bytes(300, 'b'));
}

// Replay writes parts ahead of their heads; the file must be there when these come.
TEST_F(PartFilesTest, AFileWithPartsThatAreNotSettledStays) {
  auto parts = open_parts(files_);
  const PartRef part = parts->add(Lane::kReplay, page_key(), Bytes(1'200, 'a'));
  parts->sync(Lane::kReplay).value();
  const PartRef next = parts->add(Lane::kReplay, page_key(), "in the next file");
  parts->sync(Lane::kReplay).value();
  ASSERT_NE(part.file, next.file);
  EXPECT_TRUE(parts->take_dead().empty());
  parts->settled({part});  // its commit was refused
  EXPECT_EQ(parts->take_dead(), std::vector<uint64_t>{part.file});
}

// Paced, a part is written in pieces; where the pace is given up, nothing of it is named or kept.
TEST_F(PartFilesTest, APacedSyncWritesPieceByPieceAndCanBeGivenUp) {
  auto parts = open_parts(files_);
  std::vector<uint64_t> pieces;
  const PartFiles::Pace count = [&](ByteCount bytes) -> Status {
    pieces.push_back(bytes.value);
    return {};
  };
  const PartRef part = parts->add(Lane::kReplay, page_key(), Bytes(150'000, 'x'));
  parts->sync(Lane::kReplay, count).value();
  EXPECT_EQ(pieces, (std::vector<uint64_t>{65'536, 65'536, 16 + 28 + 150'000 - 2 * 65'536}));
  EXPECT_EQ(part_at(*parts, page_key(), part), Bytes(150'000, 'x'));
  parts->add(Lane::kReplay, page_key(), "y");
  const PartFiles::Pace stop = [](ByteCount) -> Status { return unavailable("stopped"); };
  EXPECT_EQ(parts->sync(Lane::kReplay, stop).error().message, "stopped");
  EXPECT_EQ(names(files_).size(), 1u);
}

// After a failed sync the kernel may have dropped the dirty pages, and the next sync says all is
// well.
TEST_F(PartFilesTest, AFileWhoseSyncFailedIsNotTrustedAgain) {
  auto parts = open_parts(files_);
  const PartRef before = parts->add(Lane::kLive, page_key(), "before");
  parts->sync(Lane::kLive).value();
  parts->name(before);
  const PartRef untrusted = parts->add(Lane::kLive, page_key(), "x");
  files_.fail_next_sync();
  EXPECT_EQ(parts->sync(Lane::kLive).error().code, ErrorCode::kUnavailable);
  const PartRef again = parts->add(Lane::kLive, page_key(), "x");
  EXPECT_NE(again.file, untrusted.file);
  parts->sync(Lane::kLive).value();
  parts->name(again);
  PartFiles::Accounts accounts;
  for (const auto& [file, live] : parts->take_changes()) accounts[file] = live;
  files_.crash();
  parts = open_parts(files_, accounts);
  EXPECT_EQ(part_at(*parts, page_key(), before), "before");
  EXPECT_EQ(part_at(*parts, page_key(), again), "x");
}

TEST_F(PartFilesTest, ADamagedPartNamesItsPlace) {
  auto parts = open_parts(files_);
  parts->add(Lane::kLive, page_key(), Bytes(100, 'a'));
  const PartRef ref = parts->add(Lane::kLive, page_key(), Bytes(100, 'b'));
  parts->sync(Lane::kLive).value();
  const std::string path = parts->path_of(ref.file);
  EXPECT_EQ(ref.offset, 16u + 28 + 100);
  for (uint64_t byte = ref.offset; byte < ref.offset + 28 + ref.size; ++byte) {
    files_.flip(path, byte, 0x10).value();
    const std::string damage = damage_at(*parts, page_key(), ref);
    EXPECT_THAT(damage, HasSubstr("parts/parts-000001: ")) << byte;
    EXPECT_THAT(damage, HasSubstr("byte 144")) << byte;
    files_.flip(path, byte, 0x10).value();
  }
  EXPECT_EQ(part_at(*parts, page_key(), ref), Bytes(100, 'b'));
}

TEST_F(PartFilesTest, ATruncatedFileNamesItsPlace) {
  auto parts = open_parts(files_);
  const PartRef ref = parts->add(Lane::kLive, page_key(), Bytes(100, 'b'));
  parts->sync(Lane::kLive).value();
  files_.open(parts->path_of(ref.file), OpenMode::kReadWrite).value()->truncate(60).value();
  const PartFiles::Content content = parts->read(page_key(), ref).value();
  EXPECT_EQ(content.damage, "parts/parts-000001: the file ends in the part at byte 16");
  EXPECT_EQ(content.part, Bytes(16, 'b')) << "what is left of it";
  files_.open(parts->path_of(ref.file), OpenMode::kReadWrite).value()->truncate(20).value();
  EXPECT_EQ(damage_at(*parts, page_key(), ref),
            "parts/parts-000001: the file ends in the part at byte 16");
}

TEST_F(PartFilesTest, AMissingFileIsCorruptionAndNotAnEmptyPage) {
  auto parts = open_parts(files_);
  EXPECT_EQ(damage_at(*parts, page_key(), {.file = 7, .offset = 16, .size = 3}),
            "parts/parts-000007: missing, though a page has a part at its byte 16");
}

// A head that points at the right kind of bytes of the wrong page would fold foreign events.
TEST_F(PartFilesTest, AnotherPagesPartIsRefused) {
  auto parts = open_parts(files_);
  const PartRef ref = parts->add(Lane::kLive, page_key(kTen, 3), "part");
  parts->sync(Lane::kLive).value();
  for (const PageKey& other : {page_key(kTen, 4), page_key(kTen + 1min, 3)}) {
    const PartFiles::Content content = parts->read(other, ref).value();
    EXPECT_THAT(content.damage, HasSubstr("another page's events"));
    EXPECT_EQ(content.part, "");
  }
}

// The events are all there: only their label is not.
TEST_F(PartFilesTest, APartWithADamagedLabelIsStillItsPages) {
  auto parts = open_parts(files_);
  const PartRef ref = parts->add(Lane::kLive, page_key(kTen, 3), "part");
  parts->sync(Lane::kLive).value();
  files_.flip(parts->path_of(ref.file), ref.offset + 24, 0x01).value();  // the slot
  const PartFiles::Content content = parts->read(page_key(kTen, 3), ref).value();
  EXPECT_NE(content.damage, "");
  EXPECT_EQ(content.part, "part");
}

// What a damaged head says of sizes and places must cost neither memory nor the other parts' file.
TEST_F(PartFilesTest, ANonsensicalPlaceIsDamageAndTakesNothingFromTheAccounts) {
  auto parts = open_parts(files_);
  const PartRef ref = parts->add(Lane::kLive, page_key(), "part");
  parts->sync(Lane::kLive).value();
  parts->name(ref);
  (void)parts->take_changes();
  for (const PartRef& bad :
       {PartRef{ref.file, UINT64_MAX - 5, 3, {}},
        PartRef{ref.file, ref.offset, UINT64_MAX - 20, {}}, PartRef{UINT64_MAX, 16, 4, {}}}) {
    EXPECT_NE(damage_at(*parts, page_key(), bad), "");
  }
  parts->unname({ref.file, ref.offset, 1'000'000, {}});
  parts->unname({77, 16, 4, {}});
  EXPECT_TRUE(parts->take_changes().empty());
  EXPECT_TRUE(parts->take_dead().empty());
}

TEST_F(PartFilesTest, AFileOfAnotherFormatIsSaidToBe) {
  auto parts = open_parts(files_);
  const PartRef ref = parts->add(Lane::kLive, page_key(), "part");
  parts->sync(Lane::kLive).value();
  files_.flip(parts->path_of(ref.file), 7, 0x02).value();  // the version
  EXPECT_THAT(damage_at(*parts, page_key(), ref), HasSubstr("another version"));
  EXPECT_EQ(parts->read(page_key(), ref).value().part, "part");
}

TEST_F(PartFilesTest, HandlesOfReadersAreBounded) {
  auto parts = open_parts(files_);
  std::vector<PartRef> refs;
  for (char c = 'a'; c <= 'h'; ++c) {
    refs.push_back(parts->add(Lane::kLive, page_key(), Bytes(1'000, c)));
    parts->sync(Lane::kLive).value();
  }
  EXPECT_EQ(names(files_).size(), 8u);
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < refs.size(); ++i) {
      EXPECT_EQ(part_at(*parts, page_key(), refs[i]), Bytes(1'000, static_cast<char>('a' + i)));
    }
  }
}

}  // namespace
}  // namespace hindcast
