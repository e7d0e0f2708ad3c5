#include "replay/local_piece.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/assert.h"
#include "lane/remake.h"
#include "lane/replay_records.h"

namespace hindcast {

/// Where a chunk waits until the driver takes it.
struct LocalPiece::Box {
  std::mutex mutex;
  std::optional<Result<HistoryChunk>> chunk;  // guarded by mutex
};

LocalPiece::LocalPiece(const ReplayStream& stream, PieceOrder order)
    : stream_(stream),
      order_(std::move(order)),
      keys_(order_.job.keys),
      box_(std::make_shared<Box>()) {
  std::ranges::sort(keys_);
}

Result<std::unique_ptr<PieceWork>> LocalPiece::open(const ReplayStream& stream, History& history,
                                                    PieceOrder order,
                                                    std::function<Result<GapId>()> next_gap) {
  std::unique_ptr<LocalPiece> piece(new LocalPiece(stream, std::move(order)));
  const PieceOrder& at = piece->order_;
  HC_TRY_ASSIGN(piece->cursor_, history.open({.range = at.piece, .keys = piece->keys_}));
  piece->run_ = std::make_unique<PieceRun>(PieceRunOptions{
      .subwindow = {.schema = stream.schema,
                    .aggregates = stream.aggregates,
                    .partitions = stream.partitions,
                    .frontiers = at.frontiers,
                    .range = at.piece,
                    .keys = piece->keys_.empty() ? nullptr : &piece->keys_,
                    .cause = at.cause(),
                    .decision = at.job.mode == ReplayJob::Mode::kRepair ? at.job.id : 0,
                    .stream = stream.id,
                    .next_gap = std::move(next_gap)},
      .piece = at.piece,
      .events_max = at.events_max,
      .separate = at.separate});
  return std::unique_ptr<PieceWork>(std::move(piece));
}

void LocalPiece::read(ByteCount max, Done<Read> done) {
  cursor_->reuse(run_->take_spare());
  cursor_->next(max, [box = box_, done = std::move(done)](Result<HistoryChunk> chunk) {
    Result<Read> answer =
        chunk ? Result<Read>(Read{chunk->retry_after}) : Result<Read>(chunk.error());
    {
      const std::scoped_lock lock(box->mutex);
      box->chunk = std::move(chunk);
    }
    done(std::move(answer));
  });
}

void LocalPiece::take_read() {
  std::optional<Result<HistoryChunk>> chunk;
  {
    const std::scoped_lock lock(box_->mutex);
    chunk = std::exchange(box_->chunk, std::nullopt);
  }
  HC_ASSERT(chunk.has_value());
  run_->give(*std::move(chunk));
}

Status LocalPiece::read_heads(const PageReader& pages) {
  std::vector<PageHead> heads;
  for (const PageRange& range : run_->heads()) {
    HC_TRY(pages.heads(range, [&](const PageHead& head) {
      heads.push_back(head);
      return true;
    }));
  }
  run_->give_heads(std::move(heads));
  return {};
}

Status LocalPiece::read_parts(const PageReader& pages, ProcessingTime now) {
  std::vector<PageParts> read;
  for (const PageRead& page : run_->parts()) {
    HC_TRY_ASSIGN(PageParts parts,
                  read_for_merge(pages, page, Lane::kReplay, stream_.schema, stream_.aggregates));
    read.push_back(std::move(parts));
  }
  run_->give_parts(std::move(read), now);
  return {};
}

Result<std::vector<LogAppend>> LocalPiece::take_appends() {
  std::vector<LogAppend> out;
  for (const auto& [partition, rows] : run_->take_differing())
    put_replay_records(stream_.schema, {.partition = partition, .source = order_.job.source},
                       order_.job.id, rows, out);
  return out;
}

}  // namespace hindcast
