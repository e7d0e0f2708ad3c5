// The proof of the demo: the rows after outage, kill and recovery against those of a daemon that
// nothing happened to, and against a recomputation that shares no code with either.
//
// Thread safety: confined to one thread.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/demo_data.h"
#include "cli/demo_programs.h"

namespace hindcast {

class DemoProof {
 public:
  DemoProof(std::string program, const DemoFolder& folder, const DemoSet& set)
      : program_(std::move(program)), folder_(folder), set_(set) {}

  /// Books of live and of all replays: received = pending + …, read = added + …, and both together
  /// every event once. Returns a line for people. Errors: kCorruption.
  Result<std::string> books(DemoServer& daemon);
  /// Runs a second daemon over the recorded files, undisturbed, to their end.
  Status run_undisturbed();
  /// Fetches all rows of both, as a user would; then every one is final, complete, and equal in
  /// key, window, events, digest and values. Returns their number. Errors: kCorruption.
  Result<uint64_t> compare(const DemoServer& daemon);
  /// Of the rows that compare() fetched; returns what it says.
  Result<std::string> recompute();
  /// Replays the whole stretch of every source once more: nothing may be written. Returns a line
  /// for people. Errors: kCorruption; kUnavailable when it does not end.
  Result<std::string> replay_again(DemoServer& daemon);

 private:
  using Rows = std::vector<std::string>;  // files
  Result<Rows> fetch(const std::string& name, const std::vector<std::string>& where);

  const std::string program_;
  const DemoFolder& folder_;
  const DemoSet& set_;
  Rows recovered_;
};

}  // namespace hindcast
