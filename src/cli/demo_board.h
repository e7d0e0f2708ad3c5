// What the demo shows while it goes: per source a strip of coverage and its replay, and how far
// live is behind the feed.
//
// A scene is one look at both programs. The board draws it: on a terminal always in the same
// place, elsewhere only where it is told to leave a picture.
//
// Thread safety: confined to one thread.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/demo_programs.h"
#include "cli/terminal.h"
#include "engine/service.h"

namespace hindcast {

struct DemoScene {
  struct Job {
    uint64_t id = 0;
    std::string state, waits_for;  // "running", "reader"
    double share_done = 0, events_per_second = 0;
    bool ended() const { return state == "done" || state == "failed" || state == "cancelled"; }
  };
  struct Line {
    std::string source, state;  // "connected"
    std::vector<CoverageSpan> spans;
    std::vector<Job> jobs;  // oldest first
    uint64_t pending = 0;
    bool connected() const { return state == "connected"; }
    bool whole() const;  // nothing is known to be missing
  };
  EventTime feed_time{};
  bool finished = false;  // the last event is out, and taken by everybody
  size_t connections = 0;
  std::vector<Line> lines;
  /// How far the slowest connected stream's watermark is behind the feed's clock, in feed time.
  std::optional<Duration> live_behind;

  bool all_connected() const;
  size_t jobs() const;
  size_t jobs_ended() const;
  double share_recovered() const;  // of the jobs of all lines; a line without one has nothing yet
};

/// Asks the daemon first, then the feed: the distance between them is never made too small.
Result<DemoScene> look_at(DemoServer& daemon, DemoServer& feed);

class DemoBoard {
 public:
  /// `shown`: the time of the strips.
  DemoBoard(Window shown, Terminal terminal, bool live);
  /// `live`: how it does, for people.
  void draw(const DemoScene& scene, const std::string& live);
  /// The last drawing stays (and appears, where there is no terminal); the next one begins below.
  void leave();

 private:
  const Window shown_;
  const Terminal terminal_;
  const bool live_;  // cursor movements are understood
  std::string last_;
  size_t lines_up_ = 0;
};

}  // namespace hindcast
