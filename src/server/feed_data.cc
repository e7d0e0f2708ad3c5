#include "server/feed_data.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "format/json_paths.h"
#include "format/json_record.h"
#include "format/json_splitter.h"
#include "format/time_parser.h"
#include "format/value_parser.h"
#include "net/json_writer.h"

namespace hindcast {
namespace {

/// The cells of the row that begins at `at`, which is moved behind it (RFC 4180).
std::vector<std::string> read_row(BytesView text, size_t& at, char delimiter) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c != '"') {
        cells.back() += c;
      } else if (at + 1 < text.size() && text[at + 1] == '"') {
        cells.back() += '"';
        ++at;
      } else {
        quoted = false;
      }
    } else if (c == '"' && cells.back().empty()) {
      quoted = true;
    } else if (c == delimiter) {
      cells.emplace_back();
    } else if (c == '\n') {
      ++at;
      break;
    } else {
      cells.back() += c;
    }
  }
  if (!quoted && !cells.back().empty() && cells.back().back() == '\r') cells.back().pop_back();
  return cells;
}

/// Rows become objects with the header's names: numbers where a cell is one, null where it is
/// empty.
Result<Bytes> csv_to_json(const FeedFile& file, char delimiter) {
  size_t at = file.content.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  const std::vector<std::string> names = read_row(file.content, at, delimiter);
  if (names.size() == 1 && names[0].empty())
    return invalid_argument(file.name + ": its first line is no CSV header");
  Bytes out;
  while (at < file.content.size()) {
    const std::vector<std::string> cells = read_row(file.content, at, delimiter);
    if (cells.size() == 1 && cells[0].empty()) continue;
    JsonWriter json(out);
    json.begin_object();
    for (size_t i = 0; i < names.size() && i < cells.size(); ++i) {
      json.key(names[i]);
      if (cells[i].empty()) {
        json.null();
      } else if (is_json_number(cells[i])) {
        json.raw(cells[i]);
      } else {
        json.string(cells[i]);
      }
    }
    json.end_object();
    out.push_back('\n');
  }
  return out;
}

bool is_scalar(const Cell& cell) {
  return cell.kind == CellKind::kText || cell.kind == CellKind::kNumber ||
         cell.kind == CellKind::kBool;
}

class Reader {
 public:
  Reader(const FeedMapping& mapping, TimeParser time)
      : mapping_(mapping), time_(std::move(time)), paths_(paths_of(mapping)) {
    cells_.resize(fields_.size());
    data_.seq_name = mapping.seq_name;
  }

  /// The objects of `text`, which stays in the data.
  Status add(const std::string& file, BytesView text) {
    const size_t begin = data_.text.size();
    data_.text.append(text);
    data_.text.append(PaddedText::kPadding, '\n');
    BytesView rest = BytesView(data_.text).substr(begin, text.size());
    JsonSplitter splitter;
    for (uint64_t row = 1;; ++row) {
      const auto found = splitter.next(rest, true, SIZE_MAX);
      if (found.kind == JsonSplitter::Kind::kMore) return {};
      HC_TRY(add_record(found.text, file + ":" + std::to_string(row)));
    }
  }

  Result<FeedData> finish() {
    if (data_.records.empty()) {
      return invalid_argument("no record could be read" +
                              (data_.left_out == 0 ? "" : "; " + data_.left_out_example));
    }
    std::stable_sort(data_.records.begin(), data_.records.end(),
                     [](const FeedRecord& a, const FeedRecord& b) { return a.time < b.time; });
    const std::vector<uint32_t> channel = sorted(channels_, data_.channels);
    const std::vector<uint32_t> key = sorted(keys_, data_.keys);
    data_.of_channel.resize(channel.size());
    data_.of_key.resize(key.size());
    for (size_t i = 0; i < data_.records.size(); ++i) {
      FeedRecord& record = data_.records[i];
      record.channel = channel[record.channel];
      record.key = key[record.key];
      data_.of_channel[record.channel].push_back(static_cast<uint32_t>(i));
      data_.of_key[record.key].push_back(static_cast<uint32_t>(i));
      record.seq = data_.of_key[record.key].size();
      if (mapping_.id.empty()) record.id = record.seq;
    }
    return std::move(data_);
  }

 private:
  using Names = std::map<std::string, uint32_t, std::less<>>;

