// HC_ASSERT stays on in release builds: a wrong aggregate costs more than a restart. Assert what we
// control; what comes from disk, network or user gets an Error.
#pragma once

namespace hindcast {
[[noreturn]] void assert_failed(const char* condition, const char* file, int line);
}
#define HC_ASSERT(condition)                                                                     \
  (__builtin_expect(!(condition), 0) ? ::hindcast::assert_failed(#condition, __FILE__, __LINE__) \
                                     : (void)0)
