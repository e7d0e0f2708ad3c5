#include "sim/journal.h"

#include <algorithm>

#include "base/hash.h"

namespace hindcast::sim {
namespace {

std::string place(const Accepted& record) {
  return "record at " + std::to_string(record.at.lo) + " of partition " +
         std::to_string(record.header.partition.value);
}

bool same(const LogRecord& read, const Accepted& known) {
  return read.header.partition == known.header.partition && read.header.kind == known.header.kind &&
         read.header.source == known.header.source && read.header.events == known.header.events &&
         hash64(read.payload) == known.payload;
}

std::vector<LogRecord> read_all(Log& log, PartitionId partition, Position after,
                                Failures& failures) {
  std::vector<LogRecord> all;
  for (;;) {
    auto chunk = log.read(partition, Channel::kLive, after, 16_KiB);
    if (!chunk) {
      failures.add("L2", "the log cannot be read: " + chunk.error().message);
      return all;
    }
    if (chunk->records.empty()) return all;
    after = chunk->next;
    std::ranges::move(chunk->records, std::back_inserter(all));
  }
}

}  // namespace

uint64_t Journal::sent(const std::vector<LogAppend>& records) {
  Attempt& attempt = outstanding_[++last_attempt_];
  for (const LogAppend& record : records) {
    Accepted& known = attempt.records.emplace_back();
    known.header = record.header;
    known.payload = hash64(record.payload);
    if (record.header.kind == RecordKind::kGap)
      known.gap = decode_gap_record(record.payload).value();
    if (record.header.kind != RecordKind::kEvents) continue;
    EventBatch batch;
    decode_events(schema_, record.payload, batch).value();
    known.events = to_events(batch);
  }
  return last_attempt_;
}

void Journal::durable(uint64_t attempt, const std::vector<Position>& positions,
                      Failures& failures) {
  const auto given = outstanding_.find(attempt);
  if (positions.size() != given->second.records.size()) {
    failures.add("L2", "an append was answered with another number of positions");
  }
  for (size_t i = 0; i < given->second.records.size() && i < positions.size(); ++i) {
    given->second.records[i].at = positions[i];
    accept(std::move(given->second.records[i]), failures);
  }
  outstanding_.erase(given);
}

void Journal::accept(Accepted record, Failures& failures) {
  std::vector<Accepted>& known = list(record.header.partition);
  if (!known.empty() && record.at <= known.back().at) {
    failures.add("L2", place(record) + ": positions do not grow");
  }
  known.push_back(std::move(record));
}

void Journal::recovered(Log& log, const Snapshot& store, Failures& failures) {
  std::map<PartitionId, std::deque<LogRecord>> unknown;
  for (uint32_t p = 0; p < accepted_.size(); ++p) {
    const PartitionId partition = partition_at(p);
    const auto checkpoint = store.checkpoint(partition).value();
    const Position safe = checkpoint ? checkpoint->safe : Position{};
    const std::vector<Accepted>& known = accepted_[p];
    auto next = std::ranges::upper_bound(known, safe, {}, &Accepted::at);
    for (LogRecord& record : read_all(log, partition, safe, failures)) {
      if (next != known.end() && next->at == record.position && same(record, *next)) {
        ++next;
      } else if (next == known.end()) {
        unknown[partition].push_back(std::move(record));
      } else {
        failures.add("L2", place(*next) + ": durable before the crash, and gone or changed after");
        return;
      }
    }
    if (next != known.end()) {
      failures.add("L2", place(*next) + ": durable before the crash, and gone after");
      return;
    }
  }
  for (auto& outstanding : outstanding_) {
    Attempt& attempt = outstanding.second;
    const auto is_next = [&](size_t i) {
      const Accepted& record = attempt.records[i];
      std::deque<LogRecord>& queue = unknown[record.header.partition];
      if (queue.empty() || !same(queue.front(), record)) return false;
      attempt.records[i].at = queue.front().position;
      queue.pop_front();
      return true;
    };
    size_t there = 0;
    for (size_t i = 0; i < attempt.records.size(); ++i) there += is_next(i);
    if (there == 0) continue;
    if (there < attempt.records.size()) {
      failures.add("L2", "an append of several records is there in part");
      return;
    }
    ++found_;
    for (Accepted& record : attempt.records) accept(std::move(record), failures);
  }
  for (const auto& [partition, left] : unknown) {
    if (!left.empty()) failures.add("L2", "the log holds a record that nobody sent");
  }
  outstanding_.clear();
  read_to_.clear();
}

void Journal::read(Log& log, PartitionId partition, Failures& failures) {
  Position& at = read_to_[partition];
  const auto chunk = log.read(partition, Channel::kLive, at, 2_KiB);
  if (!chunk) return;  // the power may be off
  const std::vector<Accepted>& known = of(partition);
  for (const LogRecord& record : chunk->records) {
    const auto found = std::ranges::lower_bound(known, record.position, {}, &Accepted::at);
    if (found == known.end() || found->at != record.position || !same(record, *found)) {
      failures.add("L2", "a record of partition " + std::to_string(partition.value) +
                             " can be read and is not durable");
    }
  }
  at = chunk->next;
}

uint64_t Journal::received(SourceId source) const {
  uint64_t events = 0;
  for (const auto& records : accepted_) {
    for (const Accepted& record : records) {
      if (record.header.source == source) events += record.header.events;
    }
  }
  return events;
}

}  // namespace hindcast::sim
