// Which class each thread of the daemon runs in, so that live does not feel a replay. Says once
// what was not permitted and how to permit it; the daemon goes on without.
//
//   live    lanes once the log was read again, the writer of the live log
//   idle    workers of replay, the background verifier; RocksDB's compactions (store)
//   normal  all others: the committer and replay's stage among them, because live waits for them
//
// Thread safety: any thread.
#pragma once
#include <atomic>
#include <string_view>

#include "base/thread_class.h"
#include "format/config.h"

namespace hindcast {

std::string_view to_string(IsolationKind kind);  // as configured

class Isolation {
 public:
  explicit Isolation(IsolationKind kind) : kind_(kind) {}

  // For the calling thread, at its begin. Nothing changes with kOff.
  void enter_live();
  void enter_replay();

  /// As live threads and replay threads have it; kNormal before the first of them entered.
  Scheduling live() const { return live_.load(std::memory_order_relaxed); }
  Scheduling replay() const { return replay_.load(std::memory_order_relaxed); }

 private:
  void say(Scheduling held);

  const IsolationKind kind_;
  std::atomic<bool> said_{false};  // by the first live thread
  // Written by threads that enter; figures.
  std::atomic<Scheduling> live_{Scheduling::kNormal}, replay_{Scheduling::kNormal};
};

}  // namespace hindcast