  /// Cells: the sequence number's name, time, key …, then id and channel where there are any.
  JsonPaths paths_of(const FeedMapping& mapping) {
    fields_ = {mapping.seq_name, mapping.time.field.text};
    const auto cell_of = [this](const std::string& name) {
      const auto at = std::find(fields_.begin(), fields_.end(), name);
      if (at == fields_.end()) {
        fields_.push_back(name);
        return fields_.size() - 1;
      }
      return static_cast<size_t>(at - fields_.begin());
    };
    for (const std::string& field : mapping.key) key_cells_.push_back(cell_of(field));
    if (!mapping.id.empty()) id_cell_ = cell_of(mapping.id);
    if (!mapping.channel.empty()) channel_cell_ = cell_of(mapping.channel);
    return JsonPaths(fields_);
  }

  Status add_record(BytesView object, const std::string& place) {
    std::fill(cells_.begin(), cells_.end(), Cell{});
    if (object.empty() || object[0] != '{' ||
        !record_.read({object.data(), object.size()}, paths_, cells_.data(), problem_))
      return leave_out(place + " is no JSON object");
    if (cells_[0].kind != CellKind::kMissing) {
      return invalid_argument(place + ": the data has a field '" + mapping_.seq_name +
                              "'; let --seq-name call the sequence number otherwise");
    }
    FeedRecord record;
    int64_t ns = 0;
    if (!is_scalar(cells_[1]) || time_.parse(cells_[1], "", ns) != TimeStatus::kOk)
      return leave_out(place + ": field '" + fields_[1] + "' is not " + time_.expected());
    record.time = event_time_ns(ns);
    std::string key;
    for (const size_t cell : key_cells_) {
      if (!is_scalar(cells_[cell]))
        return leave_out(place + ": field '" + fields_[cell] + "' of the key is missing");
      if (cell != key_cells_.front()) key += '/';
      key += cells_[cell].text;
    }
    if (!mapping_.id.empty()) {
      const std::string_view text = cells_[id_cell_].text;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), record.id);
      if (error != std::errc() || end != text.data() + text.size())
        return leave_out(place + ": field '" + mapping_.id + "' is no whole number");
    }
    std::string channel = "all";
    if (!mapping_.channel.empty()) {
      if (!is_scalar(cells_[channel_cell_]))
        return leave_out(place + ": field '" + mapping_.channel + "' is missing");
      channel = cells_[channel_cell_].text;
    }
    record.key = number_of(key, keys_);
    record.channel = number_of(channel, channels_);
    record.begin = static_cast<size_t>(object.data() - data_.text.data());
    record.size = object.size();
    data_.records.push_back(record);
    return {};
  }

  Status leave_out(std::string why) {
    if (data_.left_out++ == 0) data_.left_out_example = std::move(why);
    return {};
  }

  static uint32_t number_of(const std::string& name, Names& names) {
    return names.emplace(name, static_cast<uint32_t>(names.size())).first->second;
  }
  /// Old number -> place in order of names.
  static std::vector<uint32_t> sorted(const Names& names, std::vector<std::string>& out) {
    std::vector<uint32_t> place(names.size());
    for (const auto& [name, number] : names) {
      place[number] = static_cast<uint32_t>(out.size());
      out.push_back(name);
    }
    return place;
  }

  const FeedMapping& mapping_;
  TimeParser time_;
  std::vector<std::string> fields_;
  std::vector<size_t> key_cells_;
  size_t id_cell_ = 0, channel_cell_ = 0;
  JsonPaths paths_;
  std::vector<Cell> cells_;
  JsonRecord record_;
  Problem problem_;
  Names channels_, keys_;
  FeedData data_;
};

size_t find(const std::vector<std::string>& names, std::string_view name) {
  const auto at = std::lower_bound(names.begin(), names.end(), name);
  return at != names.end() && *at == name ? static_cast<size_t>(at - names.begin()) : SIZE_MAX;
}

}  // namespace

void FeedData::append(std::string_view object, size_t record, Bytes& out) const {
  out.append(object.substr(0, object.rfind('}')));
  out += ",\"" + seq_name + "\":" + std::to_string(records[record].seq) + '}';
}
size_t FeedData::find_channel(std::string_view name) const { return find(channels, name); }
size_t FeedData::find_key(std::string_view name) const { return find(keys, name); }

Result<FeedData> read_feed(std::vector<FeedFile> files, const FeedMapping& mapping) {
  HC_TRY_ASSIGN(TimeParser time, TimeParser::create(mapping.time));
  Reader reader(mapping, std::move(time));
  for (FeedFile& file : files) {
    if (mapping.format == FormatKind::kCsv) {
      HC_TRY_ASSIGN(file.content, csv_to_json(file, mapping.delimiter));
    }
    HC_TRY(reader.add(file.name, file.content));
    file.content = {};
  }
  return reader.finish();
}

}  // namespace hindcast
