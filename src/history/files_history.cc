#include "history/files_history.h"

#include <algorithm>
#include <set>

#include "base/assert.h"
#include "history/day_files.h"
#include "history/decoding.h"
#include "history/file_readings.h"
#include "model/key.h"

namespace hindcast {
namespace {

/// "gc_{contract}" with the parts of a path.
std::string filled(std::string text, const PathParts& parts) {
  for (const auto& [name, value] : parts) {
    const std::string placeholder = "{" + name + "}";
    for (size_t at = text.find(placeholder); at != std::string::npos;
         at = text.find(placeholder, at + value.size()))
      text.replace(at, placeholder.size(), value);
  }
  return text;
}

/// What the path of a file says about the keys of its events.
class PathKeys {
 public:
  PathKeys(const StreamSchema& schema, const EventMapping& event)
      : schema_(schema), event_(event) {}

  /// May the file hold events of `key`?
  bool may_hold(const MatchedFile& file, BytesView key) const {
    const auto parts = decode_key(schema_.key, key);
    if (!parts) return true;
    for (size_t i = 0; i < event_.key.size(); ++i) {
      if (!named_by_path(event_.key[i])) continue;
      const KeyPart& part = (*parts)[i];
      const std::string text = std::holds_alternative<int64_t>(part)
                                   ? std::to_string(std::get<int64_t>(part))
                                   : std::get<std::string>(part);
      if (text != filled(event_.key[i].text, file.parts)) return false;
    }
    return true;
  }
  /// Is the whole key in the path, so that each file has one?
  bool whole() const { return std::all_of(event_.key.begin(), event_.key.end(), named_by_path); }

 private:
  static bool named_by_path(const FieldRef& ref) { return ref.kind == FieldRef::Kind::kPathPart; }
  const StreamSchema& schema_;
  const EventMapping& event_;
};

struct Setup {
  StreamSchema schema;
  SourceConfig source;  // with a history
  FileSystem& files;
  const Runtime& runtime;

  const HistoryConfig& history() const { return *source.history; }
};

class FilesCursor final : public Cursor {
 public:
  FilesCursor(const Setup& setup, HistoryQuery query)
      : setup_(setup),
        query_(std::move(query)),
        path_keys_(setup.schema, setup.history().event),
        decoder_(make_decoder(setup.schema, as_source(setup.source))),
        complete_to_(query_.range.start) {
    std::sort(query_.keys.begin(), query_.keys.end());
  }

  void next(ByteCount max, Done<HistoryChunk> done) override {
    auto chunk = next_chunk(max);
    if (!chunk && chunk.error().code != ErrorCode::kUnavailable) failure_ = chunk.error();
    done(std::move(chunk));
  }
  void reuse(EventBatch spare) override { spare_ = std::move(spare); }

 private:
  Result<HistoryChunk> next_chunk(ByteCount max) {
    if (failure_) return *failure_;
    if (!listing_) {
      HC_TRY_ASSIGN(listing_, DayFiles::list(setup_.files, setup_.history()));
      units_ = listing_->units(query_.range);
    }
    HistoryChunk chunk{.events = std::exchange(spare_, {})};
    chunk.events.reset(setup_.schema);
    const uint64_t budget = std::max<uint64_t>(max.value, 1);
    uint64_t taken = 0;
    // A chunk is about one day, because what was asked of it is judged by day.
    while (taken < budget && unit_ < units_.size()) {
      const FileUnit& unit = units_[unit_];
      if (!readings_) begin(unit, chunk);
      if (readings_->done()) {
        finish(unit, chunk);
        if (taken > 0) break;
        continue;
      }
      const auto got = readings_->step(budget - taken, chunk);
      if (!got) {
        const ErrorCode code = got.error().code;
        if (taken == 0 || code == ErrorCode::kInvalidArgument) return got.error();
        // What was read before counts; the problem is met again by the next call, or kept for it.
        if (code != ErrorCode::kUnavailable) failure_ = got.error();
        break;
      }
      taken += *got;
      if (readings_->done()) {
        keep(unit, chunk);
        finish(unit, chunk);
        return finished(std::move(chunk));
      }
    }
    if (unit_ < units_.size()) keep(units_[unit_], chunk);
    return finished(std::move(chunk));
  }

  void keep(const FileUnit& unit, HistoryChunk& chunk) const {
    keep_asked(setup_.schema, unit.known, query_.range, query_.keys, chunk.events);
  }

  HistoryChunk finished(HistoryChunk chunk) const {
    chunk.complete_to = complete_to_;
    chunk.end = unit_ == units_.size() && !failure_;
    chunk.covered_to = complete_to_;
    if (readings_) {
      chunk.covered_to =
          std::max(complete_to_, std::min(readings_->covered_to(), units_[unit_].window.end));
    }
    return chunk;
  }

  /// Of `files`, those that may hold keys that were asked for; these keys are added to `found`.
  std::vector<const MatchedFile*> wanted(const std::vector<const MatchedFile*>& files,
                                         std::set<Bytes>& found) const {
    if (query_.keys.empty()) return files;
    std::vector<const MatchedFile*> out;
    for (const MatchedFile* file : files) {
      bool any = false;
      for (const Bytes& key : query_.keys) {
        if (!path_keys_.may_hold(*file, key)) continue;
        any = true;
        found.insert(key);
      }
      if (any) out.push_back(file);
    }
    return out;
  }

