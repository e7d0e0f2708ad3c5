#include "format/sample_columns.h"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/hash.h"
#include "format/json_flatten.h"
#include "format/json_splitter.h"
#include "format/time_parser.h"
#include "format/value_parser.h"

namespace hindcast {
namespace {

constexpr size_t kRecordsMax = 2000;
constexpr std::string_view kSpaces = " \t\r\n";

struct Raw {
  std::string text;
  CellKind kind;
};
/// Columns in order of first appearance.
class Table {
 public:
  void add(const std::string& name, Raw value) {
    const auto [at, fresh] = index_.try_emplace(name, columns_.size());
    if (fresh) columns_.push_back({name, {}});
    columns_[at->second].second.push_back(std::move(value));
  }
  size_t rows = 0;
  const std::vector<std::pair<std::string, std::vector<Raw>>>& columns() const { return columns_; }

 private:
  std::map<std::string, size_t> index_;
  std::vector<std::pair<std::string, std::vector<Raw>>> columns_;
};

BytesView next_line(BytesView& rest) {
  const size_t end = std::min(rest.find('\n'), rest.size());
  BytesView line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool flatten(BytesView record, Table& table) {
  std::string padded(record);
  padded.append(PaddedText::kPadding, '\0');
  std::vector<std::pair<std::string, Raw>> fields;
  const bool ok =
      flatten_json({padded.data(), record.size()}, [&](const std::string& path, const Cell& cell) {
        fields.emplace_back(path, Raw{std::string(cell.text), cell.kind});
      });
  if (!ok) return false;
  for (auto& [path, value] : fields) table.add(path, std::move(value));
  ++table.rows;
  return true;
}

/// One record a line? The first two lines decide.
bool is_ndjson(BytesView bytes) {
  Table ignored;
  BytesView rest = bytes;
  if (!flatten(next_line(rest), ignored)) return false;
  while (!rest.empty()) {
    const BytesView line = next_line(rest);
    if (line.find_first_not_of(kSpaces) == BytesView::npos) continue;
    return rest.empty() || flatten(line, ignored);  // the last line may be cut off
  }
  return true;
}

void read_json(BytesView bytes, bool whole, Sample& sample, Table& table) {
  if (is_ndjson(bytes)) {
    sample.format.kind = FormatKind::kNdjson;
    while (!bytes.empty() && table.rows < kRecordsMax) flatten(next_line(bytes), table);
    return;
  }
  sample.format.kind = FormatKind::kJson;
  JsonSplitter splitter;
  while (table.rows < kRecordsMax) {
    const auto found = splitter.next(bytes, whole, SIZE_MAX);
    if (found.kind == JsonSplitter::Kind::kMore) break;
    if (found.kind == JsonSplitter::Kind::kElement) flatten(found.text, table);
  }
  // One object with an array of objects in it is an envelope.
  if (table.rows != 1) return;
  for (const auto& [name, values] : table.columns()) {
    const std::string& text = values[0].text;
    const size_t inside = text.find_first_not_of(kSpaces, 1);
    if (values[0].kind != CellKind::kNested || inside == std::string::npos || text[inside] != '{')
      continue;
    Table inner;
    JsonSplitter elements;
    BytesView array = text;
    while (inner.rows < kRecordsMax) {
      const auto found = elements.next(array, true, SIZE_MAX);
      if (found.kind == JsonSplitter::Kind::kMore) break;
      if (found.kind == JsonSplitter::Kind::kElement) flatten(found.text, inner);
    }
    if (inner.rows > 1) {
      sample.format.each = name;
      table = std::move(inner);
      return;
    }
  }
}

std::vector<Raw> split_csv(BytesView line, char delimiter) {
  std::vector<Raw> out;
  for (size_t at = 0;;) {
    Raw cell{"", CellKind::kText};
    if (at < line.size() && line[at] == '"') {
      for (++at; at < line.size(); ++at) {
        if (line[at] == '"' && (at + 1 == line.size() || line[at + 1] != '"')) break;
        at += line[at] == '"';
        cell.text += line[at];
      }
      at = std::min(line.find(delimiter, at), line.size());
    } else {
      const size_t end = std::min(line.find(delimiter, at), line.size());
      cell.text = line.substr(at, end - at);
      if (cell.text.empty()) cell.kind = CellKind::kNull;
      at = end;
    }
    out.push_back(std::move(cell));
    if (at >= line.size()) return out;
    ++at;
  }
}

bool is_number(std::string_view text) {
  double value = 0;
  return parse_double(text, value) == ParseStatus::kOk;
}

void read_csv(BytesView bytes, bool whole, Sample& sample, Table& table) {
  sample.format.kind = FormatKind::kCsv;
  std::vector<BytesView> lines;
  while (!bytes.empty() && lines.size() <= kRecordsMax) {
    const bool last = bytes.find('\n') == BytesView::npos;
    const BytesView line = next_line(bytes);
    if (line.find_first_not_of(kSpaces) != BytesView::npos && (whole || !last || lines.empty()))
      lines.push_back(line);
  }
  // The delimiter that cuts all lines into equally many, and most, pieces.
  size_t most = 1;
  for (const char delimiter : {',', ';', '\t', '|'}) {
    const size_t columns = split_csv(lines[0], delimiter).size();
    const bool equal = std::all_of(
        lines.begin(), lines.begin() + static_cast<long>(std::min<size_t>(lines.size(), 20)),
        [&](BytesView l) { return split_csv(l, delimiter).size() == columns; });
    if (columns > most && equal) {
      most = columns;
      sample.format.delimiter = delimiter;
    }
  }
  // A header has names only: distinct, not empty, no numbers.
  std::vector<Raw> header = split_csv(lines[0], sample.format.delimiter);
  std::set<std::string> names;
  sample.format.header = std::all_of(header.begin(), header.end(), [&](const Raw& cell) {
    return cell.kind != CellKind::kNull && !is_number(cell.text) && names.insert(cell.text).second;
  });
  size_t nulls = 0;
  for (size_t i = sample.format.header; i < lines.size(); ++i) {
    auto cells = split_csv(lines[i], sample.format.delimiter);
    for (size_t c = 0; c < cells.size(); ++c) {
      nulls += cells[c].text == "NA";
      table.add(sample.format.header && c < header.size() ? header[c].text : std::to_string(c),
                std::move(cells[c]));
    }
    ++table.rows;
  }
  if (nulls > 0) sample.format.null_text = "NA";
}

constexpr std::string_view kPatterns[] = {"%Y-%m-%d %H:%M:%S",
                                          "%Y-%m-%d %H:%M:%S.%f",
                                          "%Y-%m-%dT%H:%M:%S",
                                          "%Y-%m-%dT%H:%M:%S.%f",
                                          "%Y-%m-%dT%H:%M:%S.%f%z",
                                          "%Y-%m-%dT%H:%M:%S%z",
                                          "%d/%b/%Y:%H:%M:%S %z",
                                          "%m/%d/%Y %H:%M:%S",
                                          "%d.%m.%Y %H:%M:%S",
                                          "%Y-%m-%d %H:%M",
                                          "%Y-%m-%d",
                                          "%Y%m%d"};

/// Every value is a time of this kind, between 1990 and 2100: numbers of other meanings seldom are.
bool all_times(const std::vector<const Raw*>& values, TimeMapping mapping, SampleColumn& column) {
  constexpr int64_t kFrom = 631'152'000'000'000'000, kTo = 4'102'444'800'000'000'000;
  auto parser = TimeParser::create(mapping);
  if (!parser) return false;
  int64_t low = INT64_MAX, high = INT64_MIN;
  for (const Raw* value : values) {
    int64_t time = 0;
    if (parser->parse({value->text, CellKind::kText}, "", time) != TimeStatus::kOk ||
        time < kFrom || time > kTo)
      return false;
    low = std::min(low, time);
    high = std::max(high, time);
  }
  column.time_unit = mapping.unit;
  column.time_pattern = mapping.pattern;
  column.first_time = low;
  column.last_time = high;
  return true;
}

void guess_time(const std::vector<const Raw*>& values, SampleColumn& column) {
  if (values.empty()) return;
  for (const TimeUnit unit : {TimeUnit::kRfc3339, TimeUnit::kSeconds, TimeUnit::kMilliseconds,
                              TimeUnit::kMicroseconds, TimeUnit::kNanoseconds}) {
    TimeMapping mapping;
    mapping.unit = unit;
    if (all_times(values, mapping, column)) return;
  }
  for (const std::string_view pattern : kPatterns) {
    TimeMapping mapping;
    mapping.unit = TimeUnit::kPattern;
    mapping.pattern = pattern;
    if (all_times(values, mapping, column)) return;
  }
}

void measure_number(std::string_view text, SampleColumn& column) {
  text = trim_spaces(text);
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  column.exponents = column.exponents || text.find_first_of("eE") != std::string_view::npos;
  const size_t point = std::min(text.find('.'), text.size());
  column.whole_digits = std::max(column.whole_digits, static_cast<unsigned>(point));
  if (point < text.size())
    column.fraction_digits =
        std::max(column.fraction_digits, static_cast<unsigned>(text.size() - point - 1));
}

/// A mapping reads "$file" and "{day}" as something else, and TOML is UTF-8.
bool is_mappable(const std::string& name) {
  return !name.empty() && name[0] != '$' && name.find('{') == std::string::npos &&
         simdjson::validate_utf8(name.data(), name.size());
}

SampleColumn describe(const std::string& name, const std::vector<Raw>& raw,
                      const std::string& null_text, size_t rows) {
  SampleColumn column;
  column.name = name;
  column.present = raw.size();
  std::set<std::string_view> distinct;
  std::vector<const Raw*> values;
  column.all_numbers = column.all_integers = true;
  for (const Raw& cell : raw) {
    if (cell.kind == CellKind::kNull || (!null_text.empty() && cell.text == null_text)) {
      ++column.null;
      continue;
    }
    values.push_back(&cell);
    distinct.insert(cell.text);
    column.hashes.push_back(hash64(cell.text));
    column.texts += cell.kind == CellKind::kText;
    column.numbers += cell.kind == CellKind::kNumber;
    column.booleans += cell.kind == CellKind::kBool;
    column.nested += cell.kind == CellKind::kNested;
    int64_t whole = 0;
    column.all_numbers =
        column.all_numbers && cell.kind != CellKind::kNested && is_number(cell.text);
    column.all_integers =
        column.all_integers && parse_integer(cell.text, whole) == ParseStatus::kOk;
    if (column.all_numbers) measure_number(cell.text, column);
  }
  column.distinct = distinct.size();
  if (column.hashes.size() != rows) column.hashes.clear();
  if (values.empty()) column.all_numbers = column.all_integers = false;
  if (!values.empty()) column.example = values[0]->text;
  if (column.nested == 0 && column.booleans == 0) guess_time(values, column);
  return column;
}

}  // namespace

Result<Sample> read_sample_columns(BytesView bytes, bool whole) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  const size_t first = bytes.find_first_not_of(kSpaces);
  if (first == BytesView::npos) return invalid_argument("the sample is empty");
  bytes.remove_prefix(first);
  Sample sample;
  Table table;
  if (bytes[0] == '{' || bytes[0] == '[') {
    read_json(bytes, whole, sample, table);
  } else {
    read_csv(bytes, whole, sample, table);
  }
  if (table.rows == 0)
    return invalid_argument(
        "the sample holds no records: neither JSON (an object or array for each event) nor CSV");
  sample.rows = table.rows;
  for (const auto& [name, values] : table.columns()) {
    if (is_mappable(name))
      sample.columns.push_back(describe(name, values, sample.format.null_text, table.rows));
  }
  return sample;
}

}  // namespace hindcast
