#include "history/files_history.h"

#include <gmock/gmock.h>

#include "base/forwarding_files_test_util.h"
#include "base/posix_files.h"
#include "base/sim_files.h"
#include "base/temp_folder_test_util.h"
#include "base/virtual_runtime.h"
#include "history/file_readings.h"
#include "history/history_contract_test.h"
#include "net/compression_test_util.h"

namespace hindcast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

void write_file(FileSystem& files, const std::string& path, BytesView content) {
  ASSERT_TRUE(files.make_folder(path.substr(0, path.rfind('/'))));
  const auto file = files.open(path, OpenMode::kCreate).value();
  ASSERT_TRUE(file->truncate(0));
  ASSERT_TRUE(file->write(0, content));
}

std::vector<Trade> of_day(const std::vector<Trade>& trades, int day,
                          const std::string& symbol = "") {
  std::vector<Trade> out;
  for (const Trade& t : trades) {
    if ((t.ms - kFirstMs) / kDayMs == day && (symbol.empty() || t.symbol == symbol))
      out.push_back(t);
  }
  return out;
}
std::string day_name(int day) { return "2013100" + std::to_string(7 + day); }

// ── the contract ────────────────────────────────────────────────────────────────────────────────

struct FilesWorld {
  explicit FilesWorld(const std::function<void(HistoryConfig&)>& change) : setup(change) {}
  History& history() {
    if (!history_) history_ = make_history(setup.schema, setup.source, files, runtime).value();
    return *history_;
  }
  const StreamSchema& schema() { return setup.schema; }
  static constexpr bool kOnce = true;

  SimFileSystem files{1};
  VirtualRuntime runtime{1};
  HistorySetup setup;
  std::unique_ptr<History> history_;
};

struct FilePerDayAndSymbol : FilesWorld {
  explicit FilePerDayAndSymbol(const std::vector<Trade>& trades)
      : FilesWorld([](HistoryConfig& history) {
          history.path = "/a/{day}/{symbol}.ndjson";
          history.event.key = {{FieldRef::Kind::kPathPart, "{symbol}", std::nullopt}};
        }) {
    for (int day = 0; day < 3; ++day) {
      for (const char* symbol : {"BTC", "ETH", "XRP"})
        write_file(files, "/a/" + day_name(day) + "/" + symbol + ".ndjson",
                   ndjson_of(of_day(trades, day, symbol)));
    }
  }
};

struct CompressedCsvPerDay : FilesWorld {
  explicit CompressedCsvPerDay(const std::vector<Trade>& trades)
      : FilesWorld([](HistoryConfig& history) {
          history.path = "/a/trades-{date}.csv.gz";
          history.format.kind = FormatKind::kCsv;
        }) {
    for (int day = 0; day < 3; ++day) {
      std::string date = day_name(day);
      date.insert(6, "-").insert(4, "-");
      write_file(files, "/a/trades-" + date + ".csv.gz", gzip(csv_of(of_day(trades, day))));
    }
  }
};

struct OneFileForAll : FilesWorld {
  explicit OneFileForAll(const std::vector<Trade>& trades)
      : FilesWorld([](HistoryConfig& history) {
          history.path = "/a/all.json.zst";
          history.format.kind = FormatKind::kJson;
        }) {
    write_file(files, "/a/all.json.zst", zstd(array_of(trades)));
  }
};

/// More files than may be open at once, each of some hours and of all symbols.
struct ManyFiles : FilesWorld {
  explicit ManyFiles(const std::vector<Trade>& trades)
      : FilesWorld([](HistoryConfig& history) { history.path = "/a/part-{n}.ndjson.gz"; }) {
    constexpr size_t kFiles = 3 * FileReadings::kOpenMax;
    for (size_t i = 0; i < kFiles; ++i) {
      const auto begin = static_cast<ptrdiff_t>(trades.size() * i / kFiles);
      const auto end = static_cast<ptrdiff_t>(trades.size() * (i + 1) / kFiles);
      write_file(files, "/a/part-" + std::to_string(i) + ".ndjson.gz",
                 gzip(ndjson_of({trades.begin() + begin, trades.begin() + end})));
    }
  }
};