  void begin(const FileUnit& unit, HistoryChunk& chunk) {
    std::set<Bytes> found, ignored;
    const auto files = wanted(unit.files, found);
    if (unit.files.empty()) {
      chunk.missing.push_back({unit.window, {}, unit.missing});
    } else if (path_keys_.whole() && found.size() < query_.keys.size()) {
      HistoryChunk::Missing missing{unit.window, {}, "no-file: history has no file of this key"};
      std::set_difference(query_.keys.begin(), query_.keys.end(), found.begin(), found.end(),
                          std::back_inserter(missing.keys));
      chunk.missing.push_back(std::move(missing));
    }
    any_file_ = !files.empty();
    readings_.emplace(FileReadings::Parts{setup_.schema, setup_.history(), *decoder_, setup_.files,
                                          setup_.runtime},
                      unit.known, files, wanted(unit.next, ignored));
  }

  void finish(const FileUnit& unit, HistoryChunk& chunk) {
    if (!listing_->dated() && any_file_) find_edges(unit.window, chunk);
    readings_.reset();
    complete_to_ = unit.window.end;
    ++unit_;
  }

  /// Nothing in the names says what time the files are about; their events do. Whole page windows
  /// before the first and behind the last one are missing.
  void find_edges(const Window& asked, HistoryChunk& chunk) const {
    const auto times = readings_->times();
    if (!times) {
      chunk.missing.push_back({asked, {}, "no-events: the files of history are empty"});
      return;
    }
    const EventTime begin = align_down(times->start, setup_.schema.page_window);
    const EventTime end = window_of(times->end, setup_.schema.page_window).end;
    if (asked.start < begin) {
      chunk.missing.push_back({{asked.start, std::min(begin, asked.end)},
                               {},
                               "outside-files: history begins with " + to_rfc3339(times->start)});
    }
    if (end < asked.end) {
      chunk.missing.push_back({{std::max(end, asked.start), asked.end},
                               {},
                               "outside-files: history ends with " + to_rfc3339(times->end)});
    }
  }

  const Setup& setup_;
  HistoryQuery query_;
  const PathKeys path_keys_;
  const std::unique_ptr<Decoder> decoder_;
  std::optional<DayFiles> listing_;
  std::vector<FileUnit> units_;
  size_t unit_ = 0;
  std::optional<FileReadings> readings_;  // of units_[unit_]
  bool any_file_ = false;
  EventTime complete_to_;
  std::optional<Error> failure_;
  EventBatch spare_;  // for the next chunk
};

class FilesHistory final : public History {
 public:
  explicit FilesHistory(Setup setup) : setup_(std::move(setup)) {}

  Result<std::vector<Window>> pieces(Window range) override {
    HC_TRY_ASSIGN(const DayFiles listing, DayFiles::list(setup_.files, setup_.history()));
    std::vector<Window> out;
    // A page window that two days share is read with the later one, which then reads both.
    EventTime from = range.start;
    for (const FileUnit& unit : listing.units(range)) {
      const EventTime cut = align_down(unit.window.start, setup_.schema.page_window);
      if (cut <= from) continue;
      out.push_back({from, cut});
      from = cut;
    }
    if (from < range.end) out.push_back({from, range.end});
    return out;
  }

  Result<HistoryEstimate> estimate(const HistoryQuery& query) override {
    HC_TRY_ASSIGN(const DayFiles listing, DayFiles::list(setup_.files, setup_.history()));
    const PathKeys path_keys(setup_.schema, setup_.history().event);
    HistoryEstimate out;
    out.bytes = ByteCount{0};
    for (const FileUnit& unit : listing.units(query.range)) {
      for (const MatchedFile* file : unit.files) {
        const bool wanted =
            query.keys.empty() ||
            std::any_of(query.keys.begin(), query.keys.end(),
                        [&](const Bytes& key) { return path_keys.may_hold(*file, key); });
        if (!wanted) continue;
        const auto opened = setup_.files.open(file->path, OpenMode::kRead);
        if (!opened) return Error(opened.error()).with("unreadable");
        HC_TRY_ASSIGN(const uint64_t size, (*opened)->size());
        *out.bytes += ByteCount{size};
      }
    }
    return out;
  }

  Result<std::unique_ptr<Cursor>> open(HistoryQuery query) override {
    return std::unique_ptr<Cursor>(std::make_unique<FilesCursor>(setup_, std::move(query)));
  }

  Duration settle() const override { return setup_.history().settle; }
  std::string describe() const override { return "files " + setup_.history().path; }

 private:
  const Setup setup_;
};

}  // namespace

std::unique_ptr<History> make_files_history(const StreamSchema& schema, const SourceConfig& source,
                                            FileSystem& files, const Runtime& runtime) {
  HC_ASSERT(source.history && source.history->kind == HistoryConfig::Kind::kFiles);
  return std::make_unique<FilesHistory>(Setup{schema, source, files, runtime});
}

}  // namespace hindcast
