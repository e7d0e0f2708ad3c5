#include "source/file_source.h"

#include <gtest/gtest.h>

#include "base/sim_files.h"
#include "base/virtual_runtime.h"
#include "net/compression_test_util.h"
#include "source/line_decoder_test_util.h"
#include "source/resume_token.h"

namespace hindcast {
namespace {

using Names = std::vector<std::string>;

/// "head\n0\n1\n…"
Bytes numbers(int count) {
  Bytes out = "head\n";
  for (int i = 0; i < count; ++i) out += std::to_string(i) + "\n";
  return out;
}

class FileSourceTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(files_.make_folder("/in")); }

  void write(const std::string& path, BytesView content) {
    const auto file = files_.open(path, OpenMode::kCreate).value();
    ASSERT_TRUE(file->truncate(0));
    ASSERT_TRUE(file->write(0, content));
  }
  void append(const std::string& path, BytesView content) {
    const auto file = files_.open(path, OpenMode::kReadWrite).value();
    ASSERT_TRUE(file->write(file->size().value(), content));
  }

  Result<std::unique_ptr<Source>> make(const std::string& path, bool follow = false,
                                       BytesView resume = {}) {
    SourceConfig config;
    config.name = "lines";
    config.kind = SourceKind::kFile;
    config.path = path;
    config.follow = follow;
    return make_file_source(line_schema(), config, std::make_unique<LineDecoder>(), files_,
                            runtime_, resume);
  }
  void start(const std::string& path, bool follow = false, BytesView resume = {}) {
    source_ = make(path, follow, resume).value();
  }

  SourceBatch poll(ByteCount max = 1_MiB) {
    std::optional<SourceBatch> out;
    source_->poll(max, [&](Result<SourceBatch> batch) { out = std::move(batch).value(); });
    return std::move(out).value();
  }
  /// Polls until there is nothing now, or the end. All names; dead letters go to dead_.
  Names read_all(ByteCount max = 1_MiB) {
    Names out;
    for (;;) {
      const SourceBatch batch = poll(max);
      for (const auto& name : names(batch.events)) out.push_back(name);
      for (const auto& letter : batch.dead) dead_.push_back(letter);
      if (!batch.resume.empty()) token_ = batch.resume;
      ended_ = batch.ended;
      if (batch.ended || batch.retry_after) return out;
    }
  }

  SimFileSystem files_{1};
  VirtualRuntime runtime_{1};
  std::unique_ptr<Source> source_;
  std::vector<DeadLetter> dead_;
  Bytes token_;
  bool ended_ = false;
};

TEST_F(FileSourceTest, FilesAreReadInNaturalOrderAndThenTheSourceEnds) {
  write("/in/day-10.csv", "head\nc\n");
  write("/in/day-9.csv", "head\na\nb\n");
  start("/in/day-{n}.csv");
  EXPECT_EQ(read_all(), (Names{"9:1:a", "9:2:b", "10:1:c"}));
  EXPECT_TRUE(ended_);
}

TEST_F(FileSourceTest, FirstBatchSaysConnected) {
  write("/in/a.csv", "head\na\n");
  start("/in/a.csv");
  EXPECT_TRUE(poll().connected);
  EXPECT_FALSE(poll().connected);
}

TEST_F(FileSourceTest, LastLineWithoutNewlineCountsWhenNothingCanFollow) {
  write("/in/a.csv", "head\na\nb");
  start("/in/a.csv");
  EXPECT_EQ(read_all(), (Names{"a.csv:1:a", "a.csv:2:b"}));
}

TEST_F(FileSourceTest, CompressedFilesReadAsPlainOnes) {
  write("/in/1.csv.gz", gzip("head\na\n"));
  write("/in/2.csv.zst", zstd("head\nb\n"));
  write("/in/3.csv", "head\nc\n");
  start("/in/*");
  EXPECT_EQ(read_all(), (Names{"1.csv:1:a", "2.csv:1:b", "3.csv:1:c"}));
}

