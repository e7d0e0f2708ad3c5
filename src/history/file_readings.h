// Several files read side by side in the order of their times: always the one that is least far.
// At most kOpenMax of them are open; one that was only looked into is closed again for one that is
// behind it, and begun again later.
//
// Of the files of the next day the beginning is read as well: as far as events of this one may be
// in it, `disorder` late.
//
//   waiting ──open──► open ──last byte──► done
//      ▲               │ only its first piece was read, and another file needs the place
//      └───────────────┘
//
// Thread safety: confined.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/runtime.h"
#include "format/decoder.h"
#include "history/decoding.h"
#include "history/file_content.h"
#include "history/history.h"
#include "net/path_template.h"

namespace hindcast {

class FileReadings {
 public:
  static constexpr size_t kOpenMax = 64;

  struct Parts {
    const StreamSchema& schema;
    const HistoryConfig& history;
    Decoder& decoder;
    FileSystem& files;
    const Runtime& runtime;
  };
  /// `known`: what the files' names say that they are about. `next`: files of the next day. `parts`
  /// and the matched files outlive it.
  FileReadings(Parts parts, Window known, const std::vector<const MatchedFile*>& matched,
               const std::vector<const MatchedFile*>& next);

  bool done() const { return done_ == readings_.size(); }
  /// Reads up to `size` bytes of content of one file and appends what is in them to `chunk`
  /// (events, dead letters, counts, cost). How many bytes. Errors as FileContent, with nothing
  /// appended; kInvalidArgument ("wrong-columns: …"; "outside-day: …", when more than one in a
  /// hundred events are not of the time the file is about), and `chunk` must not be used.
  Result<size_t> step(size_t size, HistoryChunk& chunk);
  /// Every event before this was handed over, if each file is as sorted as `disorder` says.
  EventTime covered_to() const;
  /// Of all events so far, of all files.
  std::optional<Window> times() const { return times_; }

 private:
  struct Reading {
    const MatchedFile* file;
    bool of_next_day;
    std::string name;  // for people
    ObjectCheck check;
    std::optional<FileContent> content;
    Bytes rest;             // content that the decoder did not take yet
    uint64_t consumed = 0;  // content that it took
    uint64_t row = 0;       // decoder's state behind that
    std::string header = {};
    uint64_t pieces = 0;  // read so far
    uint64_t events = 0, outside = 0;
    EventTime first_outside{};
    EventTime progress = kMinEventTime;
    bool done = false;
  };
  /// The least far file that is open or may be opened.
  Reading& choose();
  bool make_room();
  void point_decoder_at(Reading& reading);
  void close(Reading& reading);
  void look_at_times(Reading& reading, const std::vector<int64_t>& times, size_t first_new);
  Status check_day(const Reading& reading, bool end) const;

  const Parts parts_;
  const Window known_;
  std::vector<Reading> readings_;
  size_t done_ = 0, open_ = 0;
  const Reading* decoding_ = nullptr;  // whose delivery the decoder is in
  std::optional<Window> times_;
};

}  // namespace hindcast
