// `hindcast demo`: recovery, end to end. Eight airlines, or somebody's recorded trades, come over
// WebSockets from `hindcast feed` into a daemon; all lose their connection and return at the same
// moment; the daemon is killed while it recovers; and then the proof that every row is what it
// would have been.
//
//   demo.cc           the play
//   demo_data.h       the data set, with flights, and the configurations
//   demo_trades.h     recorded trades as such a data set
//   demo_programs.h   the feed and the daemons, as child processes
//   demo_board.h      what is shown meanwhile
//   demo_proof.h      the comparisons
//   demo_storm.h      what eight replays at once do to live, ungoverned and governed
#pragma once
#include <string>

namespace hindcast {

struct DemoOptions {
  std::string data;         // folder of flights or trades; empty = the usual cache of flights
  bool ungoverned = false;  // nothing but the storm, replayed without a governor
  bool once = false;        // end after the proof; otherwise keep the daemon for queries
};

/// The exit code: 0 when every check holds.
int demo_command(const DemoOptions& options);

}  // namespace hindcast
