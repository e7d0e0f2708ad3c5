// Drives the governor of the replay lane: 20 times a second it gathers what is measured of live,
// store and machine, lets the governor judge, and hands the answer to the job book.
//
//   live lanes, log, store, threads ──► Signals ──► Governor::tick ──► Allowance ──► JobBook
//                                          ▲ done, capacity, backlog ─────────────────┘
//
// Measured capacity and limits that an operator changed outlive a restart (values of the store's
// meta table; one that cannot be read is told of and begun anew).
//
// Thread safety: any thread, after open().
#pragma once
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/files.h"
#include "base/runtime.h"
#include "engine/service.h"
#include "replay/chain.h"
#include "replay/governor.h"
#include "replay/job_book.h"
#include "replay/limits_text.h"
#include "replay/queue_age.h"
#include "store/store.h"

namespace hindcast {

class ReplayGovernor {
 public:
  /// What only the rest of the program knows.
  struct LiveSignals {
    LatencyCounts apply;                 // append to applied, of the last five seconds
    uint64_t appended = 0, applied = 0;  // events, counted from the same beginning
    ByteCount replay_log;                // waiting there
    uint64_t late_events = 0;            // likewise
  };
  struct Places {
    const Config& config;
    FileSystem& files;
    Store& store;
    Runtime& runtime;
    JobBook& book;
    std::shared_ptr<Chain> chain;  // owners: the workers, and this
    std::function<LiveSignals()> live;
    std::function<void(bool)> starved;  // replay is allowed to go on and gets no CPU
  };
  /// Errors: of the store.
  static Result<std::unique_ptr<ReplayGovernor>> open(Places places);
  ~ReplayGovernor();  // stops

  void start();
  void stop();

  /// Holds at once and over restarts. Errors: as set_limit(); of the store.
  Result<Limits> change(const std::map<std::string, std::string>& changes);
  GovernorStatus status() const;

 private:
  ReplayGovernor(Places places, const Limits& configured, LimitChanges changes, Governor governor);
  void run(const std::stop_token& stop);
  void tick(MonoTime now);
  Signals measure(MonoTime now);
  void measure_slowly(MonoTime now);
  void tell(const Allowance& allowance);
  void save_capacity();

  const Places at_;
  const Limits configured_;
  mutable std::mutex mutex_;
  LimitChanges changes_;  // all below are guarded by mutex_
  Governor governor_;
  GovernorStatus status_;  // as of the last tick
  // Of the governor's thread alone.
  QueueAge queue_age_;
  MonoTime measured_slowly_ = MonoTime::min();
  Duration live_waited_{};  // of live threads for a CPU, since they began
  double cpu_pressure_ = 0;
  bool disk_full_ = false;
  bool storm_told_ = false;
  MonoTime saved_{};
  Capacity saved_capacity_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace hindcast
