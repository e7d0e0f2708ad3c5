#include "net/path_template.h"

#include <algorithm>

#include "net/compression.h"

namespace hindcast {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool has_wildcard(std::string_view component) {
  return component.find_first_of("{*?") != std::string_view::npos;
}

std::vector<std::string_view> components(std::string_view path) {
  std::vector<std::string_view> out;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) out.push_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return out;
}

// Shortest first, with backtracking. Patterns are short and written by the operator.
bool match(std::string_view pattern, std::string_view name, PathParts& parts) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') {
    for (size_t taken = 0; taken <= name.size(); ++taken) {
      if (match(pattern.substr(1), name.substr(taken), parts)) return true;
    }
    return false;
  }
  const size_t close = pattern[0] == '{' ? pattern.find('}') : std::string_view::npos;
  if (close != std::string_view::npos) {
    const std::string_view part = pattern.substr(1, close - 1);
    const auto before =
        std::find_if(parts.begin(), parts.end(), [&](const auto& p) { return p.first == part; });
    if (before != parts.end()) {
      const std::string text = before->second;
      return name.starts_with(text) &&
             match(pattern.substr(close + 1), name.substr(text.size()), parts);
    }
    for (size_t taken = 1; taken <= name.size(); ++taken) {
      const size_t mark = parts.size();
      parts.emplace_back(part, name.substr(0, taken));
      if (match(pattern.substr(close + 1), name.substr(taken), parts)) return true;
      parts.resize(mark);
    }
    return false;
  }
  if (name.empty() || (pattern[0] != '?' && pattern[0] != name[0])) return false;
  return match(pattern.substr(1), name.substr(1), parts);
}

Status expand(FileSystem& files, const std::vector<std::string_view>& pattern, size_t at,
              const std::string& folder, const PathParts& parts, std::vector<MatchedFile>& out) {
  const auto join = [&](std::string_view name) {
    return folder.empty()  ? std::string(name)
           : folder == "/" ? "/" + std::string(name)
                           : folder + "/" + std::string(name);
  };
  const bool last = at + 1 == pattern.size();
  if (!has_wildcard(pattern[at])) {
    const std::string path = join(pattern[at]);
    if (!last) return expand(files, pattern, at + 1, path, parts, out);
    if (files.exists(path)) out.push_back({path, parts});
    return {};
  }
  const auto names = files.list(folder.empty() ? "." : folder);
  if (!names) {
    // A folder that is not there (yet), or a file where the template has a folder.
    if (names.error().code == ErrorCode::kNotFound || at > 0) return {};
    return names.error();
  }
  for (const auto& name : *names) {
    PathParts found = parts;
    if (name.empty() || (name[0] == '.' && pattern[at][0] != '.') ||
        !match(pattern[at], name, found))
      continue;
    const std::string path = join(name);
    if (!last) {
      HC_TRY(expand(files, pattern, at + 1, path, found, out));
    } else if (!files.list(path)) {  // a folder is no file, even if its name matches
      out.push_back({path, std::move(found)});
    }
  }
  return {};
}

}  // namespace

std::optional<PathParts> match_component(std::string_view pattern, std::string_view name) {
  PathParts parts;
  if (!match(pattern, name, parts)) return std::nullopt;
  return parts;
}

std::optional<PathParts> match_end(std::string_view path_template, std::string_view path) {
  const auto pattern = components(path_template), actual = components(path);
  PathParts parts;
  size_t matched = 0;
  while (matched < std::min(pattern.size(), actual.size())) {
    PathParts found = parts;
    if (!match(pattern[pattern.size() - 1 - matched], actual[actual.size() - 1 - matched], found))
      break;
    parts = std::move(found);
    ++matched;
  }
  if (matched == 0) return std::nullopt;
  return parts;
}

bool natural_less(std::string_view a, std::string_view b) {
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      const auto number = [](std::string_view text, size_t& at) {
        while (at < text.size() && text[at] == '0') ++at;
        const size_t begin = at;
        while (at < text.size() && digit(text[at])) ++at;
        return text.substr(begin, at - begin);
      };
      const std::string_view left = number(a, i), right = number(b, j);
      if (left.size() != right.size()) return left.size() < right.size();
      if (left != right) return left < right;
    } else {
      if (a[i] != b[j]) return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[j]);
      ++i;
      ++j;
    }
  }
  const size_t rest_a = a.size() - i, rest_b = b.size() - j;
  if (rest_a != rest_b) return rest_a < rest_b;
  return a < b;  // "07" and "7"
}

Result<std::vector<MatchedFile>> find_files(FileSystem& files, std::string_view path_template) {
  std::vector<MatchedFile> out;
  const auto pattern = components(path_template);
  if (pattern.empty()) return out;
  HC_TRY(expand(files, pattern, 0, path_template.starts_with('/') ? "/" : "", {}, out));
  std::sort(out.begin(), out.end(), [](const MatchedFile& a, const MatchedFile& b) {
    return natural_less(a.path, b.path);
  });
  return out;
}

std::string display_name(std::string_view path_template, std::string_view path) {
  const auto pattern = components(path_template);
  const auto actual = components(path);
  if (actual.empty()) return std::string(path);
  size_t first = actual.size() - 1;
  for (size_t i = 0; i < pattern.size() && i < first; ++i) {
    if (has_wildcard(pattern[i])) first = i;
  }
  std::string out;
  for (size_t i = first; i < actual.size(); ++i)
    out += (i == first ? "" : "/") + std::string(actual[i]);
  return out;
}

std::string object_name(const MatchedFile& file) {
  std::string out;
  for (const auto& [_, text] : file.parts) out += (out.empty() ? "" : "/") + text;
  if (!out.empty()) return out;
  const std::string_view path = file.path;
  const size_t slash = path.rfind('/');
  return std::string(
      without_compression_suffix(slash == std::string_view::npos ? path : path.substr(slash + 1)));
}

}  // namespace hindcast
