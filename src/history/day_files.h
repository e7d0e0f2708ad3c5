// Which files of a history hold which time. A template with a part {day} or {date} (and {hour}
// beside it) says so by name; without one, every file may hold anything.
//
//   archive/{day}/{symbol}.csv    day       files                 its window, in `day_zone`
//                                 20131007  BTC.csv, ETH.csv      [04:00Z, 04:00Z next day)
//                                 20131008  none: history does not have it
//
// A value, as of its listing.
#pragma once
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "base/time.h"
#include "format/config.h"
#include "format/zone.h"
#include "net/path_template.h"

namespace hindcast {

/// Files that belong together, and the time they are about.
struct FileUnit {
  Window window;                          // of the range that was asked for
  Window known;                           // all that its files are about
  std::string missing;                    // without files: why, for people
  std::vector<const MatchedFile*> files;  // in natural order
  /// Of the unit behind it: they begin with what came too late for this one, if whoever wrote them
  /// went by the time of arrival.
  std::vector<const MatchedFile*> next;
};

class DayFiles {
 public:
  /// Lists the folders. Errors: kNotFound ("no-file: …") when no file matches at all, kUnavailable
  /// when a folder cannot be read, kInvalidArgument (zone).
  static Result<DayFiles> list(FileSystem& files, const HistoryConfig& history);

  /// Units that tile `range`, in order. Days before the first and after the last file are one unit.
  std::vector<FileUnit> units(Window range) const;
  bool dated() const { return unit_seconds_ > 0; }

 private:
  Window window_of_unit(int64_t unit) const;
  std::string name_of_unit(int64_t unit) const;
  std::optional<int64_t> unit_of(const MatchedFile& file) const;

  Zone zone_;
  std::string day_part_;      // "day" or "date"
  int64_t unit_seconds_ = 0;  // a day or an hour of the clock on the wall; 0 = not dated
  std::vector<MatchedFile> files_;
  std::vector<int64_t> units_;  // of files_: its number since 1970-01-01, by the clock on the wall
};

}  // namespace hindcast
