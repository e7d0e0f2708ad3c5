#include "server/metrics.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace hindcast {
namespace {

using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

class Text {
 public:
  /// Head of a metric; its samples follow.
  void metric(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name);
    out_.append(" ").append(type).append("\n");
  }
  void sample(const Labels& labels, double value) {
    out_.append(name_);
    for (size_t i = 0; i < labels.size(); ++i) {
      out_.append(i == 0 ? "{" : ",").append(labels[i].first).append("=\"");
      for (const char c : labels[i].second) {
        if (c == '\\' || c == '"') out_.push_back('\\');
        out_.append(c == '\n' ? "\\n" : std::string_view(&c, 1));
      }
      out_.append("\"");
    }
    if (!labels.empty()) out_.append("}");
    out_.append(" ");
    std::array<char, 32> digits;
    out_.append(digits.data(),
                std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
    out_.append("\n");
  }
  void one(std::string_view name, std::string_view type, std::string_view help, double value) {
    metric(name, type, help);
    sample({}, value);
  }
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
  std::string_view name_;
};

double count(uint64_t n) { return static_cast<double>(n); }
double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
double seconds(EventTime t) { return static_cast<double>(unix_ns(t)) / 1e9; }

void sources(Text& text, const std::vector<SourceStatus>& sources) {
  text.metric("hindcast_source_received_events_total", "counter",
              "Events and refused records that came in.");
  for (const auto& s : sources) text.sample({{"source", s.name}}, count(s.received));
  text.metric("hindcast_source_settled_events_total", "counter",
              "Received ones by their first outcome.");
  for (const auto& s : sources) {
    text.sample({{"source", s.name}, {"outcome", "aggregated"}}, count(s.tallies.aggregated));
    text.sample({{"source", s.name}, {"outcome", "duplicate"}}, count(s.tallies.duplicate));
    text.sample({{"source", s.name}, {"outcome", "superseded"}}, count(s.tallies.superseded));
    text.sample({{"source", s.name}, {"outcome", "dead_lettered"}}, count(s.tallies.dead_lettered));
  }
  text.metric("hindcast_source_pending_events", "gauge", "Received, without an outcome yet.");
  for (const auto& s : sources) text.sample({{"source", s.name}}, count(s.pending));
  text.metric("hindcast_source_behind_events_total", "counter",
              "Events below the watermark when they came.");
  for (const auto& s : sources) text.sample({{"source", s.name}}, count(s.behind));
  text.metric("hindcast_source_late_events_total", "counter",
              "Events whose bucket was sealed when they came.");
  for (const auto& s : sources) text.sample({{"source", s.name}}, count(s.late));
  text.metric("hindcast_source_ignored_messages_total", "counter", "Messages that are no events.");
  for (const auto& s : sources) text.sample({{"source", s.name}}, count(s.ignored));
  text.metric("hindcast_source_silences_total", "counter",
              "That it was connected, brought too little and was dialled anew.");
  for (const auto& s : sources) text.sample({{"source", s.name}}, count(s.silences));
  text.metric("hindcast_source_balanced", "gauge", "1: received equals pending plus all outcomes.");
  for (const auto& s : sources) text.sample({{"source", s.name}}, s.balanced() ? 1 : 0);
  text.metric("hindcast_source_up", "gauge", "1: connected or idle.");
  for (const auto& s : sources) {
    text.sample({{"source", s.name}}, s.state == "connected" || s.state == "idle" ? 1 : 0);
  }
  text.metric("hindcast_source_watermark_timestamp_seconds", "gauge",
              "No earlier event is expected.");
  for (const auto& s : sources) {
    if (s.watermark && *s.watermark != kMinEventTime)
      text.sample({{"source", s.name}}, seconds(*s.watermark));
  }
  text.metric("hindcast_source_replayable_from_timestamp_seconds", "gauge",
              "What lies before it can no longer be read from the source's history.");
  for (const auto& s : sources) {
    if (s.replayable_from) text.sample({{"source", s.name}}, seconds(*s.replayable_from));
  }
}

void verified(Text& text, const std::map<std::string, VerifiedStatus>& streams) {
  text.metric("hindcast_verified_timestamp_seconds", "gauge",
              "Nothing before it differed when it was last verified in the background.");
  for (const auto& [stream, v] : streams) {
    if (v.through) text.sample({{"stream", stream}}, seconds(*v.through));
  }
  text.metric("hindcast_verified_bad_stretches", "gauge",
              "Stretches of time where stored data differs, as last seen.");
  for (const auto& [stream, v] : streams) text.sample({{"stream", stream}}, count(v.bad));
  text.metric("hindcast_verified_cycles_total", "counter",
              "Rounds over all that is stored, since the start.");
  for (const auto& [stream, v] : streams) text.sample({{"stream", stream}}, count(v.cycles));
  text.metric("hindcast_verified_bytes_total", "counter", "Pages read for it, since the start.");
  for (const auto& [stream, v] : streams) text.sample({{"stream", stream}}, count(v.bytes.value));
}

void partitions(Text& text, const std::vector<PartitionStatus>& partitions) {
  const auto each = [&](const auto& value) {
    for (const auto& p : partitions) {
      const std::string number = std::to_string(p.partition.value);
      if (const std::optional<double> v = value(p))
        text.sample({{"stream", p.stream}, {"partition", number}}, *v);
    }
  };
  using Value = std::optional<double>;
  const auto time = [](const std::optional<EventTime>& t) {
    return t && *t != kMinEventTime ? Value(seconds(*t)) : Value();
  };
  text.metric("hindcast_lane_watermark_timestamp_seconds", "gauge", "Watermark of the partition.");
  each([&](const PartitionStatus& p) { return time(p.watermark); });
  text.metric("hindcast_lane_frontier_timestamp_seconds", "gauge",
              "Every bucket before it is in the store.");
  each([&](const PartitionStatus& p) { return time(p.frontier); });
  text.metric("hindcast_lane_open_bytes", "gauge", "Memory of open buckets.");
  each([](const PartitionStatus& p) { return Value(count(p.open_memory.value)); });
  text.metric("hindcast_lane_unapplied_events", "gauge",
              "Events in the log that the lane has not applied yet.");
  each([](const PartitionStatus& p) { return Value(count(p.records_behind)); });
}

void governor(Text& text, const GovernorStatus& governor) {
  text.one("hindcast_replay_allowed_events_per_second", "gauge",
           "What replay may do now; 0: nothing.", count(governor.allowed));
  text.one("hindcast_replay_ceiling_events_per_second", "gauge",
           "What it may do when nothing is wrong.", count(governor.ceiling));
  text.one("hindcast_replay_floor_events_per_second", "gauge", "What it gets whatever live needs.",
           count(governor.floor));
  text.one("hindcast_replay_capacity_events_per_second", "gauge",
           "What was measured to be possible.", count(governor.capacity));
  text.one("hindcast_replay_events_per_second", "gauge", "What was done lately, by all replays.",
           governor.events_per_second);
  text.metric("hindcast_replay_pressure", "gauge", "The strongest one; 1: at its target.");
  text.sample({{"reason", to_string(governor.pressure.reason)}}, governor.pressure.value);
  text.one("hindcast_replay_storm", "gauge",
           "1: the backlog grows although replay goes as fast as it can.", governor.storm ? 1 : 0);
  text.one("hindcast_replay_storm_missing_events_per_second", "gauge",
           "What would have to be added; 0: no storm, or unknown.",
           governor.storm ? count(governor.storm->missing_events) : 0);
  text.one("hindcast_replay_late_waiting_events", "gauge",
           "Later than late_as_replay: in the replay log, not merged yet.",
           count(governor.signals.late_events));
  text.one("hindcast_replay_late_merged_events_total", "counter",
           "Merged from the replay log since the start; history, too, on the route \"separate\".",
           count(governor.late_merged));
  text.one("hindcast_replay_starved", "gauge", "1: replay is below its floor in fact.",
           governor.starved ? 1 : 0);
  const auto latency = [&](std::string_view name, std::string_view help,
                           const LatencySignal& signal) {
    text.metric(name, "gauge", help);
    if (signal.samples > 0) text.sample({}, seconds(signal.p99));
  };
  latency("hindcast_live_apply_p99_seconds",
          "From append to applied, over five seconds; none without events.",
          governor.signals.live_apply);
  latency("hindcast_replay_commit_p99_seconds",
          "From handed over to durable, of replay's commits over five seconds.",
          governor.signals.commit);
  text.metric("hindcast_replay_link_bytes", "gauge",
              "In a link of the chain from history to store.");
  for (const auto& l : governor.links) text.sample({{"link", l.name}}, count(l.used.value));
  text.metric("hindcast_replay_link_max_bytes", "gauge", "Bound of the link.");
  for (const auto& l : governor.links) text.sample({{"link", l.name}}, count(l.max.value));
  text.metric("hindcast_replay_link_blocked_seconds_total", "counter",
              "How long somebody waited for the link, since the start.");
  for (const auto& l : governor.links) text.sample({{"link", l.name}}, seconds(l.blocked));
}

void gaps(Text& text, const std::vector<StreamSummary>& streams,
          const std::vector<GapEntry>& gaps) {
  std::map<std::pair<std::string, std::string>, uint64_t> by_state;
  for (const auto& stream : streams) {
    for (const char* state : {"open", "unfillable", "accepted", "filled"})
      by_state[{stream.schema.name, state}] = 0;
  }
  for (const auto& gap : gaps) by_state[{gap.stream, gap.state}] += 1;
  text.metric("hindcast_gaps", "gauge",
              "Stretches that were missing once, by what became of them.");
  for (const auto& [of, number] : by_state)
    text.sample({{"stream", of.first}, {"state", of.second}}, count(number));
  std::map<std::string, Duration> left;
  for (const auto& gap : gaps) {
    if (!gap.refillable) continue;
    const auto at = left.try_emplace(gap.stream, gap.refillable->left).first;
    at->second = std::min(at->second, gap.refillable->left);
  }
  text.metric("hindcast_gap_refillable_seconds", "gauge",
              "Until history begins to forget an open gap; negative: since it began to.");
  for (const auto& [stream, until] : left) text.sample({{"stream", stream}}, seconds(until));
}

void replays(Text& text, const std::vector<ReplayEntry>& replays) {
  constexpr size_t kStates = static_cast<size_t>(ReplayJob::State::kCancelled) + 1;
  std::array<uint64_t, kStates> states{};
  ReplayCounts counts;
  ReasonTimes times{};
  uint64_t set_aside = 0;
  for (const auto& replay : replays) {
    states[static_cast<size_t>(replay.job.state)] += 1;
    counts += replay.job.counts;
    set_aside += replay.job.set_aside.size();
    for (size_t i = 0; i < kReasons; ++i) times[i] += replay.times[i];
  }
  text.metric("hindcast_replays", "gauge", "Replays by state.");
  for (size_t i = 0; i < kStates; ++i)
    text.sample({{"state", to_string(static_cast<ReplayJob::State>(i))}}, count(states[i]));
  text.metric("hindcast_replay_events_total", "counter",
              "Read again from history, by outcome, of all replays.");
  text.sample({{"outcome", "added"}}, count(counts.added));
  text.sample({{"outcome", "duplicate"}}, count(counts.duplicate));
  text.sample({{"outcome", "superseded"}}, count(counts.superseded));
  text.sample({{"outcome", "outside"}}, count(counts.outside));
  text.sample({{"outcome", "dead_lettered"}}, count(counts.dead_lettered));
  text.metric("hindcast_replay_seconds_total", "counter",
              "What the time of all replays went to: why they went no faster.");
  for (size_t i = 0; i < kReasons; ++i)
    text.sample({{"reason", to_string(static_cast<Reason>(i))}}, seconds(times[i]));
  text.one("hindcast_replay_set_aside_windows", "gauge",
           "Stretches that history could not give, of all replays.", count(set_aside));
}

}  // namespace

