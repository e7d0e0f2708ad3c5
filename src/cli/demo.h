// `hindcast demo`: recovery, end to end. Eight airlines come over WebSockets from `hindcast feed`
// into a daemon; all lose their connection and return at the same moment; the daemon is killed
// while it recovers; and then the proof that every row is what it would have been.
//
//   demo.cc           the play
//   demo_data.h       the flights and the configurations
//   demo_programs.h   the feed and the daemons, as child processes
//   demo_board.h      what is shown meanwhile
//   demo_proof.h      the comparisons
//   demo_storm.h      what eight replays at once do to live, ungoverned and governed
#pragma once
#include <string>

namespace hindcast {

struct DemoOptions {
  std::string data;         // folder with flights.ndjson (scripts/flights); empty = the usual cache
  bool ungoverned = false;  // nothing but the storm, replayed without a governor
  bool once = false;        // end after the proof; otherwise keep the daemon for queries
};

/// The exit code: 0 when every check holds.
int demo_command(const DemoOptions& options);

}  // namespace hindcast
