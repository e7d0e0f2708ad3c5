#include "replay/log_history.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "progress/control.h"
#include "replay/windows.h"

namespace hindcast {
namespace {

Position before(Position p) { return p == Position{} ? p : Position{p.hi, p.lo - 1}; }

class LogCursor final : public Cursor {
 public:
  LogCursor(const LogHistoryParts& of, HistoryQuery query)
      : of_(of), query_(std::move(query)), keys_(query_.keys.begin(), query_.keys.end()) {}
  ~LogCursor() override { let_go(); }

  void next(ByteCount max, Done<HistoryChunk> done) override {
    auto chunk = next_chunk(max);
    if (!chunk && chunk.error().code != ErrorCode::kUnavailable) {
      failure_ = chunk.error();
      let_go();
    }
    done(std::move(chunk));
  }
  void reuse(EventBatch spare) override { spare_ = std::move(spare); }

 private:
  struct Held {
    LeaseId lease;
    Position from;
  };

  Result<HistoryChunk> next_chunk(ByteCount max) {
    if (failure_) return *failure_;
    HistoryChunk chunk{.events = std::exchange(spare_, {})};
    chunk.events.reset(of_.schema);
    chunk.covered_to = chunk.complete_to = query_.range.start;
    if (!planned_) {
      if (held_.empty()) lease_all();
      HC_TRY_ASSIGN(const std::optional<ByteCount> scanned, of_.index.scan(max));
      if (scanned) {
        chunk.spent.bytes = *scanned;
        return chunk;
      }
      HC_TRY(plan(chunk));
    }
    const uint64_t budget = std::max<uint64_t>(max.value, 1);
    while (chunk.spent.bytes.value < budget && at_ < blocks_.size()) {
      if (Status read = read_block(budget - chunk.spent.bytes.value, chunk); !read) {
        // What was read before counts; the problem is met again by the next call.
        if (chunk.spent.bytes.value == 0 || read.error().code == ErrorCode::kNotFound)
          return std::move(read).error();
        break;
      }
    }
    chunk.end = at_ == blocks_.size();
    chunk.covered_to = chunk.complete_to =
        chunk.end ? query_.range.end
                  : std::clamp(blocks_[at_].earliest, query_.range.start, query_.range.end);
    return chunk;
  }

  void lease_all() {
    for (const PartitionId partition : of_.partitions) {
      while (true) {  // live goes on trimming meanwhile
        const Position from = of_.log.kept_from(partition, Channel::kLive);
        const auto lease = of_.log.lease(partition, Channel::kLive, from, owner());
        if (!lease) continue;
        held_[partition] = {*lease, from};
        break;
      }
    }
  }

  /// What is to be read, and what the log cannot have.
  Status plan(HistoryChunk& chunk) {
    planned_ = true;
    const Window& range = query_.range;
    if (range.start >= range.end) return {};
    std::map<PartitionId, Position> kept_from;
    for (const auto& [partition, held] : held_) kept_from[partition] = held.from;
    blocks_ = of_.index.find(range);
    for (LogBlock& block : blocks_)
      block.after = std::max(block.after, before(kept_from.at(block.partition)));
    std::erase_if(blocks_, [](const LogBlock& b) { return b.last <= b.after; });
    const EventTime from = of_.index.complete_from(kept_from);
    if (from > range.start) {
      chunk.missing.push_back({{range.start, std::min(from, range.end)},
                               {},
                               "log-begins: the log has all events only from " + to_rfc3339(from) +
                                   " on; a larger age or size in [log] retention keeps more"});
    }
    HC_TRY_ASSIGN(const std::vector<Window> never, of_.never_taken(range));
    for (const Window& window : never) {
      chunk.missing.push_back({common(window, range),
                               {},
                               "never-taken: events were lost there before they reached the log"});
    }
    narrow();
    return {};
  }

