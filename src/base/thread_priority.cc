#include "base/thread_priority.h"

#include <pthread.h>
#include <sched.h>

namespace hindcast {

void name_this_thread(const char* name) { ::pthread_setname_np(::pthread_self(), name); }

void make_this_thread_idle() {
  const sched_param none{};
  (void)::pthread_setschedparam(::pthread_self(), SCHED_IDLE, &none);
}

}  // namespace hindcast
