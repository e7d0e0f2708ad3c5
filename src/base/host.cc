#include "base/host.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace hindcast {

Result<Bytes> read_host_file(const std::string& path, size_t size_max) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             std::fclose);
  if (!file) {
    if (errno == ENOENT || errno == ENOTDIR) return not_found(path + ": no such file");
    return unavailable(path + ": " + std::strerror(errno));
  }
  Bytes out;
  char buffer[16384];
  while (const size_t n = std::fread(buffer, 1, sizeof buffer, file.get())) {
    out.append(buffer, n);
    if (out.size() > size_max)
      return unavailable(path + ": longer than " + std::to_string(size_max) + " bytes");
  }
  if (std::ferror(file.get())) return unavailable(path + ": cannot be read");
  return out;
}

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

}  // namespace hindcast
