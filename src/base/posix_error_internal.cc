#include "base/posix_error_internal.h"

#include <cerrno>
#include <system_error>

namespace hindcast {

Error errno_error(const char* what, const std::string& path) {
  const int e = errno;
  const std::string message =
      path + ": " + what + ": " + std::error_code(e, std::generic_category()).message();
  if (e == ENOENT) return not_found(message);
  if (e == ENOSPC || e == EDQUOT) return overloaded(message);
  return unavailable(message);
}

}  // namespace hindcast
