// What the demo is about: ten days of the eight busiest airlines of New York, around the snow of
// 8 and 9 February 2013, cut out of the year that scripts/flights writes; and the configurations.
//
// Thread safety: any thread.
#pragma once
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hindcast {

struct Airline {
  std::string_view name;     // of its source, its stream and its aggregate
  std::string_view carrier;  // as the data say it: the feed's channel
};
inline constexpr std::array<Airline, 8> kAirlines = {{{"united", "UA"},
                                                      {"jetblue", "B6"},
                                                      {"expressjet", "EV"},
                                                      {"delta", "DL"},
                                                      {"american", "AA"},
                                                      {"envoy", "MQ"},
                                                      {"usairways", "US"},
                                                      {"endeavor", "9E"}}};

// The stretch begins and ends at night (UTC), when nothing flies.
inline constexpr std::string_view kDemoBegin = "2013-02-04T08:00:00Z";
inline constexpr std::string_view kDemoEnd = "2013-02-14T08:00:00Z";
inline constexpr std::string_view kOutageBegin = "2013-02-08T12:00:00Z";
inline constexpr std::string_view kOutageEnd = "2013-02-08T18:00:00Z";

/// Writes `all.ndjson` and one `CARRIER.ndjson` per airline into `folder`; returns how many
/// flights. Errors: kNotFound and kCorruption, saying how the file is made.
Result<size_t> write_flights(const std::string& year, const std::string& folder);

/// `text` with `by` for every `what`: how what is only known now comes into a configuration.
std::string replaced(std::string text, std::string_view what, std::string_view by);
/// Eight sources over WebSocket and HTTP from the feed at `host` ("127.0.0.1:8080").
std::string live_config(std::string_view host);
/// The same eight, reading what write_flights() wrote beside the configuration.
std::string recorded_config();

}  // namespace hindcast
