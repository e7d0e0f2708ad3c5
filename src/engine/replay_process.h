// The process of one replay worker, and its supervisor: `isolation = "process"`. It is started when
// there is a piece to be worked at, and again after it died, with a backoff. What it was at is
// given back to the book of jobs (PieceWork::lost); what was committed counts. It never outlives
// the daemon: it ends with the channel, and is killed when the thread that started it ends.
//
//   ReplayProcess ── call ─►  process: history → merge → parts
//        │ no answer, nonsense, end of the channel: kill -9, and wait for it
//        └─► lost ─► backoff ─► started for the next piece
//
// Thread safety: one thread at a time; shut(), pid() and restarts() from any.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/child_process.h"
#include "base/frame_channel.h"
#include "base/rng.h"
#include "engine/remote_piece.h"
#include "source/backoff.h"

namespace hindcast {

/// Starts children from a thread of its own: a child begins in the class of the thread that starts
/// it and dies with that thread, and replay workers are idle ones. Thread safety: any thread.
class ChildStarter {
 public:
  ChildStarter();
  ~ChildStarter();
  Result<ChildProcess> start(const ChildProcessOptions& options);

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

class ReplayProcess final : public PieceChannel {
 public:
  struct Setup {
    std::vector<std::string> command;
    Bytes hello;                            // encoded wire::Hello
    std::shared_ptr<ChildStarter> starter;  // owners: all workers
    std::function<MonoTime()> now;
    uint64_t worker = 0;  // for people, and the seed of its backoff
    /// For each message of a call. A merge beside a busy live may take its time.
    Duration patience = 5min;
  };
  explicit ReplayProcess(Setup setup);

  /// Runs, or is started now; else lost() says why not.
  void ready();
  /// After a death: no piece is to be taken before this.
  MonoTime not_before() const { return not_before_; }
  /// Notices a death between calls.
  void look();
  /// Ends a call under way and starts nothing any more.
  void shut();
  std::optional<int> pid() const;
  uint64_t restarts() const { return restarts_.load(std::memory_order_relaxed); }

  Result<wire::Done> call(wire::Call call, BytesView content, const Answer& answer) override;
  void tell(wire::Call call) override;
  void distrust(const Error& why) override;
  std::optional<PieceWork::Lost> lost() const override { return lost_; }

 private:
  struct Running {
    ChildProcess child;
    FrameChannel channel;
  };
  Status start();
  Result<wire::Done> exchange(wire::Call call, BytesView content, const Answer& answer);
  void bury(bool on_it, const Error& why);

  const Setup setup_;
  Rng rng_;
  Backoff backoff_;
  MonoTime not_before_{};
  std::optional<PieceWork::Lost> lost_;
  std::atomic<uint64_t> restarts_{0};  // a figure
  mutable std::mutex mutex_;
  std::optional<Running> running_;  // set and reset under mutex_, by the one thread
  bool shut_ = false;               // guarded by mutex_
};

}  // namespace hindcast
