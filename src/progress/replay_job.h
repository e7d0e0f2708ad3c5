// A replay job as the store keeps it: what was asked for, how far it has got, what it did.
//
//   queued ──► running ⇄ paused ──► done | failed | cancelled
//
// Progress is a set of windows whose content is committed, so any order of work and any number of
// workers is one small fact; a restart goes on with what is left of `range`.
//
// A value with its codec; no clock, no I/O.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "base/units.h"
#include "progress/coverage.h"

namespace hindcast {

using JobId = uint64_t;  // from 1, never reused

enum class ReplayOrder : uint8_t { kOldestFirst, kNewestFirst };

/// Law: read = added + duplicate + superseded + outside + dead_lettered.
struct ReplayCounts {
  uint64_t read = 0, added = 0, duplicate = 0, superseded = 0, outside = 0, dead_lettered = 0;
  uint64_t subwindows = 0;    // committed, or found equal
  uint64_t skipped_keys = 0;  // groups that ended at the digest compare
  uint64_t pages_changed = 0, rows_changed = 0;
  uint64_t bytes_read = 0, requests = 0;  // of history
  uint64_t bytes_written = 0;             // parts and rows
  ReplayCounts& operator+=(const ReplayCounts& o);
  bool operator==(const ReplayCounts&) const = default;
};

struct ReplayJob {
  enum class State : uint8_t { kQueued, kRunning, kPaused, kDone, kFailed, kCancelled };
  enum class Mode : uint8_t {
    kMerge,   // adds what is missing; of two records of one id the usual winner
    kRepair,  // as merge, but history wins over a differing record (its events carry the job as
              // their decision); removes nothing either
  };
  /// A window that history could not give; the job went on without it.
  struct SetAside {
    Window window;
    std::string reason;  // "truncated: …", "http-404: …", "unsorted: …"
    bool operator==(const SetAside&) const = default;
  };

  JobId id = 0;
  StreamId stream;
  SourceId source;          // whose [source.history] is read
  Window range;             // end may lie ahead of the frontier: the job follows it
  std::vector<Bytes> keys;  // canonical; empty = all
  Mode mode = Mode::kMerge;
  ReplayOrder order = ReplayOrder::kOldestFirst;
  std::optional<uint64_t> rate;  // events per second of this job, below the global one
  std::string cause;             // "operator", "reconnect", "sequence", "repair", …
  State state = State::kQueued;
  std::string reason;                               // why it failed or is paused, for people
  ProcessingTime created{}, started{}, finished{};  // zero = not yet
  std::vector<GapId> gaps;      // open when its reading began: what its fills close
  std::vector<Window> done;     // sorted, neither touching nor overlapping
  std::vector<Window> skipped;  // likewise: of `range`, what nobody asked for. In `done` from the
                                // beginning, and never read
  std::vector<SetAside> set_aside;  // by window
  ReplayCounts counts;
  Bytes account;  // where its time went (replay/job_account.h); "" = nobody said
  bool ended() const { return state >= State::kDone; }
  /// Opened for gaps, by nobody's word.
  bool automatic() const { return cause != "operator" && cause != "repair"; }
  bool operator==(const ReplayJob&) const = default;
};
std::string_view to_string(ReplayJob::State state);
std::string_view to_string(ReplayOrder order);

/// Adds a window to a sorted set of windows that neither touch nor overlap.
void add_window(std::vector<Window>& set, Window window);
/// What of `range` no window of `set` covers, in order.
std::vector<Window> left_of(Window range, const std::vector<Window>& set);

/// How much of its range is done, by time; absent for a range without end.
std::optional<double> share_done(const ReplayJob& job);

/// docs/formats/facts.md says the bytes.
Bytes encode(const ReplayJob& job);
/// Errors: kCorruption.
Result<ReplayJob> decode_replay_job(BytesView bytes);

}  // namespace hindcast
