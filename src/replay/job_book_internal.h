// What the book keeps of one job. Guarded by the book's mutex.
#pragma once
#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "replay/fills.h"
#include "replay/job_account.h"
#include "replay/job_book.h"
#include "replay/token_bucket.h"
#include "replay/windows.h"

namespace hindcast {

struct JobBook::Entry {
  explicit Entry(MonoTime now) : account(now) {}

  ReplayJob job;
  MonoTime not_before;
  bool preparing = false, prepared = false, showing = false;
  std::vector<Window> pieces;  // of the history
  Fills fills;
  struct Work {
    Window piece;
    Reason reason = Reason::kCompute;  // what its worker waits for
    bool held = false;                 // by the rate of its own job
    uint64_t expected = 0, read = 0;   // events
    std::vector<Window> unproved;      // committed, but not certain yet
  };
  std::vector<Work> work;  // given out
  struct Deaths {
    EventTime reached = kMinEventTime;  // committed up to here when the process died
    uint32_t there = 0;                 // how many got no further
  };
  std::map<EventTime, Deaths> deaths;  // by start of the piece that was worked at
  std::optional<TokenBucket> own_rate;
  uint64_t served = 0;
  bool wants = false;                    // a worker, or has one
  EventTime limit = kMaxEventTime;       // what may be read now lies before this
  Reason otherwise = Reason::kSchedule;  // why no worker is at it
  MonoTime blocked_since{};              // by the frontier; zero: it is not
  MonoTime saved_at{};
  JobAccount account;

  bool runs() const { return job.state == ReplayJob::State::kRunning; }
  bool waits() const { return job.state == ReplayJob::State::kQueued; }
  Work* find(const Window& piece) {
    const auto found = std::ranges::find(work, piece, &Work::piece);
    return found == work.end() ? nullptr : &*found;
  }
  /// What is committed of a piece is all there is of it.
  void prove(Work& at, std::vector<GapOutcome>& outcomes);
  /// What is committed, be it certain or only assumed to be all.
  std::vector<Window> committed() const {
    std::vector<Window> out = job.done;
    for (const Work& at : work) {
      for (const Window& window : at.unproved) add_window(out, window);
    }
    return out;
  }
  /// What is neither committed, nor given out, nor set aside.
  std::vector<Window> left() const {
    std::vector<Window> taken = job.done;
    for (const Work& at : work) add_window(taken, at.piece);
    for (const ReplayJob::SetAside& aside : job.set_aside) add_window(taken, aside.window);
    return left_of(job.range, taken);
  }
  /// What of left() lies in each piece of the history, by time, until `each` says false.
  template <class Each>
  void each_left(const Each& each) const {
    for (const Window& part : left()) {
      for (const Window& piece : pieces) {
        if (const Window at = common(part, piece); !empty(at) && !each(at)) return;
      }
    }
  }
  /// Its one reason, from what its workers wait for.
  void explain_at(MonoTime now) {
    std::vector<Reason> reasons;
    for (const Work& at : work) reasons.push_back(at.reason);
    account.because(explain(reasons, otherwise), now);
  }
  void idle_because(Reason reason, MonoTime now) {
    otherwise = reason;
    explain_at(now);
  }
};

}  // namespace hindcast
