// A recorded data set, as `hindcast feed` serves it: whole in memory, in the order of its times.
//
// It shares no reader with sources and histories, only `format`: what they deliver can be compared
// with it. A value; read by any thread once made.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "format/config.h"

namespace hindcast {

struct FeedMapping {
  FormatKind format = FormatKind::kNdjson;  // kNdjson and kJson are read alike
  char delimiter = ',';                     // CSV
  std::vector<std::string> key;             // fields; several are joined with '/'
  TimeMapping time;
  std::string id;                // field with whole numbers; "" = the data has no ids
  std::string channel;           // field; "" = one channel, called "all"
  std::string seq_name = "seq";  // what the sequence number is called in what is served
};

struct FeedRecord {
  EventTime time{};
  uint32_t channel = 0, key = 0;
  uint64_t seq = 0;            // of its key, from 1, in the order of time
  uint64_t id = 0;             // the data's own; seq without one
  size_t begin = 0, size = 0;  // of its JSON object in `text`
};

struct FeedData {
  Bytes text;
  std::vector<FeedRecord> records;  // by time; those of one instant as they stood in the files
  std::vector<std::string> channels, keys;                // sorted
  std::vector<std::vector<uint32_t>> of_channel, of_key;  // their records, in order
  std::string seq_name;
  uint64_t left_out = 0;         // records without a readable key, time or id …
  std::string left_out_example;  // … and what was wrong with the first one

  std::string_view object(size_t record) const {
    return std::string_view(text).substr(records[record].begin, records[record].size);
  }
  /// The object with its sequence number in it.
  void append(size_t record, Bytes& out) const { append(object(record), record, out); }
  void append(std::string_view object, size_t record, Bytes& out) const;
  /// SIZE_MAX: none is called so.
  size_t find_channel(std::string_view name) const;
  size_t find_key(std::string_view name) const;
};

struct FeedFile {
  std::string name;  // for messages
  Bytes content;     // decompressed
};
/// Errors: kInvalidArgument: no record could be read, no CSV header, or a field is called like the
/// sequence number.
Result<FeedData> read_feed(std::vector<FeedFile> files, const FeedMapping& mapping);

}  // namespace hindcast
