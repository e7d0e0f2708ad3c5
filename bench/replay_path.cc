// Replay into an embedded store: NDJSON bytes → decoder → PieceRun → pages and rows, committed. No
// log, no lane, no pace: what the machine can do.
#include <filesystem>
#include <future>
#include <thread>
#include <utility>

#include "base/posix_files.h"
#include "bench/paths.h"
#include "bench/workload.h"
#include "engine/catalog.h"
#include "format/decoder.h"
#include "replay/piece_run.h"
#include "store/embedded_store.h"

namespace hindcast::bench {
namespace {

constexpr size_t kChunkBytes = size_t{256} << 10;

/// The lines as a history in files hands them over. Every event of a chunk is later than those
/// before it, so all but the last time is covered.
class Chunks {
 public:
  Chunks(const Config& config, std::string_view lines)
      : schema_(config.streams.front().schema),
        decoder_(make_decoder(schema_, config.sources.front())),
        lines_(lines) {
    decoder_->begin({.name = "bench"});
  }
  HistoryChunk next(EventBatch spare) {
    HistoryChunk chunk{.events = std::move(spare)};
    chunk.events.reset(schema_);
    const std::string_view piece = lines_.substr(at_, kChunkBytes);
    Decoder::Counts counts;
    at_ += decoder_->decode(piece, at_ + piece.size() == lines_.size(), chunk.events, chunk.dead,
                            counts);
    chunk.spent.bytes = ByteCount{piece.size()};
    chunk.end = at_ == lines_.size();
    if (!chunk.events.empty()) chunk.covered_to = event_time_ns(chunk.events.time.back());
    return chunk;
  }

 private:
  const StreamSchema& schema_;
  const std::unique_ptr<Decoder> decoder_;
  const std::string_view lines_;
  size_t at_ = 0;
};

class Target {
 public:
  explicit Target(const std::string& folder)
      : config_(make_config(folder, "http", "", "5s")),
        store_(EmbeddedStore::open(files_, {.dir = folder + "/store"}).value()),
        catalog_(Catalog::open(config_, *store_, false).value()),
        stream_(catalog_.streams().begin()->second),
        aggregates_(catalog_.lane_aggregates(stream_.schema.name)) {}
  ~Target() { store_->close().value(); }

  const Config& config() const { return config_; }
  double bytes_written() const { return static_cast<double>(store_->health().bytes_written.value); }

  /// Everything lies behind the frontier. `next_chunk` gives the history.
  template <class NextChunk>
  ReplayCounts replay(NextChunk next_chunk) {
    SubwindowOptions options{
        .schema = stream_.schema, .aggregates = aggregates_, .partitions = stream_.partitions};
    for (const PartitionId partition : stream_.partitions)
      options.frontiers[partition] = {kMaxEventTime, 0};
    const EventTime start = event_time_ns(1'700'000'040'000'000'000);
    options.range = {start, start + 24h};
    options.cause = {Cause::Kind::kReplay, 1};
    PieceRun run({.subwindow = options, .piece = options.range});
    ReplayCounts counts;
    while (step(run, next_chunk)) {
      for (const SubwindowResult& result : run.take_results()) counts += result.counts;
    }
    for (const SubwindowResult& result : run.take_results()) counts += result.counts;
    return counts;
  }

 private:
  template <class NextChunk>
  bool step(PieceRun& run, NextChunk& next_chunk) {
    switch (run.need()) {
      case PieceRun::Need::kHistory:
        run.give(next_chunk(run.take_spare()));
        return true;
      case PieceRun::Need::kAllowance:
        run.allowed();
        return true;
      case PieceRun::Need::kHeads: {
        const auto snapshot = store_->snapshot().value();
        std::vector<PageHead> heads;
        for (const PageRange& range : run.heads()) {
          snapshot
              ->heads(range,
                      [&](const PageHead& head) {
                        heads.push_back(head);
                        return true;
                      })
              .value();
        }
        run.give_heads(std::move(heads));
        return true;
      }
      case PieceRun::Need::kParts: {
        const auto snapshot = store_->snapshot().value();
        std::vector<PageParts> pages;
        for (const PageRead& read : run.parts())
          pages.push_back(snapshot->page(read.key, Lane::kReplay).value());
        run.give_parts(std::move(pages), {});
        return true;
      }
      case PieceRun::Need::kCommit: {
        Commit commit = run.take_commit();
        commit.id = ++commits_;
        std::promise<CommitResult> answer;
        store_->commit(std::move(commit), [&](Result<CommitResult> result) {
          answer.set_value(std::move(result).value());
        });
        run.committed(answer.get_future().get());
        return true;
      }
      case PieceRun::Need::kAppend:  // on the route "separate" only
      case PieceRun::Need::kDone:
        return false;
      case PieceRun::Need::kFailed:
        std::fprintf(stderr, "replay: %s\n", run.failure().message.c_str());
        std::exit(1);
    }
    return false;
  }

  const Config config_;
  PosixFileSystem files_;
  const std::unique_ptr<EmbeddedStore> store_;
  const Catalog catalog_;
  const StreamInfo& stream_;
  const std::vector<LaneAggregate> aggregates_;
  CommitId commits_ = 0;
};

Sample measure(Target& target, const std::function<ReplayCounts()>& replay) {
  const double cpu = cpu_seconds(), wall = now_seconds(), bytes = target.bytes_written();
  const ReplayCounts counts = replay();
  return {.events = static_cast<double>(counts.read),
          .cpu = cpu_seconds() - cpu,
          .wall = now_seconds() - wall,
          .bytes_written = target.bytes_written() - bytes};
}

/// Until the store's threads have ended what the first replay left to them: it is no part of the
/// second one, and CPU time is that of all threads.
void wait_until_idle() {
  constexpr auto kLook = std::chrono::milliseconds(200);
  constexpr double kIdle = 0.002;  // CPU seconds in that time
  for (int looks = 0; looks < 100; ++looks) {
    const double cpu = cpu_seconds();
    std::this_thread::sleep_for(kLook);
    if (cpu_seconds() - cpu < kIdle) return;
  }
}

}  // namespace

Sample replay(const std::string& folder, std::string_view lines, Replay which) {
  Target target(folder);
  const auto from_bytes = [&] {
    return target.replay([chunks = std::make_shared<Chunks>(target.config(), lines)](
                             EventBatch spare) { return chunks->next(std::move(spare)); });
  };
  if (which == Replay::kFresh) return measure(target, from_bytes);
  from_bytes();
  wait_until_idle();
  if (which == Replay::kRepeated) return measure(target, from_bytes);
  std::vector<HistoryChunk> decoded;
  for (Chunks chunks(target.config(), lines); decoded.empty() || !decoded.back().end;)
    decoded.push_back(chunks.next({}));
  return measure(target, [&] {
    return target.replay(
        [next = size_t{0}, &decoded](EventBatch) mutable { return std::move(decoded[next++]); });
  });
}

}  // namespace hindcast::bench
