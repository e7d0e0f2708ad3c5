// What the scheduler knows of a thread.
#pragma once

namespace hindcast {

/// At most 15 characters: what an operator sees in top.
void name_this_thread(const char* name);
/// Runs only when a CPU has nothing else to do. Needs no privilege; without effect where the system
/// has no such class.
void make_this_thread_idle();

}  // namespace hindcast
