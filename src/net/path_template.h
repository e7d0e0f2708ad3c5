// Which files a path template names: "data/{day}/{symbol}-*.csv.gz". A {name} stands for one or
// more characters of one path component and its text becomes part of the events' mapping; '*' and
// '?' are globs. Of several ways to match, each {name} and '*' takes as little as it can, from the
// left.
//
// Pure but for find_files, which lists folders.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace hindcast {

using PathParts = std::vector<std::pair<std::string, std::string>>;  // {name} -> its text

struct MatchedFile {
  std::string path;
  PathParts parts;
};

/// Matches one path component. Absent when it does not match; a {name} used twice must match equal
/// texts.
std::optional<PathParts> match_component(std::string_view pattern, std::string_view name);

/// Matches the last components of a path: as many as agree, at least the file's name. So a sample
/// that lies elsewhere still gives its name's parts.
std::optional<PathParts> match_end(std::string_view path_template, std::string_view path);

/// Digits compare as numbers: "day-9" before "day-10". A total order: equal only when bytewise
/// equal.
bool natural_less(std::string_view a, std::string_view b);

/// Files that match, in natural order of their paths. Folders that do not exist hold none.
/// Errors: kUnavailable when a folder cannot be read.
Result<std::vector<MatchedFile>> find_files(FileSystem& files, std::string_view path_template);

/// What people are shown of a path: from the first component with a wildcard on, at least its last
/// component.
std::string display_name(std::string_view path_template, std::string_view path);
/// Name for identity `position`: the {name} texts joined by '/', else the base name without
/// compression suffix.
std::string object_name(const MatchedFile& file);

}  // namespace hindcast
