// How a thread of the idle class lets others go before it. The kernel takes a CPU from it for a
// live thread at once, but for its own workers often at the next tick only, 4 ms later, when our
// threads are in a group (a service, a session) and so compete with them as a group of usual
// weight; and a sync of the log waits for such a worker
// (docs/decisions/isolation.md). So code that idle threads run for long says now and then how much
// it has done, and the kernel gets to choose again.
//
// Nothing but time depends on it: threads of other classes, unless they asked for it, and the
// simulator go straight on.
// Thread safety: each call is about the calling thread alone.
#pragma once
#include <cstddef>

namespace hindcast {

namespace give_way_internal {
inline constexpr size_t kRows = 4'096;  // about 0.1 ms: a row is what takes 25 ns
struct Turn {
  bool gives = false;
  size_t rows = 0;  // since it gave way
};
inline thread_local constinit Turn turn;
void yield();
}  // namespace give_way_internal

/// From now on the calling thread gives way, whatever its class: for threads of a library that are
/// in no hurry.
inline void always_give_way() { give_way_internal::turn.gives = true; }

/// After work on so many rows. About 1 ns where there is nobody to give way to.
inline void give_way(size_t rows) {
  give_way_internal::Turn& turn = give_way_internal::turn;
  if (!turn.gives || (turn.rows += rows) < give_way_internal::kRows) return;
  turn.rows = 0;
  give_way_internal::yield();
}

}  // namespace hindcast