Bytes metrics_text(const Metered& metered) {
  const SystemStatus& status = metered.status;
  Text text;
  text.one("hindcast_engine_ready", "gauge", "1: recovered and accepting.", metered.ready ? 1 : 0);
  text.one("hindcast_engine_uptime_seconds", "gauge", "Since the process began.",
           seconds(status.uptime));
  text.one("hindcast_engine_recovery_seconds", "gauge", "How long the start took until caught up.",
           seconds(status.recovery));
  text.one("hindcast_engine_recovered_events", "gauge",
           "Events read again from the log at the start.", count(status.recovered_events));
  text.one("hindcast_engine_resident_bytes", "gauge", "Resident memory of the process.",
           count(status.rss.value));
  sources(text, status.sources);
  partitions(text, status.partitions);
  verified(text, status.verified);
  if (status.governor) governor(text, *status.governor);
  if (metered.gaps) gaps(text, metered.streams, *metered.gaps);
  if (metered.replays) replays(text, *metered.replays);
  const auto channels = [&](std::string_view name, std::string_view help,
                            ByteCount LogStats::*member) {
    text.metric(name, "gauge", help);
    text.sample({{"channel", "live"}}, count((status.live_log.*member).value));
    text.sample({{"channel", "replay"}}, count((status.replay_log.*member).value));
  };
  channels("hindcast_log_used_bytes", "Bytes in the log that are not settled.", &LogStats::size);
  channels("hindcast_log_kept_bytes", "The same, and what age and leases keep.", &LogStats::kept);
  channels("hindcast_log_max_bytes", "Bound of the log; at it ingest answers 429.",
           &LogStats::limit);
  text.metric("hindcast_log_broken_leases_total", "counter",
              "Leases that live's need of the space broke, since the start.");
  text.sample({{"channel", "live"}}, count(status.live_log.broken_leases));
  text.sample({{"channel", "replay"}}, count(status.replay_log.broken_leases));
  text.metric("hindcast_live_thread_class", "gauge",
              "1: the class that live threads have; fifo is best, normal means none.");
  for (const Scheduling held : {Scheduling::kFifo, Scheduling::kShortSlice, Scheduling::kNormal})
    text.sample({{"class", to_string(held)}}, status.isolation.live == held ? 1 : 0);
  text.one("hindcast_replay_process_restarts_total", "counter",
           "Replay processes that died since the start (isolation = \"process\").",
           count(status.isolation.replay_restarts));
  text.one("hindcast_store_stalled", "gauge", "1: the store takes no writes.",
           status.store.stalled ? 1 : 0);
  text.one("hindcast_store_slowed", "gauge", "1: the store delays writes.",
           status.store.slowed ? 1 : 0);
  text.one("hindcast_store_waiting_commits", "gauge", "Commits not yet durable.",
           count(status.store.commits_waiting));
  text.one("hindcast_store_memory_bytes", "gauge", "Memtables and caches.",
           count(status.store.memory.value));
  text.one("hindcast_store_written_bytes_total", "counter", "Bytes written since the start.",
           count(status.store.bytes_written.value));
  return text.take();
}

}  // namespace hindcast
