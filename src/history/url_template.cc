#include "history/url_template.h"

#include "net/http_server.h"

namespace hindcast {
namespace {

/// Nanoseconds in units of `unit`, rounded towards the past or the future.
int64_t rounded(EventTime t, int64_t unit, bool up) {
  const int64_t ns = unix_ns(t);
  const int64_t down = ns / unit - (ns % unit < 0 ? 1 : 0);
  return down + (up && ns % unit != 0 ? 1 : 0);
}

std::string value_of(std::string_view name, const UrlValues& values) {
  constexpr int64_t kMilli = 1'000'000, kSecond = 1'000'000'000;
  const auto& [start, end] = values.window;
  if (name == "key") return std::string(values.key);
  if (name == "from") return to_rfc3339(start);
  if (name == "to") return to_rfc3339(end);
  if (name == "from_ms") return std::to_string(rounded(start, kMilli, false));
  if (name == "to_ms") return std::to_string(rounded(end, kMilli, true));
  if (name == "from_s") return std::to_string(rounded(start, kSecond, false));
  if (name == "to_s") return std::to_string(rounded(end, kSecond, true));
  if (name == "next_id") return std::to_string(values.next_id);
  if (name == "cursor") return std::string(values.cursor);
  return std::to_string(values.limit);
}

std::string without_empty_cursor(std::string text) {
  constexpr std::string_view kCursor = "={cursor}";
  const size_t query = text.find('?');
  const size_t at = text.find(kCursor);
  if (query == std::string::npos || at == std::string::npos || at < query) return text;
  const size_t begin = text.find_last_of("?&", at);
  const size_t end = at + kCursor.size();
  if (end == text.size()) return text.erase(begin);
  if (text[end] == '&') return text.erase(begin + 1, end - begin);
  return text;
}

}  // namespace

bool UrlTemplate::has(std::string_view variable) const {
  return text_.find("{" + std::string(variable) + "}") != std::string::npos;
}

std::string UrlTemplate::fill(const UrlValues& values) const {
  const std::string text = values.cursor.empty() ? without_empty_cursor(text_) : text_;
  std::string out;
  size_t from = 0;
  for (size_t open; (open = text.find('{', from)) != std::string::npos;) {
    const size_t close = text.find('}', open);
    if (close == std::string::npos) break;
    out.append(text, from, open - from);
    out +=
        percent_encode(value_of(std::string_view(text).substr(open + 1, close - open - 1), values));
    from = close + 1;
  }
  return out.append(text, from);
}

}  // namespace hindcast
