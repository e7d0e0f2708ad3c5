// A piece that is worked at in another process: each call goes over a channel, and while it is
// under way the process reads the store through here. What comes is checked before it is believed:
// a message that makes no sense ends the process, never this one.
//
// Thread safety: confined to its driver.
#pragma once
#include <functional>
#include <memory>

#include "history/request_budget.h"
#include "replay/piece_codec.h"
#include "replay/piece_work.h"

namespace hindcast {

/// How a process is talked to (engine/replay_process.h).
class PieceChannel {
 public:
  /// What the process asks while it works; the error of a question that makes no sense.
  using Answer = std::function<Result<Bytes>(wire::Ask ask, BytesView question)>;
  virtual ~PieceChannel() = default;
  /// Waits for the end of the call. Errors: the process is dead now.
  virtual Result<wire::Done> call(wire::Call call, BytesView content, const Answer& answer) = 0;
  /// Without an answer.
  virtual void tell(wire::Call call) = 0;
  /// What it said makes no sense: ends it.
  virtual void distrust(const Error& why) = 0;
  /// Set once it is dead.
  virtual std::optional<PieceWork::Lost> lost() const = 0;
};

class RemotePiece final : public PieceWork {
 public:
  struct Places {
    std::shared_ptr<PieceChannel> channel;  // owners: the process's supervisor, too
    const ReplayStream& stream;
    std::function<Result<GapId>()> next_gap;  // null: what damaged pages lost is no gap
    std::shared_ptr<RequestBudget> budget;    // of the history, for all processes; null: none
    std::function<MonoTime()> now;
  };
  /// Errors: the history's. Of a process that died: none, it is lost().
  static Result<std::unique_ptr<PieceWork>> open(Places places, const PieceOrder& order);
  ~RemotePiece() override;

  std::optional<Lost> lost() const override { return at_.channel->lost(); }
  Need need() const override { return state_.need; }
  void read(ByteCount max, Done<Read> done) override;
  void take_read() override;
  std::optional<Duration> retry_after() const override { return retry_after_; }
  uint64_t asks_for() const override { return state_.asks_for; }
  void allowed() override;
  Status read_heads(const PageReader& pages) override;
  Status read_parts(const PageReader& pages, ProcessingTime now) override;
  Result<Commit> take_commit() override;
  void committed(const CommitResult& result) override;
  Result<std::vector<LogAppend>> take_appends() override;
  void routed(const ReplayCounts& counts) override;
  std::vector<SubwindowResult> take_results() override;
  Error failure() const override { return state_.failure; }
  ByteCount memory() const override { return state_.memory; }

 private:
  RemotePiece(Places places, const PieceOrder& order);
  /// Errors: the process is dead.
  Result<wire::Done> call(wire::Call call, BytesView content, const PageReader* pages = nullptr);
  void say(wire::Call what, BytesView content);
  Result<Bytes> answer(wire::Ask ask, BytesView question, const PageReader* pages) const;
  bool mine(PartitionId partition) const;
  Status check(const Commit& commit) const;
  Status check(const std::vector<LogAppend>& appends) const;

  const Places at_;
  const Cause cause_;
  const SourceId source_;
  wire::PieceState state_;
  bool has_read_ = false;  // take_read() has something to take
  std::optional<Duration> retry_after_;
};

}  // namespace hindcast
