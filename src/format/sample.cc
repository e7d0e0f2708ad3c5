#include "format/sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "format/config_section.h"
#include "format/sample_columns.h"

namespace hindcast {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

/// How well a column's name fits a role: exactly one of the words, containing one, or not at all.
int name_score(const std::string& name, std::initializer_list<std::string_view> words) {
  const std::string whole = lower(name);
  const std::string last = whole.substr(whole.rfind('.') + 1);
  int score = 0;
  for (const std::string_view word : words) {
    if (last == word) score = std::max(score, 3);
    if (word.size() > 2 && whole.find(word) != std::string::npos) score = std::max(score, 2);
  }
  return score;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

/// For a comment: short, and printable ASCII whatever came in.
std::string comment(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 40)) out += c >= 0x20 && c < 0x7f ? c : '?';
  return text.size() > 40 ? out + "..." : out;
}

/// A name for TOML and functions, from a column's.
std::string value_name(const std::string& column, const std::vector<std::string>& taken) {
  std::string out;
  for (const char c : lower(column.substr(column.rfind('.') + 1)))
    out += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_';
  out.resize(std::min<size_t>(out.size(), 40));
  if (!is_name(out)) out = "value_" + out;
  std::string unique = out;
  for (int n = 2; std::find(taken.begin(), taken.end(), unique) != taken.end(); ++n)
    unique = out + "_" + std::to_string(n);
  return unique;
}

std::string stem_of(const std::string& path) {
  std::string out;
  for (const char c : path.substr(path.rfind('/') + 1)) {
    if (c == '.') break;
    out += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                   c == '-'
               ? c
               : '_';
  }
  out.resize(std::min<size_t>(out.size(), 40));
  if (!is_name(out)) out = "events_" + out;
  return is_name(out) ? out : "events";
}

class Guess {
 public:
  Guess(const SampleInput& input, const Sample& sample)
      : input_(input), sample_(sample), name_(stem_of(input.path)) {}

  Result<std::string> text() {
    choose_time();
    if (time_ == nullptr) {
      std::string seen;
      for (const SampleColumn& c : sample_.columns)
        seen += fmt::format("{}{} ({})", seen.empty() ? "" : ", ", c.name, comment(c.example));
      return invalid_argument("no field of the sample looks like a time; its fields are " + seen);
    }
    choose_key();
    choose_id();
    choose_values();
    out_ = "# Guessed by `hindcast init` from the first " + std::to_string(sample_.rows) +
           " records of " + comment(input_.path) +
           ".\n# Read it, then try it: hindcast check --sample FILE. Every key is explained in "
           "hindcast.example.toml.\n";
    out_ += "data_dir = \"data\"\n\n[[source]]\nname = " + quoted(name_) +
            "\nkind = \"file\"            # \"http\" to push events with POST /v1/sources/" +
            name_ + "/events\npath = " + quoted(input_.path) + "\n";
    write_format();
    out_ +=
        "watermark = { delay = \"0s\" } # how late an event may be and still count before its "
        "bucket is sealed\n";
    write_event();
    write_values();
    write_aggregate();
    return out_;
  }

 private:
  void choose_time() {
    int best = -100;
    for (const SampleColumn& c : sample_.columns) {
      if (!c.time_unit || c.optional(sample_.rows)) continue;
      const bool at = lower(c.name).ends_with("_at");
      const bool arrival =
          name_score(c.name, {"receiv", "arriv", "ingest", "process", "sync", "server"}) > 0;
      const bool date =
          c.time_pattern == "%Y-%m-%d" || c.time_pattern == "%Y%m%d";  // the last resort
      int score =
          4 * name_score(c.name, {"time", "timestamp", "ts", "at", "t", "date", "datetime"}) +
          7 * at;
      // When it happened, not when somebody stored it: archives put a '_' in front of what is
      // theirs.
      score += (date ? 0 : 2) + (c.distinct > 1 ? 1 : 0) - (arrival ? 8 : 0) -
               (c.name[0] == '_' ? 8 : 0);
      if (score > best) {
        best = score;
        time_ = &c;
      }
    }
  }

  /// Different for all records of one key and instant: that is what an id has to be.
  bool tells_apart(const SampleColumn& c) const {
    if (c.hashes.empty()) return false;
    std::set<std::tuple<uint64_t, uint64_t, uint64_t>> seen;
    for (size_t row = 0; row < c.hashes.size(); ++row) {
      if (!seen.emplace(c.hashes[row], time_->hashes[row], key_ == nullptr ? 0 : key_->hashes[row])
               .second)
        return false;
    }
    return true;
  }

  void choose_id() {
    int best = 0;
    for (const SampleColumn& c : sample_.columns) {
      if (&c == time_ || &c == key_ || c.nested > 0 || c.distinct < 2 || !tells_apart(c)) continue;
      const int by_name = name_score(c.name, {"id", "uuid", "guid", "seq", "trade_id", "event_id",
                                              "message_id", "offset", "counter", "cnt"});
      // A number that counts is an id without the name; a unique text may be a sentence, a fraction
      // a measurement.
      const bool counts = c.all_integers && !c.time_unit && c.distinct == sample_.rows;
      if (by_name == 0 && !counts) continue;
      const int score =
          4 * by_name + (c.distinct == sample_.rows ? 2 : 0) + (c.all_integers ? 1 : 0) + 1;
      if (score > best) {
        best = score;
        id_ = &c;
      }
    }
  }

