#include "cli/demo_trades.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "cli/demo_assets.h"
#include "cli/sample_file.h"
#include "net/compression.h"
#include "net/json_reader.h"

namespace hindcast {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSources = 8;
constexpr size_t kTradesMax = 1'000'000;  // what the feed shows within two minutes
constexpr ByteCount kFileMax = 512_MiB;
constexpr Duration kOutageMax = 6h;

struct Trade {
  std::string symbol;
  uint64_t id = 0;
  int64_t time = 0;        // Unix ms
  std::string price, qty;  // as they were written
  auto operator<=>(const Trade&) const = default;
};

/// "XRP/ETH" and "xrp_eth" are XRPETH.
std::string symbol_of(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

/// Unix ms, from what may be seconds, ms or us: trades are of this century.
int64_t milliseconds(int64_t time) {
  if (time < 100'000'000'000) return time * 1000;
  return time < 100'000'000'000'000 ? time : time / 1000;
}

std::optional<Trade> trade_of(std::string_view symbol, std::string_view id, std::string_view time,
                              std::string_view price, std::string_view qty) {
  const auto number_of_id = number<uint64_t>(id);
  const auto at = number<int64_t>(time);
  if (symbol.empty() || !number_of_id || !at || !number<double>(price) || !number<double>(qty))
    return std::nullopt;
  return Trade{symbol_of(symbol), *number_of_id, milliseconds(*at), std::string(price),
               std::string(qty)};
}

std::string text_of(const JsonValue& object, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (const JsonValue& value = object[name]; !value.is_null()) return value.to_string();
  return {};
}

std::optional<Trade> trade_of(const JsonValue& record, std::string_view symbol) {
  if (record.kind == JsonValue::Kind::kArray) {
    const auto& items = record.items;
    if (items.size() < 6) return std::nullopt;
    return trade_of(symbol, items[1].to_string(), items[0].to_string(), items[4].to_string(),
                    items[5].to_string());
  }
  const bool wrapped = record["info"].kind == JsonValue::Kind::kObject;
  const JsonValue& raw = wrapped && !record["info"]["p"].is_null() ? record["info"] : record;
  std::string named = text_of(record, {"symbol"});
  if (named.empty()) named = text_of(raw, {"s"});
  return trade_of(named.empty() ? std::string(symbol) : named, text_of(raw, {"a", "t", "id"}),
                  text_of(raw, {"T", "time", "timestamp"}), text_of(raw, {"p", "price"}),
                  text_of(raw, {"q", "qty", "amount", "size"}));
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> out;
  while (true) {
    const size_t end = std::min(text.find(by), text.size());
    out.push_back(text.substr(0, end));
    if (end == text.size()) return out;
    text.remove_prefix(end + 1);
  }
}

class TradesFile {
 public:
  explicit TradesFile(std::string path)
      : path_(std::move(path)), name_(fs::path(path_).filename()) {
    symbol_ = symbol_of(std::string_view(name_).substr(0, name_.find('-')));
  }
  Result<std::vector<Trade>> read() {
    HC_TRY_ASSIGN(SampleFile file, read_sample_file(path_, kFileMax));
    if (!file.whole)
      return invalid_argument(
          fmt::format("{}: longer than {} MiB; the demo wants less", path_, kFileMax.value >> 20));
    const std::string_view plain = without_compression_suffix(name_);
    const size_t first = file.bytes.find_first_not_of(" \r\n\t");
    const bool is_array = first != Bytes::npos && file.bytes[first] == '[';
    if (plain.ends_with(".csv")) {
      HC_TRY(read_csv(file.bytes));
    } else if (is_array && !plain.ends_with(".ndjson")) {
      HC_TRY_ASSIGN(const JsonValue all, named(parse_json(file.bytes)));
      for (const JsonValue& record : all.items) HC_TRY(add(trade_of(record, symbol_)));
    } else {
      for (const std::string_view line : split(file.bytes, '\n')) {
        if (line.find_first_not_of(" \r\t") == std::string_view::npos) continue;
        HC_TRY_ASSIGN(const JsonValue record, named(parse_json(line)));
        HC_TRY(add(trade_of(record, symbol_)));
      }
    }
    return std::move(trades_);
  }

 private:
  template <class T>
  Result<T> named(Result<T> result) const {
    if (!result) return std::move(result).error().with(path_);
    return result;
  }
  Status add(std::optional<Trade> trade) {
    ++records_;
    if (!trade) {
      return corruption(fmt::format(
          "{}: record {} is no trade: a symbol, a whole-numbered id, a Unix time, a price and a "
          "quantity were looked for; docs/demo.md shows the layouts that are known",
          path_, records_));
    }
    trades_.push_back(*std::move(trade));
    return {};
  }
  Status read_csv(std::string_view text) {
    // id, price, quantity, time: of trades-archives and, by their names, of aggTrades.
    size_t at[4] = {0, 1, 2, name_.find("aggTrades") == std::string::npos ? size_t{4} : size_t{5}};
    for (std::string_view line : split(text, '\n')) {
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.empty()) continue;
      const std::vector<std::string_view> cells = split(line, ',');
      if (records_ == 0 && std::isalpha(static_cast<unsigned char>(line[0])) != 0) {
        const auto place = [&](std::initializer_list<std::string_view> names) {
          const auto found = std::ranges::find_first_of(cells, names);
          return static_cast<size_t>(found - cells.begin());
        };
        at[0] = place({"id", "agg_trade_id", "trade_id"});
        at[1] = place({"price"});
        at[2] = place({"qty", "quantity", "amount"});
        at[3] = place({"time", "transact_time", "timestamp"});
        continue;
      }
      const auto cell = [&](size_t column) {
        return at[column] < cells.size() ? cells[at[column]] : std::string_view();
      };
      HC_TRY(add(trade_of(symbol_, cell(0), cell(3), cell(1), cell(2))));
    }
    return {};
  }

  const std::string path_, name_;
  std::string symbol_;
  std::vector<Trade> trades_;
  size_t records_ = 0;
};

struct Found {
  std::vector<std::string> trades, candles;  // paths, sorted
};

Result<Found> look_into(const std::string& data) {
  Found out;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(data, failed)) {
    const std::string name = entry.path().filename().string();
    const std::string_view plain = without_compression_suffix(name);
    const bool json = plain.ends_with(".json");
    const bool trades = name.find("rades") != std::string::npos;
    if (trades && (json || plain.ends_with(".ndjson") || plain.ends_with(".csv")))
      out.trades.push_back(entry.path().string());
    for (const std::string_view candles : {"-1m.json", "-5m.json", "-1h.json", "-1d.json"})
      if (plain.ends_with(candles)) out.candles.push_back(fs::absolute(entry.path()).string());
  }
  if (failed) return not_found(data + ": " + failed.message());
  if (out.trades.empty()) {
    return not_found(
        data +
        ": no data for the demo. Looked for flights.ndjson (scripts/flights writes it) "
        "and for recorded trades: *trades*.json, .ndjson or .csv, plain, .gz or .zst; "
        "docs/demo.md shows what may be in them");
  }
  std::ranges::sort(out.trades);
  std::ranges::sort(out.candles);
  return out;
}

/// By time; each once; of the symbols with the most of them.
Result<std::vector<Trade>> read_trades(const std::vector<std::string>& paths) {
  std::map<std::pair<std::string, uint64_t>, Trade> once;
  for (const std::string& path : paths) {
    HC_TRY_ASSIGN(std::vector<Trade> trades, TradesFile(path).read());
    for (Trade& trade : trades) once.try_emplace({trade.symbol, trade.id}, std::move(trade));
    if (once.size() > kTradesMax) {
      return invalid_argument(
          fmt::format("{}: more than {} trades up to here; the demo shows that "
                      "many. Give it a folder with fewer files",
                      path, with_thousands(kTradesMax)));
    }
  }
  std::map<std::string, size_t> counts;
  for (const auto& [key, trade] : once) ++counts[key.first];
  std::vector<std::pair<size_t, std::string>> busiest;
  busiest.reserve(counts.size());
  for (const auto& [symbol, count] : counts) busiest.emplace_back(count, symbol);
  std::ranges::sort(busiest, std::greater());
  if (busiest.size() > kSources) busiest.resize(kSources);
  std::set<std::string> taken;
  for (const auto& [count, symbol] : busiest) taken.insert(symbol);
  std::vector<Trade> out;
  for (auto& [key, trade] : once)
    if (taken.contains(key.first)) out.push_back(std::move(trade));
  std::ranges::stable_sort(out, {}, &Trade::time);
  if (out.empty()) return corruption(paths.front() + ": holds no trade");
  return out;
}

/// Whether each symbol's ids follow each other without a hole, as most exchanges give them.
bool contiguous(const std::vector<Trade>& trades) {
  std::map<std::string, uint64_t> last;
  return std::ranges::all_of(trades, [&](const Trade& trade) {
    const auto [at, first] = last.try_emplace(trade.symbol, trade.id);
    return first || trade.id == std::exchange(at->second, trade.id) + 1;
  });
}

std::string hours_text(Duration span) {
  const auto hours = span / 1h;
  return hours >= 2 ? fmt::format("{} hours", hours) : fmt::format("{} minutes", span / 1min);
}

}  // namespace

