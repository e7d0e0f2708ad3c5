#include "cli/demo_data.h"

#include <algorithm>
#include <fstream>
#include <map>

#include "cli/demo_assets.h"

namespace hindcast {
namespace {

std::string config(std::string_view connection) {
  std::string out = kDemoShared;
  for (const Airline& airline : kAirlines) {
    const std::string one = replaced(kDemoAirline, "\nCONNECTION\n", connection);
    out += replaced(replaced(one, "AIRLINE", airline.name), "CARRIER", airline.carrier);
  }
  return out;
}

/// The text of a field of a line that scripts/flights wrote.
std::string_view text_of(std::string_view line, std::string_view field) {
  const size_t at = line.find(field);
  if (at == std::string_view::npos) return {};
  const size_t begin = at + field.size();
  return line.substr(begin, line.find('"', begin) - begin);
}

}  // namespace

Result<size_t> write_flights(const std::string& year, const std::string& folder) {
  std::ifstream in(year);
  if (!in) return not_found(year + " is not there: scripts/flights fetches it (8.7 MB)");
  std::ofstream all(folder + "/all.ndjson");
  std::map<std::string_view, std::ofstream> files;
  for (const Airline& airline : kAirlines)
    files[airline.carrier].open(folder + "/" + std::string(airline.carrier) + ".ndjson");

  size_t flights = 0;
  for (std::string line; std::getline(in, line);) {
    const std::string_view time = text_of(line, R"({"time":")");
    if (text_of(line, R"("scheduled":")").empty()) {
      return corruption(year + " is of an earlier version: scripts/flights writes it anew");
    }
    if (time >= kDemoEnd) break;  // they are sorted
    if (time < kDemoBegin) continue;
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
  return flights;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

std::string live_config(std::string_view host) {
  return config(replaced("\n" + std::string(kDemoLive), "FEED", host));
}

std::string recorded_config() { return config("\n" + std::string(kDemoRecorded)); }

}  // namespace hindcast
