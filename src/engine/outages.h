// When a stream loses events because nobody who carries it is connected: where such a gap begins,
// and when it ends. Decides only; Ingest numbers the gaps and writes them to the log.
//
//   line      delivering ──disconnected──► lost from its highest event on ──events of any line──►
//   bound                   or silent                                       or a heartbeat
//
// A line is one source of the stream. Only lossy ones lose anything, and not while a redundant line
// delivers: then both see the same events at about the same time. "About" is a page window, or the
// line's own delay and overlap: a line that is further behind carries something else, or is stuck,
// and neither stands in for others nor ends their gaps. Nor does one stand in that came back behind
// the edge: a silence is found out late, and both may have been silent meanwhile. If no line
// delivers, one gap is open already, or none ever delivered: so mostly one gap of a stream has no
// right edge (more if a former life left them, or if the line that came back breaks before its next
// events).
//
// A value: a copy brings back what a refused append changed. Pure.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "progress/coverage.h"

namespace hindcast {

class Outages {
 public:
  struct Line {
    bool lossy = false;
    Duration reach{};  // delay + overlap: how far beyond its edges an outage may have cost events
    EventTime highest = kMinEventTime;  // of this life and former ones
    bool delivering = false;  // events or heartbeats came in this life, since it connected
    EventTime since{};        // of `delivering`: the first of them
    bool ended = false;       // no event will ever come
  };
  Outages(Duration page_window, std::map<SourceId, Line> lines);

  /// A former life knew this of the source (in one partition).
  void restore(SourceId source, EventTime highest, bool ended);
  /// A former life left this gap without a right edge.
  void restore(const Gap& gap);

  /// Events came: the bounds that they set. `thin`: too few to end an outage. Requires: `times` not
  /// empty.
  std::vector<GapBound> delivered(SourceId source, std::span<const int64_t> times,
                                  bool thin = false);
  /// It is there and says that event time has come so far: the bounds that this sets.
  std::vector<GapBound> heartbeat(SourceId source, EventTime to, bool thin = false);
  /// It delivers no more: since when that costs events, if it does. Then opened() has to follow.
  /// `whole_until`: what it delivered after that event is not all there was.
  std::optional<EventTime> disconnected(SourceId source,
                                        std::optional<EventTime> whole_until = std::nullopt);
  void ended(SourceId source);
  /// Nobody delivered since a former life ended: since when, and which source knew last. Then
  /// opened() has to follow.
  std::optional<std::pair<SourceId, EventTime>> stopped() const;

  void opened(GapId gap, SourceId source);

 private:
  struct Open {  // without a right edge
    GapId gap = 0;
    EventTime highest_before = kMinEventTime;
    Duration reach{};
  };
  static void begin(Line& line, EventTime first);
  std::vector<GapBound> bounds_at(const Line& line, EventTime first);
  bool keeps_up(const Line& line, EventTime edge, Duration reach) const;

  Duration page_window_;
  std::map<SourceId, Line> lines_;
  std::vector<Open> open_;
};

}  // namespace hindcast
