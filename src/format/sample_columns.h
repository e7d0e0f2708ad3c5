// A sample of somebody's data as columns, and what each column looks like: a time, an id, a key, a
// value. Guesses only: they become a configuration that a person reads.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "format/config.h"

namespace hindcast {

struct SampleColumn {
  std::string name;              // as a mapping names it
  size_t present = 0, null = 0;  // rows that have it; of them null or empty
  size_t texts = 0, numbers = 0, booleans = 0, nested = 0;
  size_t distinct = 0;
  bool all_numbers = false;  // every value reads as a finite number (quoted ones too)
  bool all_integers = false;
  unsigned whole_digits = 0, fraction_digits = 0;  // the most of any value
  bool exponents = false;                          // some value is written with one
  std::optional<TimeUnit> time_unit;               // every value reads as a time
  std::string time_pattern;                        // for kPattern
  int64_t first_time = 0, last_time = 0;           // Unix nanoseconds, smallest and largest
  std::string example;
  std::vector<uint64_t> hashes;  // of its text in each row, where every row has one
  bool optional(size_t rows) const { return null > 0 || present < rows; }
};

struct Sample {
  FormatConfig format;
  size_t rows = 0;
  std::vector<SampleColumn> columns;
};

/// Looks at up to 2,000 records. `whole`: `bytes` is all there is. Errors: kInvalidArgument (no
/// records to be seen).
Result<Sample> read_sample_columns(BytesView bytes, bool whole);

}  // namespace hindcast