Result<DemoSet> write_trades(const std::string& data, const std::string& folder) {
  HC_TRY_ASSIGN(const Found found, look_into(data));
  HC_TRY_ASSIGN(const std::vector<Trade> trades, read_trades(found.trades));
  std::ofstream all(folder + "/all.ndjson");
  std::map<std::string, std::ofstream> files;
  for (const Trade& trade : trades) {
    const std::string line =
        fmt::format(R"({{"symbol":"{}","id":{},"time":{},"price":"{}","qty":"{}"}})", trade.symbol,
                    trade.id, trade.time, trade.price, trade.qty);
    all << line << '\n';
    auto [file, is_new] = files.try_emplace(trade.symbol);
    if (is_new) file->second.open(folder + "/" + trade.symbol + ".ndjson");
    file->second << line << '\n';
  }
  all.close();
  bool written = !all.fail();
  DemoSet set{
      .headline = {},
      .noun = "trades",
      .each = "symbol",
      .sources = {},
      .events = trades.size(),
      .span = {window_of(event_time_ns(trades.front().time * 1'000'000), 1min).start,
               window_of(event_time_ns(trades.back().time * 1'000'000), 1min).end},
      .outage = {},
      .feed = {"--key", "symbol", "--time", "time", "--time-unit", "ms", "--channel-by", "symbol"},
      .source_config =
          replaced(kDemoTrades, "SEQUENCE\n", contiguous(trades) ? "sequence = \"id\"\n" : ""),
      .levels = {"1m", "5m", "1h", "1d"},
      .recompute = kDemoRecomputeTrades,
      .oracles = {}};
  std::string names;
  for (auto& [symbol, file] : files) {
    file.close();
    written = written && !file.fail();
    names += (names.empty() ? "" : ", ") + symbol;
    std::string name = symbol;
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    set.sources.push_back({name, symbol});
  }
  if (!written) return unavailable("cannot write to " + folder);
  const Duration length = set.span.end - set.span.start;
  if (length < 10min)
    return invalid_argument(data +
                            ": its trades span less than ten minutes; the demo cuts an "
                            "outage out of more than that");
  const Duration outage = std::min<Duration>(kOutageMax, length / 5 / 1min * 1min);
  const EventTime middle = window_of(set.span.start + length / 5 * 2, 1min).start;
  set.outage = {middle, middle + outage};
  for (const std::string& candles : found.candles) {
    set.oracles.emplace_back("--candles");
    set.oracles.push_back(candles);
  }
  set.headline =
      fmt::format("{} recorded trades of {}, {} from {} on.", with_thousands(trades.size()), names,
                  hours_text(length), to_rfc3339(set.span.start));
  return set;
}

}  // namespace hindcast
