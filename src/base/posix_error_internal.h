// What a failed system call means to callers of base/files.h.
#pragma once
#include <string>

#include "base/result.h"

namespace hindcast {

/// Of errno: kNotFound, kOverloaded (no space), else kUnavailable.
Error errno_error(const char* what, const std::string& path);

}  // namespace hindcast
