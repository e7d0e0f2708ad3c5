// How a thread lets the kernel's workers go before it: a sync of the log waits for one, on the CPU
// where the disk's last answer came in (docs/decisions/isolation.md). So code that runs for long
// says now and then how much it has done.
//
//   idle       yields every 0.1 ms. The kernel takes a CPU from it for a live thread at once, but
//              for its own workers often at the next tick only, 4 ms later, when our threads are in
//              a group (a service, a session) and so compete with them as a group of usual weight.
//   real-time  naps for 20 µs when a sync is still under way after 0.1 ms: nothing below it runs
//              otherwise, and sealing a page may take 40 ms.
//
// Nothing but time depends on it: threads of other classes, unless they asked for it, and the
// simulator go straight on.
// Thread safety: each call is about the calling thread alone.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace hindcast {

namespace give_way_internal {
enum class Way : uint8_t { kNone, kYield, kNap };
inline constexpr size_t kRows = 4'096;  // about 0.1 ms: a row is what takes 25 ns
struct Turn {
  Way way = Way::kNone;
  size_t rows = 0;    // since others could go
  uint32_t sync = 0;  // the last one that had begun then
};
inline thread_local constinit Turn turn;
inline constinit std::atomic<uint32_t> syncs_begun = 0, syncs_under_way = 0;
void let_others_go(Turn& turn);
}  // namespace give_way_internal

/// From now on the calling thread yields, whatever its class: for threads of a library that are in
/// no hurry.
inline void always_give_way() { give_way_internal::turn.way = give_way_internal::Way::kYield; }

/// While it lives, a file is being synced.
class SyncUnderWay {
 public:
  SyncUnderWay() {
    give_way_internal::syncs_begun.fetch_add(1, std::memory_order_relaxed);
    give_way_internal::syncs_under_way.fetch_add(1, std::memory_order_relaxed);
  }
  ~SyncUnderWay() { give_way_internal::syncs_under_way.fetch_sub(1, std::memory_order_relaxed); }
  SyncUnderWay(const SyncUnderWay&) = delete;
  SyncUnderWay& operator=(const SyncUnderWay&) = delete;
};

/// After work on so many rows. About 1 ns where there is nobody to give way to.
inline void give_way(size_t rows) {
  give_way_internal::Turn& turn = give_way_internal::turn;
  if (turn.way == give_way_internal::Way::kNone) return;
  if ((turn.rows += rows) < give_way_internal::kRows) return;
  turn.rows = 0;
  give_way_internal::let_others_go(turn);
}

}  // namespace hindcast