  Status read_block(uint64_t max, HistoryChunk& chunk) {
    LogBlock& block = blocks_[at_];
    Result<LogChunk> read =
        of_.log.read(block.partition, Channel::kLive, block.after, ByteCount{max});
    if (!of_.log.holds(held_.at(block.partition).lease)) {
      return not_found(
          "lease-broken: live needed the space of the log while it was read; a larger "
          "[log] retention keeps it, or a shorter range needs less of it");
    }
    if (!read) return std::move(read).error().with("log");
    for (const LogRecord& record : read->records) {
      if (record.position > block.last) break;
      chunk.spent.bytes += ByteCount{record.payload.size()};
      if (record.header.kind == RecordKind::kEvents) HC_TRY(take(record, chunk.events));
      block.after = record.position;
    }
    if (read->records.empty() || read->records.back().position >= block.last) {
      ++at_;
      narrow();
    }
    return {};
  }

  Status take(const LogRecord& record, EventBatch& events) {
    HC_TRY(decode_events(of_.schema, record.payload, batch_));
    std::vector<uint32_t> rows;
    for (uint32_t row = 0; row < batch_.size(); ++row) {
      if (query_.range.contains(event_time_ns(batch_.time[row])) &&
          (keys_.empty() || keys_.contains(batch_.keys[batch_.key[row]])))
        rows.push_back(row);
    }
    append_rows(of_.schema, batch_, rows, events);
    return {};
  }

  /// Leases no more than what is yet to be read.
  void narrow() {
    std::map<PartitionId, Position> lowest;
    for (size_t i = at_; i < blocks_.size(); ++i) {
      const auto [found, fresh] = lowest.try_emplace(blocks_[i].partition, blocks_[i].after);
      if (!fresh) found->second = std::min(found->second, blocks_[i].after);
    }
    for (auto it = held_.begin(); it != held_.end();) {
      const auto& [partition, held] = *it;
      const auto wanted = lowest.find(partition);
      if (wanted == lowest.end()) {
        of_.log.release(held.lease);
        it = held_.erase(it);
        continue;
      }
      // A broken one stays: it says so at the next read.
      if (wanted->second > held.from && of_.log.holds(held.lease)) {
        const auto lease = of_.log.lease(partition, Channel::kLive, wanted->second, owner());
        if (lease) {
          of_.log.release(held.lease);
          it->second = {*lease, wanted->second};
        }
      }
      ++it;
    }
  }

  void let_go() {
    for (const auto& [partition, held] : held_) of_.log.release(held.lease);
    held_.clear();
  }
  std::string owner() const { return "replay of stream '" + of_.stream + "' from the log"; }

  const LogHistoryParts& of_;
  const HistoryQuery query_;
  const std::set<Bytes, std::less<>> keys_;
  std::map<PartitionId, Held> held_;
  bool planned_ = false;
  std::vector<LogBlock> blocks_;
  size_t at_ = 0;
  std::optional<Error> failure_;
  EventBatch batch_, spare_;
};

class LogHistory final : public History {
 public:
  explicit LogHistory(LogHistoryParts parts) : parts_(std::move(parts)) {}

  /// One: its order is that of the log, whatever the times.
  Result<std::vector<Window>> pieces(Window range) override { return std::vector{range}; }

  Result<HistoryEstimate> estimate(const HistoryQuery& query) override {
    HistoryEstimate out;
    out.bytes = ByteCount{0};
    for (const LogBlock& block : parts_.index.find(query.range))
      *out.bytes += parts_.log.between(Channel::kLive, block.after, block.last);
    return out;
  }

  Result<std::unique_ptr<Cursor>> open(HistoryQuery query) override {
    return std::unique_ptr<Cursor>(std::make_unique<LogCursor>(parts_, std::move(query)));
  }

  /// What is taken in is there; it does not change any more.
  Duration settle() const override { return Duration(0); }
  std::string describe() const override { return "log, as long as it is kept"; }

 private:
  const LogHistoryParts parts_;
};

}  // namespace

std::unique_ptr<History> make_log_history(LogHistoryParts parts) {
  return std::make_unique<LogHistory>(std::move(parts));
}

}  // namespace hindcast
