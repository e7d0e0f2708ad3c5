// What the embedded store costs: sealing buckets (rows and parts), small commits, reads. Figures
// are wall time; CPU is of the whole process, RocksDB's flushes and compactions included.
//
//   build/release/bin/hc_store_bench [--benchmark_filter=...]     files go to $TMPDIR
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <atomic>
#include <deque>
#include <filesystem>
#include <future>

#include "base/posix_files.h"
#include "base/rng.h"
#include "base/temp_folder_test_util.h"
#include "store/embedded_store.h"
#include "store/store_test_data.h"

namespace hindcast {
namespace {

constexpr uint16_t kSlots = 16;
constexpr size_t kStateBytes = 72;  // about an open/high/low/close/volume row of decimals

struct World {
  World() : store(EmbeddedStore::open(files, {.dir = folder.path()}).value()) {}
  TempFolder folder;
  PosixFileSystem files;
  std::unique_ptr<EmbeddedStore> store;
};

std::vector<Bytes> keys_of_slot(size_t keys) {
  std::vector<Bytes> out;
  for (size_t i = 0; i < keys / kSlots; ++i) {
    const std::string digits = std::to_string(100'000 + i);
    out.push_back("SYM" + digits + "USDT");
  }
  return out;
}

// One slice of a seal: a page's part, its rows, and the checkpoint.
Commit slice_of(const std::vector<Bytes>& keys, int64_t minute, uint16_t slot, Rng& rng) {
  const EventTime bucket = kTen + minute * 1min;
  Commit c{.id = static_cast<uint64_t>(minute * kSlots + slot + 1), .published_at = kSeen};
  c.pages.push_back(page_add(page_key(bucket, slot), 0, Bytes(keys.size() * 30, 'p')));
  c.rows.reserve(keys.size());
  Bytes state(kStateBytes, '\0');
  for (const Bytes& key : keys) {
    for (size_t i = 0; i < 24; i += 8) {
      const uint64_t random = rng.next();
      state.replace(i * 3, 8, reinterpret_cast<const char*>(&random), 8);
    }
    c.rows.push_back(row_of(row_key(key, bucket, slot), 1, state));
  }
  c.marks.push_back(mark_of(kTen, {}, slot));
  c.tallies.push_back({kSource, {.aggregated = keys.size() * 5}});
  c.checkpoint = checkpoint_of(1, static_cast<uint64_t>(minute), bucket);
  return c;
}

double rss_mib() {
  std::FILE* const f = std::fopen("/proc/self/statm", "r");
  long size = 0, resident = 0;
  if (f != nullptr) {
    (void)!std::fscanf(f, "%ld %ld", &size, &resident);
    std::fclose(f);
  }
  return static_cast<double>(resident) * 4096 / (1 << 20);
}

// Seals minute after minute, four slices in flight, as a lane does. Arg: keys.
void BM_Seal(benchmark::State& state) {
  World world;
  const std::vector<Bytes> keys = keys_of_slot(static_cast<size_t>(state.range(0)));
  Rng rng(1);
  int64_t minute = 0;
  uint64_t rows = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<Commit> commits;
    for (uint16_t slot = 0; slot < kSlots; ++slot)
      commits.push_back(slice_of(keys, minute, slot, rng));
    ++minute;
    state.ResumeTiming();
    std::deque<std::future<Result<CommitResult>>> answers;
    for (Commit& c : commits) {
      rows += c.rows.size();
      answers.push_back(give(*world.store, std::move(c)));
      if (answers.size() > 4) {
        answers.front().get().value();
        answers.pop_front();
      }
    }
    for (auto& answer : answers) answer.get().value();
  }
  state.SetItemsProcessed(static_cast<int64_t>(rows));
  state.counters["rows"] = static_cast<double>(rows);
  state.counters["bytes_per_row"] =
      static_cast<double>(world.store->health().bytes_written.value) / static_cast<double>(rows);
  state.counters["rss_mib"] = rss_mib();
}
BENCHMARK(BM_Seal)
    ->Arg(1'600)
    ->Arg(100'000)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->MinTime(5)
    ->Unit(benchmark::kMillisecond);

// One small commit at a time: what a late merge of one key waits.
void BM_SmallCommit(benchmark::State& state) {
  World world;
  uint64_t version = 0;
  for (auto _ : state) {
    PageAdd add = page_add(page_key(), version, Bytes(200, 'x'));
    add.folds_parts = version % 8 == 7;
    Commit c{.id = version + 1,
             .pages = {add},
             .rows = {row_of(row_key("a"), version + 1, Bytes(kStateBytes, 's'))}};
    commit(*world.store, std::move(c));
    ++version;
  }
}
BENCHMARK(BM_SmallCommit)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMicrosecond);

// Versions after the first: each row's old version is read and kept.
void BM_Republish(benchmark::State& state) {
  World world;
  const std::vector<Bytes> keys = keys_of_slot(100'000);
  Rng rng(1);
  commit(*world.store, slice_of(keys, 0, 0, rng));
  uint64_t version = 1, rows = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Commit c = slice_of(keys, 0, 0, rng);
    c.pages[0].expected = Version{version};
    c.pages[0].folds_parts = true;
    ++version;
    for (Row& row : c.rows) row.version = Version{version};
    state.ResumeTiming();
    rows += c.rows.size();
    commit(*world.store, std::move(c));
  }
  state.SetItemsProcessed(static_cast<int64_t>(rows));
}
BENCHMARK(BM_Republish)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);

// Arg: 0 = all rows of an hour of 16,000 keys, 1 = one key of them.
void BM_Read(benchmark::State& state) {
  World world;
  const std::vector<Bytes> keys = keys_of_slot(16'000);
  Rng rng(1);
  for (int64_t minute = 0; minute < 60; ++minute) {
    for (uint16_t slot = 0; slot < kSlots; ++slot)
      commit(*world.store, slice_of(keys, minute, slot, rng));
  }
  const auto s = snap(*world.store);
  RowQuery query = all_rows();
  if (state.range(0) == 1) {
    query.partition = kPartition;
    query.slot = 3;
    query.key = keys[keys.size() / 2];
  }
  uint64_t rows = 0;
  for (auto _ : state) {
    s->rows(query, [&](const Row&) { return ++rows, true; }).value();
  }
  state.SetItemsProcessed(static_cast<int64_t>(rows));
}
BENCHMARK(BM_Read)->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hindcast

BENCHMARK_MAIN();