// Restarting after any batch must give exactly the rest: nothing twice, nothing lost, rows counted
// on.
TEST_F(FileSourceTest, ResumingAfterAnyBatchGivesExactlyTheRest) {
  const Bytes big = numbers(60'000);
  write("/in/1.csv", big);
  write("/in/2.csv.gz", gzip(big));
  write("/in/3.csv.zst", zstd(big));
  start("/in/*");
  Names whole;
  std::vector<std::pair<size_t, Bytes>> tokens;
  for (bool ended = false; !ended;) {
    const SourceBatch batch = poll();
    for (const auto& name : names(batch.events)) whole.push_back(name);
    tokens.emplace_back(whole.size(), batch.resume);
    ended = batch.ended;
  }
  ASSERT_EQ(whole.size(), 180'000u);
  EXPECT_EQ(whole.back(), "3.csv:60000:59999");
  ASSERT_GT(tokens.size(), 5u);
  for (const auto& [count, token] : tokens) {
    start("/in/*", false, token);
    const Names rest = read_all();
    ASSERT_EQ(rest.size(), whole.size() - count);
    EXPECT_TRUE(
        std::equal(rest.begin(), rest.end(), whole.begin() + static_cast<ptrdiff_t>(count)));
    EXPECT_TRUE(ended_);
  }
}

TEST_F(FileSourceTest, ABatchIsAboutAsLargeAsAsked) {
  write("/in/a.csv", numbers(400'000));
  start("/in/a.csv");
  const SourceBatch batch = poll(1_MiB);
  EXPECT_GE(batch.events.size(), 8192u);
  EXPECT_LE(batch.events.size(), 8192u + (256u << 10) / 2);
}

// A truncated upload is the commonest broken file: its whole lines are data, its half line is not.
TEST_F(FileSourceTest, TruncatedGzipDeliversItsWholeLinesThenADeadLetterThenTheNextFile) {
  const Bytes packed = gzip(numbers(50'000));
  write("/in/1.csv.gz", BytesView(packed).substr(0, packed.size() / 2));
  write("/in/2.csv", "head\nnext\n");
  start("/in/*");
  const Names read = read_all();
  ASSERT_GT(read.size(), 1000u);
  EXPECT_EQ(read.back(), "2.csv:1:next");
  for (size_t i = 0; i + 1 < read.size(); ++i) {
    ASSERT_EQ(read[i], "1.csv:" + std::to_string(i + 1) + ":" + std::to_string(i));
  }
  ASSERT_EQ(dead_.size(), 1u);
  EXPECT_EQ(dead_[0].reason, "truncated");
  EXPECT_NE(dead_[0].detail.find("1.csv.gz: gzip data is truncated at byte " +
                                 std::to_string(packed.size() / 2)),
            std::string::npos)
      << dead_[0].detail;
  EXPECT_TRUE(ended_);

  // The dead letter is not made again by a restart.
  dead_.clear();
  start("/in/*", false, token_);
  EXPECT_TRUE(read_all().empty());
  EXPECT_TRUE(dead_.empty());
}

TEST_F(FileSourceTest, WhatIsNoGzipIsADeadLetterAndTheNextFileFollows) {
  write("/in/1.csv.gz", "head\nplain text\n");
  write("/in/2.csv", "head\nnext\n");
  start("/in/*");
  EXPECT_EQ(read_all(), Names{"2.csv:1:next"});
  ASSERT_EQ(dead_.size(), 1u);
  EXPECT_EQ(dead_[0].reason, "corrupt");
}

TEST_F(FileSourceTest, FileThatVanishedIsADeadLetter) {
  write("/in/1.csv", "head\na\n");
  write("/in/2.csv", "head\nb\n");
  start("/in/*");
  ASSERT_TRUE(files_.remove("/in/1.csv"));
  EXPECT_EQ(read_all(), Names{"2.csv:1:b"});
  ASSERT_EQ(dead_.size(), 1u);
  EXPECT_EQ(dead_[0].reason, "unreadable");
  EXPECT_EQ(dead_[0].place, "1.csv");
}

TEST_F(FileSourceTest, NoFileIsAnErrorAtTheStartThatNamesThePath) {
  const auto source = make("/in/nothing-*.csv");
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(source.error().message, "source 'lines': no file matches /in/nothing-*.csv");
}

TEST_F(FileSourceTest, ATokenThatIsNoneIsRefused) {
  write("/in/a.csv", "head\na\n");
  EXPECT_EQ(make("/in/a.csv", false, "rubbish").error().code, ErrorCode::kCorruption);
}

// ── follow ──────────────────────────────────────────────────────────────────────────────────────

TEST_F(FileSourceTest, FollowerWithoutFilesSaysWhyItWaitsAndBeginsWhenOneAppears) {
  start("/in/*.csv", true);
  const SourceBatch first = poll();
  EXPECT_EQ(first.disconnected, "no file matches /in/*.csv yet");
  EXPECT_TRUE(first.retry_after);
  EXPECT_EQ(poll().disconnected, std::nullopt);  // said once
  write("/in/a.csv", "head\na\n");
  const SourceBatch second = poll();
  EXPECT_TRUE(second.connected);
  EXPECT_EQ(names(second.events), Names{"a.csv:1:a"});
}

TEST_F(FileSourceTest, FollowerReadsWhatIsAppendedAndNewFiles) {
  write("/in/a.csv", "head\na1\n");
  start("/in/*.csv", true);
  EXPECT_EQ(read_all(), Names{"a.csv:1:a1"});
  EXPECT_TRUE(read_all().empty());
  append("/in/a.csv", "a2\n");
  write("/in/b.csv", "head\nb1\n");
  EXPECT_EQ(read_all(), (Names{"b.csv:1:b1", "a.csv:2:a2"}));
  EXPECT_FALSE(ended_);
}

TEST_F(FileSourceTest, FollowerWaitsForTheRestOfALine) {
  write("/in/a.csv", "head\na1\nhal");
  start("/in/a.csv", true);
  EXPECT_EQ(read_all(), Names{"a.csv:1:a1"});
  append("/in/a.csv", "f\n");
  EXPECT_EQ(read_all(), Names{"a.csv:2:half"});
}

TEST_F(FileSourceTest, FollowerResumesEveryFileWhereItStood) {
  write("/in/a.csv", "head\na1\n");
  write("/in/b.csv", "head\nb1\n");
  start("/in/*.csv", true);
  EXPECT_EQ(read_all().size(), 2u);
  append("/in/a.csv", "a2\n");
  append("/in/b.csv", "b2\n");
  start("/in/*.csv", true, token_);
  EXPECT_EQ(read_all(), (Names{"a.csv:2:a2", "b.csv:2:b2"}));
}

// logrotate renames the file and begins another one under its name.
TEST_F(FileSourceTest, ReplacedFileIsReadFromItsBeginning) {
  write("/in/a.csv", "head\nold 1\nold 2\n");
  start("/in/a.csv", true);
  EXPECT_EQ(read_all().size(), 2u);
  write("/in/a.csv", "head\nnew 1\n");
  EXPECT_EQ(read_all(), Names{"a.csv:1:new 1"});
  write("/in/a.csv", "HEAD\nnewer 1\nnewer 2 is longer than all before\n");
  EXPECT_EQ(read_all(), (Names{"a.csv:1:newer 1", "a.csv:2:newer 2 is longer than all before"}));
}

TEST_F(FileSourceTest, CompressedFileThatIsStillBeingWrittenIsNotTruncated) {
  const Bytes packed = gzip(numbers(50'000));
  write("/in/a.csv.gz", BytesView(packed).substr(0, packed.size() / 2));
  start("/in/*", true);
  const size_t first = read_all().size();
  EXPECT_GT(first, 1000u);
  write("/in/a.csv.gz", packed);
  EXPECT_EQ(read_all().size(), 50'000u - first);
  EXPECT_TRUE(dead_.empty());
}

TEST_F(FileSourceTest, CompressedFileThatStandsStillIsTruncatedOnceAndMayBeRestored) {
  const Bytes packed = gzip(numbers(50'000));
  write("/in/a.csv.gz", BytesView(packed).substr(0, packed.size() / 2));
  start("/in/*", true);
  size_t count = 0;
  for (int i = 0; i < 50; ++i) count += read_all().size();
  ASSERT_EQ(dead_.size(), 1u);
  EXPECT_EQ(dead_[0].reason, "truncated");
  write("/in/a.csv.gz", packed);
  EXPECT_EQ(read_all().size(), 50'000u - count);
  EXPECT_EQ(dead_.size(), 1u);
}

TEST_F(FileSourceTest, FollowerOfManyFilesKeepsItsTokenSmallAndLosesNothing) {
  for (int i = 0; i < 400; ++i) write("/in/f" + std::to_string(i) + ".csv", "head\nx\n");
  start("/in/*", true);
  EXPECT_EQ(read_all().size(), 400u);
  EXPECT_LE(decode_file_resume(token_).value().files.size(), 256u);
  start("/in/*", true, token_);
  EXPECT_TRUE(read_all().empty());
  write("/in/f400.csv", "head\nnew\n");
  EXPECT_EQ(read_all(), Names{"f400.csv:1:new"});
}

TEST(ResumeTokenTest, RoundTripsAndRefusesEveryTruncation) {
  const FileResume resume{
      "/in/a", {{"/in/b", 17, 3, false, 256, 0xDEADBEEF, "h,i"}, {"/in/c", 0, 0, true, 0, 0, ""}}};
  const Bytes token = encode(resume);
  EXPECT_EQ(decode_file_resume(token).value(), resume);
  for (size_t size = 0; size < token.size(); ++size)
    EXPECT_FALSE(decode_file_resume(BytesView(token).substr(0, size)));
}

}  // namespace
}  // namespace hindcast