  void choose_key() {
    int best = 0;
    for (const SampleColumn& c : sample_.columns) {
      if (&c == time_ || c.hashes.empty() || c.nested > 0 || c.booleans > 0 || c.time_unit)
        continue;
      const int by_name =
          name_score(c.name, {"symbol", "sym", "ticker", "key", "device", "device_id", "sensor",
                              "host", "hostname", "channel", "market", "instrument", "station",
                              "meter", "customer", "service"});
      const bool text = c.texts > 0 && !c.all_numbers;
      const bool repeats = c.distinct * 2 <= sample_.rows || sample_.rows < 4;
      if (!repeats || (!text && by_name < 3)) continue;
      const int score = 4 * by_name + (text ? 2 : 0) + (c.distinct > 1 ? 5 : 0) + 1;
      if (score > best) {
        best = score;
        key_ = &c;
      }
    }
  }

  void choose_values() {
    for (const SampleColumn& c : sample_.columns) {
      if (&c == time_ || &c == id_ || &c == key_ || !c.all_numbers || values_.size() >= 12)
        continue;
      if (c.time_unit && c.all_integers) continue;  // another time
      // One number for all events is a setting, not a measurement.
      if (c.distinct == 1 && sample_.rows > 20) continue;
      names_.push_back(value_name(c.name, names_));
      values_.push_back(&c);
    }
  }

  void write_format() {
    const FormatConfig& format = sample_.format;
    switch (format.kind) {
      case FormatKind::kNdjson:
        out_ += "format = \"ndjson\"\n";
        break;
      case FormatKind::kJson:
        out_ += "format = \"json\"\n";
        break;
      case FormatKind::kCsv:
        out_ += "format = \"csv\"\ndelimiter = " + quoted(std::string(1, format.delimiter)) +
                "\nheader = " + (format.header ? "true" : "false") + "\n";
        if (!format.null_text.empty()) out_ += "null = " + quoted(format.null_text) + "\n";
    }
    if (!format.each.empty())
      out_ += "each = " + quoted(format.each) + "  # the array that holds the events\n";
  }

  void write_event() {
    out_ += "\n[source.event]\n";
    if (key_ != nullptr) {
      out_ += fmt::format("key = {:<24} # {} different ones in the sample, like '{}'\n",
                          quoted(key_->name), key_->distinct, comment(key_->example));
    } else {
      out_ += "key = { value = " + quoted(name_) +
              " } # no field looked like a key: all events have this one\n";
    }
    if (id_ != nullptr && id_->all_integers) {
      out_ += fmt::format(
          "id = {{ field = {}, type = \"int\" }} # tells events of one key and instant apart, like "
          "{}\n",
          quoted(id_->name), comment(id_->example));
    } else if (id_ != nullptr) {
      out_ += fmt::format("id = {:<25} # tells events of one key and instant apart, like '{}'\n",
                          quoted(id_->name), comment(id_->example));
    } else {
      out_ +=
          "id = { derive = \"position\" }  # no field tells events of one instant apart: file and "
          "row do;\n"
          "                               # name fields instead (id = [\"a\", \"b\"]) if together "
          "they do\n";
    }
    out_ +=
        fmt::format("time = {:<23} # like '{}'\n", quoted(time_->name), comment(time_->example));
    out_ += "time_unit = " + quoted(unit_text()) + "\n";
  }

  std::string unit_text() const {
    switch (*time_->time_unit) {
      case TimeUnit::kSeconds:
        return "s";
      case TimeUnit::kMilliseconds:
        return "ms";
      case TimeUnit::kMicroseconds:
        return "us";
      case TimeUnit::kNanoseconds:
        return "ns";
      case TimeUnit::kRfc3339:
        return "rfc3339";
      case TimeUnit::kPattern:
        return time_->time_pattern;
    }
    return "rfc3339";
  }

  void write_values() {
    if (values_.empty()) return;
    out_ +=
        "\n[source.values]                # decimals are exact; what does not fit into one is "
        "refused\n";
    for (size_t i = 0; i < values_.size(); ++i) {
      const SampleColumn& c = *values_[i];
      const bool is_decimal =
          !c.exponents && c.fraction_digits <= 9 && c.whole_digits + c.fraction_digits <= 18;
      const std::string type =
          is_decimal ? fmt::format("decimal(18,{})", c.fraction_digits) : "double";
      out_ += fmt::format("{} = {{ field = {}, type = \"{}\"{} }} # like {}\n", names_[i],
                          quoted(c.name), type, c.optional(sample_.rows) ? ", optional = true" : "",
                          comment(c.example));
    }
  }

  void write_aggregate() {
    // A sample of more than a month of data is no stream of seconds.
    const bool slow = time_->last_time - time_->first_time > int64_t{30} * 86400 * 1'000'000'000;
    out_ += "\n[[aggregate]]\nname = " + quoted("per_" + std::string(slow ? "hour" : "minute")) +
            "\nsources = [" + quoted(name_) + "]\nbucket = " +
            (slow ? "\"1h\"\nrollups = [\"1d\"]\n" : "\"1m\"\nrollups = [\"1h\", \"1d\"]\n");
    out_ += "\n[aggregate.values]\nevents = \"count()\"\n";
    for (size_t i = 0; i < names_.size(); ++i) {
      for (const std::string_view function : {"min", "max", "mean"}) {
        out_ += fmt::format("{}_{} = \"{}({})\"\n", names_[i], function, function, names_[i]);
      }
    }
  }

  const SampleInput& input_;
  const Sample& sample_;
  const std::string name_;
  const SampleColumn *time_ = nullptr, *id_ = nullptr, *key_ = nullptr;
  std::vector<const SampleColumn*> values_;
  std::vector<std::string> names_;
  std::string out_;
};

}  // namespace

Result<std::string> guess_config(const SampleInput& input) {
  HC_TRY_ASSIGN(const Sample sample, read_sample_columns(input.bytes, input.whole));
  return Guess(input, sample).text();
}

}  // namespace hindcast
