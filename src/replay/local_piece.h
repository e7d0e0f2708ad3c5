// A piece in work in this process: the cursor of a history, and the PieceRun that it feeds.
//
// Thread safety: confined to its driver; history may answer on any thread.
#pragma once
#include "history/history.h"
#include "replay/piece_work.h"

namespace hindcast {

class LocalPiece final : public PieceWork {
 public:
  /// `stream` outlives it, and so does `history`. `next_gap`: for what damaged pages lost; absent:
  /// such a page fails the piece. Errors: as History::open().
  static Result<std::unique_ptr<PieceWork>> open(const ReplayStream& stream, History& history,
                                                 PieceOrder order,
                                                 std::function<Result<GapId>()> next_gap);

  Need need() const override { return run_->need(); }
  void read(ByteCount max, Done<Read> done) override;
  void take_read() override;
  std::optional<Duration> retry_after() const override { return cursor_->retry_after(); }
  uint64_t asks_for() const override { return run_->asks_for(); }
  void allowed() override { run_->allowed(); }
  Status read_heads(const PageReader& pages) override;
  Status read_parts(const PageReader& pages, ProcessingTime now) override;
  Result<Commit> take_commit() override { return run_->take_commit(); }
  void committed(const CommitResult& result) override { run_->committed(result); }
  Result<std::vector<LogAppend>> take_appends() override;
  void routed(const ReplayCounts& counts) override { run_->routed(counts); }
  std::vector<SubwindowResult> take_results() override { return run_->take_results(); }
  Error failure() const override { return run_->failure(); }
  ByteCount memory() const override { return run_->memory(); }

 private:
  struct Box;
  LocalPiece(const ReplayStream& stream, PieceOrder order);

  const ReplayStream& stream_;
  const PieceOrder order_;
  std::vector<Bytes> keys_;         // sorted
  const std::shared_ptr<Box> box_;  // owners: this and the answer under way
  std::unique_ptr<Cursor> cursor_;
  std::unique_ptr<PieceRun> run_;
};

}  // namespace hindcast