/// Read past the cache, in files that end within a block.
struct FilesOnDisk {
  explicit FilesOnDisk(const std::vector<Trade>& trades)
      : setup([this](HistoryConfig& history) { history.path = folder.path() + "/{day}.ndjson*"; }) {
    for (int day = 0; day < 3; ++day) {
      const Bytes content = ndjson_of(of_day(trades, day));
      const std::string path = folder.path() + "/" + day_name(day) + ".ndjson";
      if (day == 1)
        write_file(files, path + ".gz", gzip(content));
      else
        write_file(files, path, content);
    }
  }
  History& history() {
    if (!history_) history_ = make_history(setup.schema, setup.source, files, runtime).value();
    return *history_;
  }
  const StreamSchema& schema() { return setup.schema; }
  static constexpr bool kOnce = true;

  TempFolder folder;
  PosixFileSystem files;
  VirtualRuntime runtime{1};
  HistorySetup setup;
  std::unique_ptr<History> history_;
};

using FileWorlds =
    testing::Types<FilePerDayAndSymbol, CompressedCsvPerDay, OneFileForAll, ManyFiles, FilesOnDisk>;
INSTANTIATE_TYPED_TEST_SUITE_P(Files, HistoryContractTest, FileWorlds);

// ── what is particular about files ──────────────────────────────────────────────────────────────

class FilesHistoryTest : public testing::Test {
 protected:
  void write(const std::string& path, BytesView content) { write_file(files_, path, content); }
  void make(const std::string& path, const std::function<void(HistoryConfig&)>& change = {}) {
    setup_.emplace([&](HistoryConfig& history) {
      history.path = path;
      if (change) change(history);
    });
    history_ = make_history(setup_->schema, setup_->source, files_, runtime_).value();
  }
  ReadAll read(Window range, std::vector<Bytes> keys = {}, ByteCount max = 1_MiB) {
    return read_all(setup_->schema, *history_, {range, std::move(keys), {}}, max);
  }

  SimFileSystem files_{1};
  VirtualRuntime runtime_{1};
  std::optional<HistorySetup> setup_;
  std::unique_ptr<History> history_;
  const Window days_ = ms_window(kFirstMs, kFirstMs + 3 * kDayMs);
};

TEST_F(FilesHistoryTest, ADayIsOneOfTheZone) {
  // 2013-10-07 in New York begins at 04:00Z.
  write("/a/20131007.ndjson", ndjson_of({{"BTC", 1, kFirstMs + 4 * 3'600'000}}));
  write("/a/20131008.ndjson", ndjson_of({{"BTC", 2, kFirstMs + 28 * 3'600'000}}));
  make("/a/{day}.ndjson", [](HistoryConfig& history) { history.day_zone = "America/New_York"; });
  const Window first = ms_window(kFirstMs + 4 * 3'600'000, kFirstMs + 28 * 3'600'000);
  const Window second = ms_window(kFirstMs + 28 * 3'600'000, kFirstMs + 52 * 3'600'000);
  EXPECT_THAT(history_->pieces({first.start, second.end}).value(), ElementsAre(first, second));
  EXPECT_THAT(read(first).names, ElementsAre("BTC 1"));
  EXPECT_THAT(read(second).names, ElementsAre("BTC 2"));
}

TEST_F(FilesHistoryTest, AnHourMayHaveAFileToo) {
  write("/a/20131007/09.ndjson", ndjson_of({{"BTC", 1, kFirstMs + 9 * 3'600'000}}));
  write("/a/20131007/11.ndjson", ndjson_of({{"BTC", 2, kFirstMs + 11 * 3'600'000}}));
  make("/a/{day}/{hour}.ndjson");
  const Window range = ms_window(kFirstMs + 9 * 3'600'000, kFirstMs + 12 * 3'600'000);
  EXPECT_EQ(history_->pieces(range).value().size(), 3U);
  const ReadAll all = read(range);
  EXPECT_THAT(all.names, ElementsAre("BTC 1", "BTC 2"));
  ASSERT_EQ(all.missing.size(), 1U);
  EXPECT_EQ(all.missing[0].window, ms_window(kFirstMs + 10 * 3'600'000, kFirstMs + 11 * 3'600'000));
  EXPECT_EQ(all.missing[0].reason, "no-file: history has no file for 2013-10-07T10");
}

