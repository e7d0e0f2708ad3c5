#include "history/link_header.h"

#include <algorithm>

namespace hindcast {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

/// Parameters behind a link: does one say rel="next" (or rel=next, rel="next last")?
bool says_next(std::string_view parameters) {
  while (!parameters.empty()) {
    const size_t end = std::min(parameters.find(';'), parameters.size());
    const std::string_view parameter = trimmed(parameters.substr(0, end));
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
    const size_t equals = parameter.find('=');
    if (equals == std::string_view::npos ||
        !equal_ignoring_case(trimmed(parameter.substr(0, equals)), "rel"))
      continue;
    std::string_view value = trimmed(parameter.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    while (!value.empty()) {
      const size_t space = std::min(value.find(' '), value.size());
      if (equal_ignoring_case(value.substr(0, space), "next")) return true;
      value.remove_prefix(std::min(space + 1, value.size()));
    }
  }
  return false;
}

/// What stands in <…> of the link that says "next", in one header.
std::optional<std::string_view> find_next(std::string_view header) {
  for (size_t open; (open = header.find('<')) != std::string_view::npos;) {
    const size_t close = header.find('>', open);
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view target = header.substr(open + 1, close - open - 1);
    header.remove_prefix(close + 1);
    // Up to the next link: a comma that a "<" follows.
    size_t end = header.find(',');
    while (end != std::string_view::npos && !trimmed(header.substr(end + 1)).starts_with('<'))
      end = header.find(',', end + 1);
    if (says_next(header.substr(0, end))) return target;
  }
  return std::nullopt;
}

/// "https://example.com:8443"
std::string_view origin_of(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  return url.substr(0, url.find_first_of("/?#", scheme + 3));
}

std::string resolved(std::string_view target, std::string_view base) {
  if (target.find("://") != std::string_view::npos) return std::string(target);
  const std::string origin(origin_of(base));
  if (target.starts_with("//")) return origin.substr(0, origin.find("//")) + std::string(target);
  if (target.starts_with('/')) return origin + std::string(target);
  std::string_view path = base.substr(0, base.find_first_of("?#"));
  if (target.starts_with('?')) return std::string(path) + std::string(target);
  if (path.size() == origin.size()) return origin + "/" + std::string(target);
  return std::string(path.substr(0, path.rfind('/') + 1)) + std::string(target);
}

}  // namespace

Result<std::optional<std::string>> next_link(const HttpHeaders& headers, const std::string& url) {
  for (const auto& [name, value] : headers) {
    if (name != "link") continue;
    const auto target = find_next(value);
    if (!target) continue;
    std::string next = resolved(*target, url);
    if (!equal_ignoring_case(origin_of(next), origin_of(url)))
      return corruption("foreign-link: " + url + ": the next page is at " + next +
                        ", on another server");
    return std::optional(std::move(next));
  }
  return std::optional<std::string>();
}

}  // namespace hindcast
