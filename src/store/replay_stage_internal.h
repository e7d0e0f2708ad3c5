// Replay's way to the committer, on a thread of its own: parts of its commits are written and
// synced here, at no more than a rate, and its answers are given here. So the committer, which live
// shares, neither waits for the pace of replay, nor for a replay thread that holds a mutex and gets
// no CPU.
//
//   add() ──► queue ──► store-replay: paces, writes parts ──► forward() ──► committer
//                            │  ▲                                              │
//                 done() ◄───┘  └────────────────── answer() ◄─────────────────┘
//
// Commits are forwarded in the order given. A full disk holds them here as the committer holds
// those of live.
//
// Thread safety: any thread. Its thread is a normal one: what waits for it may be idle, it may not.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/pacer.h"
#include "store/part_files.h"
#include "store/store.h"

namespace hindcast::embedded {

/// A commit on its way.
struct Pending {
  Commit commit;
  Done<CommitResult> done;
  ByteCount size;
  std::vector<PartRef> places;  // of the parts of a replay's, once they are written
};

class ReplayStage {
 public:
  struct Places {
    PartFiles& parts;
    ByteCount rate;                   // per second; 0 = no pace
    ByteCount group_bytes;            // commits beyond these wait for the sync after
    Duration retry_first, retry_max;  // on a full disk
    std::function<MonoTime()> now;
    std::function<void(Pending)> forward;
    std::function<void()> forwarded_all;  // after finish(): nothing more will come
    /// The store cannot go on: what its callers are told.
    std::function<Error(const Error&)> fail;
  };
  explicit ReplayStage(Places places);
  ~ReplayStage();  // without finish(): as if the process died

  /// False: it is finishing.
  bool add(Pending& pending);
  /// Of one that was forwarded. `done` runs on the stage's thread, where the commit's memory goes
  /// too.
  void answer(Pending pending, Result<CommitResult> result);
  /// Runs something short there, soon, and waits for it: for callers that may be idle threads.
  void run(const std::function<void()>& task);
  /// Forwards what was added, without pace.
  void finish();
  /// After finish(), once all that was forwarded is answered.
  void join();

  bool stalled() const { return stalled_.load(std::memory_order_relaxed); }
  size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
  using Lock = std::unique_lock<std::mutex>;
  void loop(const std::stop_token& stop);
  std::vector<Pending> take();
  void stage(std::vector<Pending> group, const std::stop_token& stop);
  Status write(std::vector<Pending>& group, const std::stop_token& stop);
  Status pace(ByteCount bytes, const std::stop_token& stop);
  bool wait_until(Lock& lock, MonoTime when, const std::stop_token& stop);
  void run_tasks(Lock& lock);
  void refuse(std::vector<Pending> group, const Error& error);

  const Places at_;
  Pacer pacer_;  // of the thread
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Pending> queue_;                 // guarded by mutex_, as all below
  std::vector<std::function<void()>> tasks_;  // answers and run()
  bool finishing_ = false;
  bool all_forwarded_ = false;
  // Figures for others; written under mutex_ or by the thread.
  std::atomic<size_t> waiting_{0};  // given and not answered
  std::atomic<bool> stalled_{false};
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace hindcast::embedded
