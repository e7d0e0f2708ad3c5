#include "base/thread_class.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <string>

#include "base/give_way.h"
#include "base/host.h"

namespace hindcast {
namespace {

constexpr uint64_t kResetOnFork = 1;    // SCHED_FLAG_RESET_ON_FORK
constexpr uint64_t kSliceNs = 100'000;  // the shortest that the kernel takes
// Setting a timer takes a virtual machine 15 µs; a nap that ends before that is none.
constexpr long kNapNs = 20'000;

// As <linux/sched/types.h> has it, which clashes with <sched.h> in some versions.
struct SchedAttr {
  uint32_t size = sizeof(SchedAttr);
  uint32_t policy = SCHED_OTHER;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;  // of SCHED_OTHER: the slice
  uint64_t deadline = 0;
  uint64_t period = 0;
};
static_assert(sizeof(SchedAttr) == 48);

bool set(SchedAttr attr) { return ::syscall(SYS_sched_setattr, 0, &attr, 0) == 0; }

SchedAttr get() {
  SchedAttr attr;
  // The last argument is the flags; an old kernel without the call leaves the defaults.
  (void)::syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0);
  return attr;
}

/// The nice value that the thread has: classes do not change it.
int32_t nice_now() { return ::getpriority(PRIO_PROCESS, 0); }

bool has_short_slice(const SchedAttr& attr) {
  return attr.policy == SCHED_OTHER && attr.runtime == kSliceNs;
}

}  // namespace

std::string_view to_string(Scheduling held) {
  switch (held) {
    case Scheduling::kFifo:
      return "fifo";
    case Scheduling::kShortSlice:
      return "short-slice";
    case Scheduling::kNormal:
      return "normal";
    case Scheduling::kIdle:
      return "idle";
  }
  return "unknown";
}

Scheduling enter(ThreadClass wanted) {
  switch (wanted) {
    case ThreadClass::kLive:
      if (!set({.policy = SCHED_FIFO, .flags = kResetOnFork, .priority = kLivePriority}))
        (void)set({.policy = SCHED_OTHER,
                   .flags = kResetOnFork,
                   .nice = nice_now(),
                   .runtime = kSliceNs});
      break;
    case ThreadClass::kNormal:
      (void)set({.policy = SCHED_OTHER, .nice = nice_now()});
      break;
    case ThreadClass::kIdle:
      (void)set({.policy = SCHED_IDLE, .nice = nice_now()});
      break;
  }
  const Scheduling held = scheduling();
  using give_way_internal::Way;
  give_way_internal::turn = {.way = held == Scheduling::kIdle   ? Way::kYield
                                    : held == Scheduling::kFifo ? Way::kNap
                                                                : Way::kNone};
  return held;
}

void give_way_internal::let_others_go(Turn& turn) {
  if (turn.way == Way::kYield) {
    ::sched_yield();
    return;
  }
  const uint32_t sync = syncs_begun.load(std::memory_order_relaxed);
  const bool still = syncs_under_way.load(std::memory_order_relaxed) > 0 && sync == turn.sync;
  turn.sync = sync;
  if (!still) return;
  const timespec nap{.tv_sec = 0, .tv_nsec = kNapNs};
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, nullptr);
}

Scheduling scheduling() {
  const SchedAttr attr = get();
  if (attr.policy == SCHED_FIFO) return Scheduling::kFifo;
  if (attr.policy == SCHED_IDLE) return Scheduling::kIdle;
  return has_short_slice(attr) ? Scheduling::kShortSlice : Scheduling::kNormal;
}

int this_thread_number() { return ::gettid(); }

std::optional<ThreadLook> look_at_thread(int number) {
  const std::string folder = "/proc/self/task/" + std::to_string(number);
  const auto times = read_host_file(folder + "/schedstat", 200);  // ran, waited, slices
  const auto stat = read_host_file(folder + "/stat", 4'096);      // number (name) state …
  if (!times || !stat) return std::nullopt;
  const size_t name_end = stat->rfind(')');
  int64_t ran = 0;
  const auto parsed = std::from_chars(times->data(), times->data() + times->size(), ran);
  if (parsed.ec != std::errc() || name_end == Bytes::npos || name_end + 2 >= stat->size())
    return std::nullopt;
  return ThreadLook{(*stat)[name_end + 2] == 'R', Duration(ran)};
}

void name_this_thread(const char* name) { ::pthread_setname_np(::pthread_self(), name); }

}  // namespace hindcast
