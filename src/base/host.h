// Small facts of the host that are read once at the start: environment variables and small files
// (time zones, secrets, the configuration). Data files go through base/files.h.
#pragma once
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace hindcast {

/// The whole file. Errors: kNotFound (absent), kUnavailable (unreadable, or longer than
/// `size_max`).
Result<Bytes> read_host_file(const std::string& path, size_t size_max);
std::optional<std::string> environment_variable(const std::string& name);

}  // namespace hindcast
