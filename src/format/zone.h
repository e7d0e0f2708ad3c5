// Civil time of a time zone to Unix time, from the host's compiled zone files (TZif, RFC 8536), the
// same files that libc uses. g++ 12 has no std::chrono zones; docs/decisions/time-zones.md says why
// this is not a library.
//
// A value, immutable after load: any thread.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hindcast {

class Zone {
 public:
  /// UTC.
  Zone() = default;
  /// By IANA name ("America/New_York"); "UTC" needs no file. Errors: kNotFound naming the file and
  /// the package that has it.
  static Result<Zone> load(const std::string& name);
  /// From the bytes of a TZif file. Errors: kCorruption.
  static Result<Zone> parse(std::string_view tzif);

  /// Unix seconds of a civil second ("seconds since 1970-01-01T00:00:00 as the clock on the wall
  /// shows them"). A time that exists twice is the first of the two; one that was skipped counts on
  /// with the offset before the change.
  int64_t to_unix(int64_t civil_seconds) const;
  /// Seconds east of UTC at a Unix time.
  int32_t offset_at(int64_t unix_seconds) const;

 private:
  /// A yearly change by the POSIX rule "Mm.w.d/time".
  struct Change {
    int month = 0, week = 0, weekday = 0;
    int32_t second = 7200;
    int64_t civil_in(int64_t year) const;  // civil seconds at which the change happens in `year`
  };
  struct Footer {
    int32_t standard = 0, summer = 0;
    bool has_summer = false;
    Change to_summer, to_standard;
  };
  static bool parse_footer(std::string_view text, Footer& out);
  int32_t footer_offset(int64_t unix_seconds) const;

  std::vector<int64_t> transitions_;  // Unix seconds, ascending
  std::vector<int32_t> offsets_;      // in force from transitions_[i] on
  int32_t first_offset_ = 0;          // before the first transition
  bool has_footer_ = false;           // in force from the last transition on
  Footer footer_;
};

}  // namespace hindcast
