// The measured paths. Each run starts from an empty folder and returns what it cost.
#pragma once
#include <string>
#include <string_view>

#include "bench/report.h"

namespace hindcast::bench {

/// Limit: finding the line ends (memchr), nothing else.
Sample scan(std::string_view lines);
/// The decoder alone: bytes to columns, keys interned.
Sample parse(std::string_view lines);
/// In process: file → parse → log (fsync) → lane → sealed pages and rows, committed.
Sample live(const std::string& folder, std::string_view lines);
/// Over loopback HTTP, 1,000 events a request, 8 connections: acknowledged, then everything sealed.
/// CPU is the daemon's alone.
Sample http(const std::string& folder, std::string_view lines, const std::string& binary);
/// A start that reads a log whose events are all unsealed, until caught up.
Sample restart(const std::string& folder, std::string_view lines);

enum class Replay {
  kFresh,     // nothing of it is there
  kRepeated,  // all of it is there
  kStage,     // the same, decoded before: what replay costs besides parsing
};
/// History of one file's bytes into an embedded store.
Sample replay(const std::string& folder, std::string_view lines, Replay which);

struct Soak {
  double events = 0, seconds = 0;
  uint64_t rss_max = 0;  // bytes, of the whole process
};
/// Pushes `events` events of `keys` keys through an engine in this process, a minute of event time
/// per million.
Soak soak(const std::string& folder, uint64_t events, uint32_t keys);

/// What late events cost: 200,000 events a second for `seconds`, with and without 1 % of them late
/// (their pages are sealed), interleaved. Prints CPU and bytes of the difference.
void late(const std::string& folder, double seconds, uint32_t keys, int runs);

}  // namespace hindcast::bench
