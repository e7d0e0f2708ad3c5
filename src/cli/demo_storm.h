// The storm of the demo: eight sources come back at once and have all lost the same hours, while
// 100,000 events a second come in live. What live feels, as its sender sees it, once with replay as
// everybody does it, and once governed.
//
// Thread safety: confined to one thread (the load runs on one of its own).
#pragma once
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "cli/demo_programs.h"

namespace hindcast {

enum class StormKind : uint8_t {
  kUngoverned,  // all at once, as fast as it goes, no class of threads, no valve
  kGoverned,    // as configured by default
};

/// Of one run.
struct StormResult {
  std::optional<Duration> before, during, after;  // 99 % of pushes are acknowledged within this
  double events_per_second = 0;                   // of all replays together
  Duration took{};                                // until the last one was done
  std::string reasons;                            // "rate 81 %, store 12 %": of all their time
};

class DemoStorm {
 public:
  static constexpr uint64_t kLiveRate = 100'000;  // events per second

  DemoStorm(std::string program, const DemoFolder& folder)
      : program_(std::move(program)), folder_(folder) {}

  /// Writes what the eight have lost. Errors: kUnavailable.
  Status write_history();
  uint64_t events() const;  // of all eight

  /// A daemon of its own, from its start to its end. Errors: kUnavailable; kCorruption when
  /// something is lost or counted twice.
  Result<StormResult> run(StormKind kind);

 private:
  const std::string program_;
  const DemoFolder& folder_;
};

/// The table of the runs, for people.
std::string storm_table(const std::optional<StormResult>& ungoverned,
                        const std::optional<StormResult>& governed);

}  // namespace hindcast