// A file that is not there does not prove that nothing happened.
TEST_F(FilesHistoryTest, ADayWithoutAFileIsMissing) {
  write("/a/20131007.ndjson", ndjson_of({{"BTC", 1, kFirstMs}}));
  write("/a/20131009.ndjson", "");  // nothing happened on that day
  make("/a/{day}.ndjson");
  const Window range = ms_window(kFirstMs - 2 * kDayMs, kFirstMs + 5 * kDayMs);
  const ReadAll all = read(range);
  EXPECT_THAT(all.names, ElementsAre("BTC 1"));
  EXPECT_EQ(all.complete_to, range.end);
  std::vector<std::string> reasons;
  for (const auto& missing : all.missing) {
    reasons.push_back(missing.reason);
    EXPECT_TRUE(missing.keys.empty());
  }
  EXPECT_THAT(reasons, ElementsAre("no-file: history begins with 2013-10-07",
                                   "no-file: history has no file for 2013-10-08",
                                   "no-file: history ends with 2013-10-09"));
  EXPECT_EQ(all.missing[0].window, ms_window(kFirstMs - 2 * kDayMs, kFirstMs));
  EXPECT_EQ(all.missing[1].window, ms_window(kFirstMs + kDayMs, kFirstMs + 2 * kDayMs));
  EXPECT_EQ(all.missing[2].window, ms_window(kFirstMs + 3 * kDayMs, kFirstMs + 5 * kDayMs));
  // Each day is a piece, and so is what lies before and behind all files.
  EXPECT_EQ(history_->pieces(range).value().size(), 5U);
}

