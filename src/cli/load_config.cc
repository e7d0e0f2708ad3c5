#include "cli/load_config.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace hindcast {

std::optional<Config> load_config(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    std::fprintf(stderr,
                 "hindcast: cannot read %s: %s\n  'hindcast init FILE' writes one from a sample of "
                 "your data.\n",
                 path.c_str(), std::strerror(errno));
    return std::nullopt;
  }
  std::stringstream text;
  text << in.rdbuf();
  const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
  ConfigOutcome outcome = parse_config(text.str(), path, folder.string());
  if (!outcome.config) std::fprintf(stderr, "%s\n", to_string(outcome.problems, path).c_str());
  return std::move(outcome.config);
}

}  // namespace hindcast
