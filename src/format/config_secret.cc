// Secrets do not stand in a file that is shown around: the configuration names where they are.
#include <algorithm>

#include "base/host.h"
#include "format/config_parser_internal.h"

namespace hindcast {
namespace {

constexpr size_t kSecretMax = 64 * 1024;

bool is_header_name(std::string_view name) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

}  // namespace

Result<std::optional<std::string>> find_secret(const std::string& text, const std::string& folder) {
  std::string secret;
  if (text.starts_with("env:")) {
    const auto value = environment_variable(text.substr(4));
    if (!value)
      return not_found("names the environment variable " + text.substr(4) +
                       ", which is not set; export it before the start");
    secret = *value;
  } else if (text.starts_with("file:")) {
    const auto bytes = read_host_file(resolve_path(text.substr(5), folder), kSecretMax);
    if (!bytes) return not_found("cannot be read: " + bytes.error().message);
    secret = *bytes;
  } else {
    return std::optional<std::string>();
  }
  while (!secret.empty() &&
         (secret.back() == '\n' || secret.back() == '\r' || secret.back() == ' '))
    secret.pop_back();
  if (secret.empty()) return not_found("names an empty secret (" + text + ")");
  return std::optional(std::move(secret));
}

void read_headers(Section& section, std::string_view key, const std::string& folder,
                  std::map<std::string, std::string>& headers, Problems& problems) {
  const TomlNode* table = section.find(key);
  if (table == nullptr) return;
  if (table->kind != TomlNode::Kind::kTable)
    return section.problem(key, "must be a table",
                           "for example: { Authorization = \"env:API_TOKEN\" }");
  for (const auto& [name, node] : table->members) {
    const auto fail = [&, line = node.line, header = name](const std::string& why) {
      problems.push_back({line, "header '" + header + "' in " + section.shown() + " " + why, ""});
    };
    if (!is_header_name(name)) fail("is no name of a header");
    if (node.kind != TomlNode::Kind::kText) {
      fail("must be a text, not " + std::string(node.kind_name()));
      continue;
    }
    auto secret = find_secret(node.text, folder);
    if (!secret) {
      fail(secret.error().message);
      continue;
    }
    std::string value = secret->value_or(node.text);
    if (value.find_first_of("\r\n") != std::string::npos) fail("has a line break in its value");
    headers[name] = std::move(value);
  }
}

}  // namespace hindcast