TEST_F(FilesHistoryTest, APageWindowThatTwoDaysShareIsReadWhole) {
  // Midnight in Kolkata is 18:30Z, in the middle of a page of an hour.
  const int64_t midnight = kFirstMs + 18 * 3'600'000 + 1'800'000;
  write("/a/20131007.ndjson", ndjson_of({{"BTC", 1, midnight - 600'000}}));
  write("/a/20131008.ndjson", ndjson_of({{"BTC", 2, midnight + 600'000}}));
  make("/a/{day}.ndjson", [](HistoryConfig& history) { history.day_zone = "Asia/Kolkata"; });
  const int64_t cut = kFirstMs + 18 * 3'600'000;
  const auto pieces = history_->pieces(ms_window(kFirstMs, kFirstMs + kDayMs)).value();
  EXPECT_THAT(pieces, ElementsAre(ms_window(kFirstMs, cut), ms_window(cut, kFirstMs + kDayMs)));
  EXPECT_THAT(read(pieces[0]).names, IsEmpty());
  EXPECT_THAT(read(pieces[1]).names, ElementsAre("BTC 1", "BTC 2"));
}

TEST_F(FilesHistoryTest, NoFileAtAllIsNotFound) {
  make("/a/{day}.ndjson");
  const auto expect = [&](std::string_view message) {
    EXPECT_EQ(history_->pieces(days_).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(history_->estimate({days_, {}, {}}).error().code, ErrorCode::kNotFound);
    const ReadAll all = read(days_);
    ASSERT_TRUE(all.error);
    EXPECT_EQ(all.error->code, ErrorCode::kNotFound);
    EXPECT_THAT(all.error->message, StartsWith(std::string(message)));
  };
  expect("no-file: no file matches /a/{day}.ndjson");
  write("/a/latest.ndjson", "");
  expect(
      "no-file: 1 files match /a/{day}.ndjson, but in none of them is {day} a day like 20131007");
  write("/a/20131301.ndjson", "");
  write("/a/20130230.ndjson", "");
  expect("no-file: 3 files");
}

TEST_F(FilesHistoryTest, AFileThatMatchesByAccidentIsOfNoDay) {
  write("/a/20131007.ndjson", ndjson_of({{"BTC", 1, kFirstMs}}));
  write("/a/latest.ndjson", ndjson_of({{"BTC", 2, kFirstMs}}));
  make("/a/{day}.ndjson");
  EXPECT_THAT(read(ms_window(kFirstMs, kFirstMs + kDayMs)).names, ElementsAre("BTC 1"));
}

TEST_F(FilesHistoryTest, AKeyInThePathSparesTheOtherFiles) {
  write("/a/20131007/BTC.ndjson", ndjson_of({{"BTC", 1, kFirstMs}}));
  write("/a/20131007/ETH.ndjson", "this would be an error");
  make("/a/{day}/{symbol}.ndjson", [](HistoryConfig& history) {
    history.event.key = {{FieldRef::Kind::kPathPart, "{symbol}", std::nullopt}};
  });
  const Window day = ms_window(kFirstMs, kFirstMs + kDayMs);
  const ReadAll all = read(day, {setup_->key("BTC"), setup_->key("XRP")});
  ASSERT_FALSE(all.error) << all.error->message;
  EXPECT_THAT(all.names, ElementsAre("BTC 1"));
  ASSERT_EQ(all.missing.size(), 1U);
  EXPECT_THAT(all.missing[0].keys, ElementsAre(setup_->key("XRP")));
  EXPECT_EQ(all.missing[0].window, day);
  EXPECT_THAT(all.missing[0].reason, StartsWith("no-file: "));
  EXPECT_LT(history_->estimate({day, {setup_->key("BTC")}, {}})->bytes,
            history_->estimate({day, {}, {}})->bytes);
}

// A wrong zone or unit, or files of sessions that begin on the evening before: days would be said
// to be complete whose events are in other files.
TEST_F(FilesHistoryTest, AFileWhoseEventsAreNotOfItsDayIsAnError) {
  std::vector<Trade> trades = make_trades(20'000, 1);
  for (Trade& t : trades) t.ms += 4 * 3'600'000;
  write("/a/20131007.ndjson", ndjson_of(trades));
  make("/a/{day}.ndjson");
  const Error error = read(days_).error.value_or(Error{});
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message, StartsWith("outside-day: 20131007.ndjson: "));
  EXPECT_THAT(error.message, HasSubstr("2013-10-07T00:00:00Z to 2013-10-08T00:00:00Z"));
  make("/a/{day}.ndjson", [](HistoryConfig& history) { history.day_zone = "America/New_York"; });
  EXPECT_FALSE(read(ms_window(kFirstMs, kFirstMs + 2 * kDayMs)).error);
}

// Who writes files goes by the time of arrival: what came late on one day begins the next one's
// file.
TEST_F(FilesHistoryTest, WhatCameAfterMidnightIsFoundInTheNextDaysFile) {
  std::vector<Trade> first = of_day(make_trades(1000, 2), 0),
                     second = of_day(make_trades(1000, 2), 1);
  const Trade late{"LATE", 1, kFirstMs + kDayMs - 400};
  second.insert(second.begin() + 1, late);
  write("/a/20131007.ndjson", ndjson_of(first));
  write("/a/20131008.ndjson.gz", gzip(ndjson_of(second)));
  const Window day = ms_window(kFirstMs, kFirstMs + kDayMs);
  make("/a/{day}.ndjson*", [](HistoryConfig& history) { history.disorder = 5s; });
  const ReadAll all = read(day);
  EXPECT_FALSE(all.error);
  EXPECT_EQ(all.names.size(), first.size() + 1);
  EXPECT_THAT(all.names, testing::Contains("LATE 1"));
  EXPECT_EQ(all.complete_to, day.end);
  // Nor does it matter if that file is still being written.
  const Bytes packed = gzip(ndjson_of(second));
  write("/a/20131008.ndjson.gz", packed.substr(0, packed.size() - 10));
  EXPECT_FALSE(read(day).error);
  // A promise that nothing is late is believed.
  make("/a/{day}.ndjson*");
  EXPECT_EQ(read(day).names.size(), first.size());
}

// Else the evening of every day would hold the next morning's events as well.
TEST_F(FilesHistoryTest, ANextDaysFileInAnotherZoneIsFoundOut) {
  const std::vector<Trade> first = of_day(make_trades(1000, 2), 0);
  std::vector<Trade> second = of_day(make_trades(1000, 2), 1);
  for (Trade& trade : second) trade.ms -= kDayMs / 4;
  write("/a/20131007.ndjson", ndjson_of(first));
  write("/a/20131008.ndjson", ndjson_of(second));
  make("/a/{day}.ndjson", [](HistoryConfig& history) { history.disorder = 5s; });
  const ReadAll all = read(ms_window(kFirstMs, kFirstMs + kDayMs));
  ASSERT_TRUE(all.error);
  EXPECT_THAT(all.error->message, StartsWith("outside-day: 20131008.ndjson: "));
  EXPECT_THAT(all.error->message, HasSubstr("which begins at 2013-10-08T00:00:00Z"));
  EXPECT_LE(all.names.size(), first.size());
}

TEST_F(FilesHistoryTest, FewEventsOfAnotherDayStayForTheReaderToJudge) {
  std::vector<Trade> trades = make_trades(1000, 1);
  trades.push_back({"DOGE", 1, kFirstMs - kDayMs});  // its clock was wrong
  trades.push_back({"DOGE", 2, kFirstMs + kDayMs + 500});
  write("/a/20131007.ndjson", ndjson_of(trades));
  make("/a/{day}.ndjson", [](HistoryConfig& history) { history.disorder = 1s; });
  // Of the file's own day only what was asked for.
  const ReadAll all = read(ms_window(kFirstMs + 1000, kFirstMs + 2000));
  EXPECT_FALSE(all.error);
  EXPECT_THAT(all.names, ElementsAre("DOGE 1", "DOGE 2"));
}

TEST_F(FilesHistoryTest, FilesWithoutADayAnswerForTheTimeTheyHold) {
  write("/a/x.ndjson", ndjson_of({{"BTC", 1, kFirstMs}, {"BTC", 2, kFirstMs + kDayMs}}));
  make("/a/*.ndjson");
  EXPECT_THAT(history_->pieces(days_).value(), ElementsAre(days_));
  EXPECT_TRUE(read(ms_window(kFirstMs + 10, kFirstMs + 20)).missing.empty());  // a quiet time
  // Page windows (an hour) before the first event and behind the last one are not known.
  const ReadAll beyond = read(ms_window(kFirstMs - kDayMs, kFirstMs + 3 * kDayMs));
  ASSERT_EQ(beyond.missing.size(), 2U);
  EXPECT_EQ(beyond.missing[0].window, ms_window(kFirstMs - kDayMs, kFirstMs));
  EXPECT_EQ(beyond.missing[0].reason, "outside-files: history begins with 2013-10-07T00:00:00Z");
  EXPECT_EQ(beyond.missing[1].window,
            ms_window(kFirstMs + kDayMs + 3'600'000, kFirstMs + 3 * kDayMs));
  EXPECT_EQ(beyond.missing[1].reason, "outside-files: history ends with 2013-10-08T00:00:00Z");
  const Window behind = ms_window(kFirstMs + 2 * kDayMs, kFirstMs + 3 * kDayMs);
  EXPECT_EQ(read(behind).missing.at(0).window, behind);
  const Window before = ms_window(kFirstMs - 2 * kDayMs, kFirstMs - kDayMs);
  EXPECT_EQ(read(before).missing.at(0).window, before);
  write("/a/x.ndjson", "");
  EXPECT_THAT(read(days_).missing.at(0).reason, StartsWith("no-events: "));
}

// What could be read comes first; then the error, and nothing counts as complete.
TEST_F(FilesHistoryTest, ATruncatedFileGivesWhatItHasAndThenAnError) {
  for (const bool gz : {true, false}) {
    const Bytes text = ndjson_of(make_trades(50'000, 1));
    const Bytes packed = gz ? gzip(text) : zstd(text);
    const std::string path = gz ? "/a/20131007.ndjson.gz" : "/b/20131007.ndjson.zst";
    write(path, packed.substr(0, packed.size() / 2));
    make(gz ? "/a/{day}.ndjson.gz" : "/b/{day}.ndjson.zst");
    const ReadAll all = read(days_, {}, 64_KiB);
    EXPECT_GT(all.names.size(), 1000U);
    EXPECT_EQ(all.complete_to, days_.start);
    ASSERT_TRUE(all.error);
    EXPECT_EQ(all.error->code, ErrorCode::kCorruption);
    EXPECT_EQ(all.error->message,
              "truncated: " + path.substr(3) + " at byte " + std::to_string(packed.size() / 2));
    // A cursor that failed stays failed.
    const auto cursor = history_->open({days_, {}, {}}).value();
    while (next_chunk(*cursor)) {
    }
    EXPECT_EQ(next_chunk(*cursor).error().code, ErrorCode::kCorruption);
  }
}

TEST_F(FilesHistoryTest, ADamagedFileIsCorrupt) {
  Bytes packed = gzip(ndjson_of(make_trades(50'000, 1)));
  packed[packed.size() - 5] ^= 1;  // its checksum
  write("/a/20131007.ndjson.gz", packed);
  make("/a/{day}.ndjson.gz");
  const ReadAll all = read(days_);
  ASSERT_TRUE(all.error);
  EXPECT_EQ(all.error->code, ErrorCode::kCorruption);
  EXPECT_THAT(all.error->message, StartsWith("corrupt: 20131007.ndjson.gz: gzip"));
}

/// A disk whose reads fail while it is told to.
class SickFiles final : public test::ForwardingFiles {
 public:
  using ForwardingFiles::ForwardingFiles;
  bool sick = false;

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    HC_TRY_ASSIGN(auto file, ForwardingFiles::open(path, mode));
    return std::unique_ptr<File>(std::make_unique<SickFile>(*this, std::move(file)));
  }

 private:
  class SickFile final : public test::ForwardingFile {
   public:
    SickFile(SickFiles& disk, std::unique_ptr<File> file)
        : ForwardingFile(std::move(file)), disk_(disk) {}
    Result<size_t> read_into(uint64_t offset, char* out, size_t size) override {
      if (disk_.sick) return unavailable("input/output error");
      return ForwardingFile::read_into(offset, out, size);
    }

   private:
    SickFiles& disk_;
  };
};

TEST_F(FilesHistoryTest, AFailingReadIsMadeAgainWhereItWas) {
  const auto trades = make_trades(20'000, 1);
  write("/a/20131007.ndjson", ndjson_of(trades));
  write("/a/20131008.ndjson.gz", gzip(ndjson_of({{"BTC", 1, kFirstMs + kDayMs}})));
  make("/a/{day}.ndjson*");
  SickFiles disk(files_);
  history_ = make_history(setup_->schema, setup_->source, disk, runtime_).value();
  const auto cursor = history_->open({ms_window(kFirstMs, kFirstMs + 2 * kDayMs), {}, {}}).value();
  size_t events = 0, failures = 0;
  for (bool end = false; !end;) {
    disk.sick = !disk.sick;
    const auto chunk = next_chunk(*cursor, 64_KiB);
    if (chunk) {
      events += chunk->events.size();
      end = chunk->end;
    } else {
      ++failures;
      EXPECT_EQ(chunk.error().code, ErrorCode::kUnavailable);
      EXPECT_THAT(chunk.error().message, StartsWith("unreadable: 2013100"));
    }
  }
  EXPECT_GT(failures, 5U);
  EXPECT_EQ(events, trades.size() + 1);
}

TEST_F(FilesHistoryTest, AFileThatIsGoneSinceTheListingIsNotFound) {
  write("/a/20131007.ndjson", ndjson_of({{"BTC", 1, kFirstMs}}));
  write("/a/20131008.ndjson", ndjson_of({{"BTC", 2, kFirstMs + kDayMs}}));
  make("/a/{day}.ndjson");
  const auto cursor = history_->open({days_, {}, {}}).value();
  EXPECT_EQ(next_chunk(*cursor)->events.size(), 1U);
  ASSERT_TRUE(files_.remove("/a/20131008.ndjson"));
  const auto gone = next_chunk(*cursor);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(gone.error().message, StartsWith("no-file: 20131008.ndjson"));
}

TEST_F(FilesHistoryTest, AMappedColumnThatTheHeaderLacksIsAnErrorEvenWhereItIsOptional) {
  write("/a/20131007.csv", "i,price,s,t\n1,1.5,BTC,1381104000000\n");
  make("/a/{day}.csv", [](HistoryConfig& history) { history.format.kind = FormatKind::kCsv; });
  setup_->schema.values[0].optional = true;
  history_ = make_history(setup_->schema, setup_->source, files_, runtime_).value();
  const ReadAll all = read(days_);
  ASSERT_TRUE(all.error);
  EXPECT_EQ(all.error->code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(all.error->message, StartsWith("wrong-columns: 20131007.csv has no column 'p'"));
}

TEST_F(FilesHistoryTest, RecordsThatAreNoEventsAreAnErrorNotAFill) {
  Bytes text;
  for (int i = 0; i < 2000; ++i)
    text += R"({"symbol":"BTC","i":1,"t":1381104000000,"p":1})"
            "\n";
  write("/a/20131007.ndjson", text);
  make("/a/{day}.ndjson");
  const ReadAll all = read(days_);
  ASSERT_TRUE(all.error);
  EXPECT_EQ(all.error->code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(all.error->message,
              AllOf(StartsWith("wrong-columns: 20131007.ndjson: none of its "), HasSubstr("'s'")));
  // A few bad ones among good ones are dead letters.
  write("/a/20131007.ndjson", ndjson_of({{"BTC", 1, kFirstMs}}) + "{}\n");
  const ReadAll some = read(days_);
  EXPECT_FALSE(some.error);
  EXPECT_EQ(some.names.size(), 1U);
  EXPECT_EQ(some.dead.size(), 1U);
}

// A day on which one event came, and came broken, has a dead letter; one on which every value is
// wrong has many; neither is a wrong mapping.
TEST_F(FilesHistoryTest, ValuesThatAreWrongAreDeadLetters) {
  write("/a/20131007.ndjson", R"({"s":"BTC","i":1,"t":1381104000000,"p":"NaN"})");
  make("/a/{day}.ndjson");
  const Window day = ms_window(kFirstMs, kFirstMs + kDayMs);
  EXPECT_FALSE(read(day).error);
  EXPECT_EQ(read(day).dead.size(), 1U);
  setup_->source.accept = ms_window(0, 1);
  history_ = make_history(setup_->schema, setup_->source, files_, runtime_).value();
  write("/a/20131007.ndjson", ndjson_of(make_trades(3000, 1)));
  EXPECT_FALSE(read(day).error);
  EXPECT_EQ(read(day).dead.size(), 3000U);
}

// What is assumed goes by the configured disorder, what is certain only by the end of the file.
TEST_F(FilesHistoryTest, AnUnsortedFileIsCompleteAtItsEndOnly) {
  std::vector<Trade> trades = make_trades(20'000, 1);
  std::swap(trades.front(), trades.back());
  write("/a/20131007.ndjson", ndjson_of(trades));
  make("/a/{day}.ndjson", [](HistoryConfig& history) { history.disorder = 1min; });
  const auto cursor = history_->open({days_, {}, {}}).value();
  const auto first = next_chunk(*cursor, 64_KiB);
  EXPECT_EQ(first->first_place, "20131007.ndjson");
  EXPECT_EQ(first->last_place, first->first_place);
  EXPECT_EQ(first->complete_to, days_.start);
  EXPECT_EQ(first->covered_to, at_ms(trades.front().ms) - 1min);
  EXPECT_FALSE(first->end);
  const ReadAll all = read(ms_window(kFirstMs, kFirstMs + kDayMs));
  EXPECT_EQ(all.names.size(), trades.size());
  EXPECT_EQ(all.complete_to, at_ms(kFirstMs + kDayMs));
}

// Identity by position: the same file and row name the same event, however files are interleaved.
TEST_F(FilesHistoryTest, RowsAreCountedByFileWhileFilesAreReadSideBySide) {
  std::vector<Trade> trades = make_trades(30'000, 1);
  for (const char* symbol : {"BTC", "ETH", "XRP"})
    write("/a/20131007-" + std::string(symbol) + ".csv", csv_of(of_day(trades, 0, symbol)));
  make("/a/{day}-{symbol}.csv", [](HistoryConfig& history) {
    history.format.kind = FormatKind::kCsv;
    history.event.id.clear();
    history.event.identity = IdentityKind::kPosition;
  });
  setup_->schema.identity = IdentityKind::kPosition;
  setup_->schema.id = {PartType::kText, PartType::kInt};
  history_ = make_history(setup_->schema, setup_->source, files_, runtime_).value();
  const auto cursor = history_->open({days_, {}, {}}).value();
  std::map<std::string, std::vector<int64_t>> rows;
  for (bool end = false; !end;) {
    const auto chunk = next_chunk(*cursor, 16_KiB);
    ASSERT_TRUE(chunk) << chunk.error().message;
    for (size_t i = 0; i < chunk->events.size(); ++i)
      rows[std::string(chunk->events.texts[static_cast<uint32_t>(chunk->events.id[0][i])])]
          .push_back(chunk->events.id[1][i]);
    end = chunk->end;
  }
  EXPECT_EQ(rows.size(), 3U);
  for (const auto& [object, numbers] : rows) {
    EXPECT_THAT(object, StartsWith("20131007/"));
    for (size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], static_cast<int64_t>(i) + 1);
  }
}

TEST_F(FilesHistoryTest, ItSaysWhatItIs) {
  make("/a/{day}.ndjson", [](HistoryConfig& history) { history.settle = 1h; });
  EXPECT_EQ(history_->describe(), "files /a/{day}.ndjson");
  EXPECT_EQ(history_->settle(), 1h);
}

TEST(OpenHistoryTest, ASourceWithoutAHistoryHasNone) {
  SimFileSystem files(1);
  const VirtualRuntime runtime(1);
  SourceConfig source;
  source.name = "trades";
  EXPECT_EQ(make_history({}, source, files, runtime).error().message,
            "source 'trades' has no [source.history]");
}

}  // namespace
}  // namespace hindcast
