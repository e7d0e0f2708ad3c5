// What the scheduler knows of a thread: its name, and whom it goes before.
//
//   kLive    before everything else: SCHED_FIFO where that is permitted (CAP_SYS_NICE, or a
//   real-time
//            limit of kLivePriority), else a slice of 0.1 ms, which needs no right: a thread that
//            wakes goes before those that have used theirs up. Kernels before 6.12 know no slice.
//   kNormal  as any process.
//   kIdle    only when a CPU has nothing else to do. Needs no right; the way back to kNormal does,
//   so
//            an idle thread must hold no lock for long that a live one needs, nor be its only
//            helper.
//
// Threads that a live thread starts begin as normal ones; those of an idle thread are idle.
// Thread safety: each call is about the calling thread alone.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace hindcast {

constexpr int kLivePriority =
    10;  // of 99: above all of this program, below the kernel's own threads

enum class ThreadClass : uint8_t { kLive, kNormal, kIdle };
/// What holds in fact.
enum class Scheduling : uint8_t { kFifo, kShortSlice, kNormal, kIdle };
std::string_view to_string(Scheduling held);  // "fifo", "short-slice", "normal", "idle"

/// Enters the best of the class that is permitted. What cannot be had is no error: the thread goes
/// on as it was, and the answer says so.
Scheduling enter(ThreadClass wanted);
/// Of the calling thread.
Scheduling scheduling();

/// What any thread can see of another one of the process.
struct ThreadLook {
  bool ready = false;  // it runs, or could if a CPU were free
  Duration ran{};      // so far
};
int this_thread_number();
/// nullopt: it has ended, or the system does not say.
std::optional<ThreadLook> look_at_thread(int number);

/// At most 15 characters: what an operator sees in top.
void name_this_thread(const char* name);

}  // namespace hindcast
