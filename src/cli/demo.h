// `hindcast demo`: a year of real flights through a real daemon, which is killed with kill -9 in
// the middle, and the proof that every row equals a recomputation that shares no code with
// Hindcast.
//
// The daemon is this same program, started as a child with a configuration of its own in a
// temporary folder; everything goes through HTTP and the command line, as a user's data would.
#pragma once
#include <string>

namespace hindcast {

struct DemoOptions {
  std::string data;   // folder with flights.ndjson (scripts/flights); empty = the usual cache
  bool once = false;  // end after the proof; otherwise keep the daemon for queries
  size_t batch_events = 1000;  // of one request
};

/// The exit code: 0 when everything is equal.
int demo_command(const DemoOptions& options);

}  // namespace hindcast
