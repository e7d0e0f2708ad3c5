#include "cli/demo_data.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "cli/demo_assets.h"
#include "cli/demo_trades.h"
#include "cli/table.h"

namespace hindcast {
namespace {

struct Airline {
  std::string_view name, carrier;
};
constexpr Airline kAirlines[] = {{"united", "UA"},    {"jetblue", "B6"},  {"expressjet", "EV"},
                                 {"delta", "DL"},     {"american", "AA"}, {"envoy", "MQ"},
                                 {"usairways", "US"}, {"endeavor", "9E"}};

// The stretch begins and ends at night (UTC), when nothing flies.
constexpr std::string_view kBegin = "2013-02-04T08:00:00Z", kEnd = "2013-02-14T08:00:00Z";
constexpr std::string_view kOutageBegin = "2013-02-08T12:00:00Z";
constexpr Duration kOutage = 6h;

std::string usual_folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  return cache != nullptr && *cache != '\0'
             ? std::string(cache) + "/hindcast/flights"
             : std::string(home != nullptr ? home : ".") + "/.cache/hindcast/flights";
}

/// The text of a field of a line that scripts/flights wrote.
std::string_view text_of(std::string_view line, std::string_view field) {
  const size_t at = line.find(field);
  if (at == std::string_view::npos) return {};
  const size_t begin = at + field.size();
  return line.substr(begin, line.find('"', begin) - begin);
}

Result<DemoSet> write_flights(const std::string& year, const std::string& folder) {
  std::ifstream in(year);
  if (!in) return not_found(year + " cannot be read");
  std::ofstream all(folder + "/all.ndjson");
  std::map<std::string_view, std::ofstream> files;
  for (const Airline& airline : kAirlines)
    files[airline.carrier].open(folder + "/" + std::string(airline.carrier) + ".ndjson");

  uint64_t flights = 0;
  for (std::string line; std::getline(in, line);) {
    const std::string_view time = text_of(line, R"({"time":")");
    if (text_of(line, R"("scheduled":")").empty()) {
      return corruption(year + " is of an earlier version: scripts/flights writes it anew");
    }
    if (time >= kEnd) break;  // they are sorted
    if (time < kBegin) continue;
    const auto file = files.find(text_of(line, R"("carrier":")"));
    if (file == files.end()) continue;
    all << line << '\n';
    file->second << line << '\n';
    flights += 1;
  }
  all.close();
  bool written = !all.fail();
  for (auto& [carrier, file] : files) {
    file.close();
    written = written && !file.fail();
  }
  if (!written) return unavailable("cannot write to " + folder);
  if (flights == 0) return corruption(year + " has no flight of these days");
  const EventTime begin = parse_rfc3339(kOutageBegin).value();
  DemoSet set{
      .headline = fmt::format("Eight airlines, ten days of departures from New York around "
                              "the snow of February 2013: {} flights.",
                              with_thousands(flights)),
      .noun = "flights",
      .each = "airline",
      .sources = {},
      .events = flights,
      .span = {parse_rfc3339(kBegin).value(), parse_rfc3339(kEnd).value()},
      .outage = {begin, begin + kOutage},
      .feed = {"--key", "origin", "--key", "carrier", "--time", "time", "--channel-by", "carrier"},
      .source_config = kDemoFlights,
      .levels = {"1h", "1d"},
      .recompute = kDemoRecompute,
      .oracles = {}};
  for (const Airline& airline : kAirlines)
    set.sources.push_back({std::string(airline.name), std::string(airline.carrier)});
  return set;
}

std::string config(const DemoSet& set, std::string_view connection) {
  std::string out = kDemoShared;
  for (const DemoSource& source : set.sources) {
    const std::string one = replaced(set.source_config, "\nCONNECTION\n", connection);
    out += replaced(replaced(one, "NAME", source.name), "CHANNEL", source.channel);
  }
  return out;
}

}  // namespace

Result<DemoSet> write_demo_data(const std::string& data, const std::string& folder) {
  const std::string from = data.empty() ? usual_folder() : data;
  const std::string year = from + "/flights.ndjson";
  if (std::filesystem::exists(year)) return write_flights(year, folder);
  if (data.empty()) return not_found(year + " is not there: scripts/flights fetches it (8.7 MB)");
  return write_trades(data, folder);
}

std::string with_thousands(uint64_t number) { return with_commas(std::to_string(number)); }

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

std::string live_config(const DemoSet& set, std::string_view host) {
  return config(set, replaced("\n" + std::string(kDemoLive), "FEED", host));
}

std::string recorded_config(const DemoSet& set) {
  return config(set, "\n" + std::string(kDemoRecorded));
}

}  // namespace hindcast
