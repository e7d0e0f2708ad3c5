#include "server/metrics.h"

#include <array>
#include <charconv>

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

}  // namespace

Bytes metrics_text(const SystemStatus& status, bool ready) {
  Text text;
  text.one("hindcast_engine_ready", "gauge", "1: recovered and accepting.", ready ? 1 : 0);
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
  const auto channels = [&](std::string_view name, std::string_view help,
                            ByteCount LogStats::*member) {
    text.metric(name, "gauge", help);
    text.sample({{"channel", "live"}}, count((status.live_log.*member).value));
    text.sample({{"channel", "replay"}}, count((status.replay_log.*member).value));
  };
  channels("hindcast_log_used_bytes", "Bytes kept in the log.", &LogStats::size);
  channels("hindcast_log_max_bytes", "Bound of the log; at it ingest answers 429.",
           &LogStats::limit);
  text.metric("hindcast_live_thread_class", "gauge",
              "1: the class that live threads have; fifo is best, normal means none.");
  for (const Scheduling held : {Scheduling::kFifo, Scheduling::kShortSlice, Scheduling::kNormal})
    text.sample({{"class", to_string(held)}}, status.isolation.live == held ? 1 : 0);
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
