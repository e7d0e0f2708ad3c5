// What an operator sees: the store's view, with what is in flight added.
#include <algorithm>

#include "engine/engine.h"

namespace hindcast {

SystemStatus Engine::status() {
  const bool running = ready();
  SystemStatus status = stored_status().value_or(SystemStatus{});
  const std::vector<const Partition*> of = all_partitions();
  const std::vector<LaneWorker::View> at = views(of, Window{}, {});
  const std::map<SourceId, SourceTally> tallies = ledger_.read();
  status.state = running ? "running" : "recovering";
  status.uptime = runtime_.mono_now() - opened_;
  status.recovery = running ? recovered_at_ - opened_ : status.uptime;
  status.live_log = log_->stats(Channel::kLive);
  status.replay_log = log_->stats(Channel::kReplay);
  status.verified = verifier_.status();
  status.isolation = {std::string(to_string(config_.replay.isolation)), isolation_->live(),
                      isolation_->replay(), replay_->process_pids(), replay_->process_restarts()};
  for (PartitionStatus& partition : status.partitions) {
    for (size_t i = 0; i < of.size(); ++i) {
      if (of[i]->id != partition.partition) continue;
      if (at[i].watermark != kMinEventTime) partition.watermark = at[i].watermark;
      partition.open_memory = at[i].memory;
      partition.records_behind = ledger_.unapplied(partition.partition);
    }
  }
  // While the log is read, only the store's figures belong together.
  if (!running) {
    for (SourceStatus& source : status.sources) source.state = "recovering";
    return status;
  }
  status.recovered_events = recovered_events_;
  status.governor = replay_->governor().status();
  for (SourceStatus& source : status.sources) {
    const SourceId id = catalog_.sources().at(source.name);
    source.state = std::string(to_string(ingest_.state(id)));
    source.reason = ingest_.reason(id);
    for (const auto& worker : sources_) {
      if (const auto failure = worker->failure(); failure && worker->id() == id) {
        source.state = "failed: " + *failure;
        source.reason.clear();
      }
    }
    source.max_event = ingest_.max_event(id);
    source.behind = source.late = 0;
    source.watermark.reset();
    bool first = true;
    for (size_t i = 0; i < of.size(); ++i) {
      if (of[i]->stream->schema.name != source.stream) continue;
      const std::optional<EventTime> watermark =
          at[i].watermark == kMinEventTime ? std::nullopt : std::optional(at[i].watermark);
      source.watermark =
          first ? watermark
                : (source.watermark && watermark ? std::min(source.watermark, watermark)
                                                 : std::nullopt);
      first = false;
      for (const SourceState& state : at[i].sources) {
        if (state.source != id) continue;
        source.behind += state.behind;
        source.late += state.late;
      }
    }
    if (const auto found = tallies.find(id); found != tallies.end()) {
      source.received = found->second.received;
      source.pending = found->second.pending();
      source.tallies = found->second.settled;
      source.ignored = found->second.ignored;
      source.silences = found->second.silences;
    }
  }
  return status;
}

}  // namespace hindcast
