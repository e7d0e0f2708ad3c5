#include "proof/verify_history.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "model/key.h"
#include "progress/replay_job.h"
#include "proof/history_compare_internal.h"

namespace hindcast {
namespace {

Error cancelled() { return {ErrorCode::kCancelled, "stopped"}; }

/// What is read and compared in one go: page windows, and slots of them.
struct Pass {
  Window windows;
  uint16_t slot_begin = 0, slot_end = 0;
  bool certain_only = false;  // its history is not as sorted as it is said to be
};

class HistoryVerifier {
 public:
  HistoryVerifier(const HistorySubject& subject, History& history, const Snapshot& snapshot,
                  const VerifyHistoryOptions& options, VerifyReport& report)
      : subject_(subject),
        schema_(subject.schema),
        history_(history),
        snapshot_(snapshot),
        options_(options),
        report_(report) {}

  Status run() {
    HC_TRY_ASSIGN(const Window range, whole_windows());
    if (range.start >= range.end) return {};
    const Result<std::vector<Window>> pieces = history_.pieces(range);
    if (!pieces) {
      unread(range, pieces.error().message);
      return {};
    }
    // A piece may end within a page window, which is compared as a whole.
    EventTime at = range.start;
    for (const Window& piece : *pieces) {
      const EventTime end = piece.end >= range.end ? range.end : up(piece.end);
      if (end <= at) continue;
      HC_TRY(read({{at, end}, 0, schema_.slots}));
      at = end;
    }
    if (at < range.end) HC_TRY(read({{at, range.end}, 0, schema_.slots}));
    if (!refill_.empty()) report_.refill.push_back({schema_.name, subject_.source, refill_});
    return {};
  }

 private:
  enum class Read : uint8_t { kDone, kUnsorted, kTooMuch };

  EventTime up(EventTime t) const {
    const EventTime down = align_down(t, schema_.page_window);
    return down == t ? t : window_of(t, schema_.page_window).end;
  }
  void unread(Window window, std::string reason) {
    report_.add(VerifyReport::Unread{subject_.source, window, std::move(reason)});
  }

  /// The range to compare, and the frontiers that end it.
  Result<Window> whole_windows() {
    Window range = subject_.range;
    EventTime oldest = kMaxEventTime, frontier = kMinEventTime;
    for (const PartitionId partition : subject_.partitions) {
      HC_TRY_ASSIGN(const auto checkpoint, snapshot_.checkpoint(partition));
      frontiers_[partition] = checkpoint ? checkpoint->frontier : Frontier{};
      frontier = std::max(frontier, frontiers_[partition].window);
      if (range.start != kMinEventTime) continue;
      HC_TRY(
          snapshot_.heads({partition, {kMinEventTime, kMaxEventTime}}, [&](const PageHead& head) {
            oldest = std::min(oldest, head.key.window);
            return false;
          }));
    }
    range.start =
        range.start == kMinEventTime ? oldest : align_down(range.start, schema_.page_window);
    range.end = std::min(range.end == kMaxEventTime ? frontier : up(range.end), frontier);
    return range;
  }

  Status read(Pass whole) {
    std::vector<Pass> todo{whole};
    while (!todo.empty()) {
      Pass pass = todo.back();
      todo.pop_back();
      HC_TRY_ASSIGN(const Read read, try_pass(pass));
      if (read == Read::kUnsorted) {
        pass.certain_only = true;
        todo.push_back(pass);
      } else if (read == Read::kTooMuch) {
        split(pass, todo);
      }
    }
    return {};
  }

  /// What try_pass left of a pass, in halves.
  void split(const Pass& pass, std::vector<Pass>& todo) {
    Pass first = pass, second = pass;
    const int64_t windows = (pass.windows.end - pass.windows.start) / schema_.page_window;
    if (windows > 1) {
      first.windows.end = second.windows.start =
          pass.windows.start + windows / 2 * schema_.page_window;
    } else if (pass.slot_end - pass.slot_begin > 1) {
      first.slot_end = second.slot_begin =
          static_cast<uint16_t>((pass.slot_begin + pass.slot_end) / 2);
    } else {
      return unread(pass.windows, "more than " + std::to_string(options_.events_max) +
                                      " events in one slot of a page window");
    }
    todo.push_back(second);
    todo.push_back(first);
  }

  /// Reads and compares; of a pass that holds too much, `pass` becomes what is left.
  Result<Read> try_pass(Pass& pass) {
    VerifyReport found;
    std::vector<Window> refill;
    std::vector<HistoryChunk::Missing> missing;
    HistoryCompare comparison(subject_, snapshot_, frontiers_, missing, found, refill);
    std::map<EventTime, EventBatch> held;
    size_t events = 0;
    uint64_t dead = 0;
    std::string first_dead;
    EventTime done = pass.windows.start;  // compared up to here
    const auto keep = [&](EventTime until, std::string reason) -> Result<Read> {
      const auto unread_here = [&](Window window, std::string why) {
        if (window.start < window.end)
          found.add(VerifyReport::Unread{subject_.source, window, std::move(why)});
      };
      for (const HistoryChunk::Missing& absent : missing) {
        const Window lacking{std::max(absent.window.start, pass.windows.start),
                             std::min(absent.window.end, until)};
        HC_TRY_ASSIGN(const bool ours, holds_events(lacking));
        if (ours) unread_here(lacking, "the history lacks it: " + absent.reason);
      }
      if (dead > 0) {
        unread_here({pass.windows.start, until},
                    std::to_string(dead) + " records cannot be read, the first: " + first_dead);
      }
      if (!reason.empty()) unread_here({until, pass.windows.end}, std::move(reason));
      report_.add(found);
      for (const Window& window : refill) add_window(refill_, window);
      return Read::kDone;
    };
    Result<std::unique_ptr<Cursor>> cursor =
        history_.open({.range = pass.windows, .keys = {}, .id_before = nullptr});
    if (!cursor) return keep(done, cursor.error().message);
    for (;;) {
      Result<HistoryChunk> chunk = next(**cursor);
      if (!chunk) {
        if (chunk.error().code == ErrorCode::kCancelled) return std::move(chunk).error();
        return keep(done, chunk.error().message);
      }
      found.history.requests += chunk->spent.requests;
      found.history.bytes += chunk->spent.bytes.value;
      if (!chunk->dead.empty() && dead == 0)
        first_dead = chunk->dead.front().place + ": " + chunk->dead.front().reason;
      dead += chunk->dead.size();
      std::ranges::move(chunk->missing, std::back_inserter(missing));
      uint64_t taken = 0;
      if (!hold(pass, done, chunk->events, held, taken)) {
        if (!pass.certain_only) return Read::kUnsorted;
        return keep(done,
                    "unsorted: the history handed over an event older than what it had said "
                    "was complete");
      }
      events += taken;
      found.history.events += taken;
      EventTime complete = chunk->end ? pass.windows.end : chunk->complete_to;
      if (!pass.certain_only) complete = std::max(complete, chunk->covered_to);
      complete =
          std::min(pass.windows.end,
                   complete == kMinEventTime ? done : align_down(complete, schema_.page_window));
      if (complete > done) {
        HC_TRY(comparison.compare({done, complete}, pass.slot_begin, pass.slot_end, held));
        done = complete;
        events = 0;
        for (const auto& [window, rows] : held) events += rows.size();
      }
      if (chunk->end) return keep(done, "");
      if (events > options_.events_max) {
        HC_TRY(keep(done, ""));
        pass.windows.start = done;
        return Read::kTooMuch;
      }
    }
  }

  /// Where we have nothing either, there is nothing to compare.
  Result<bool> holds_events(Window range) const {
    if (range.start >= range.end) return false;
    const Window windows{align_down(range.start, schema_.page_window), range.end};
    bool found = false;
    for (const auto& [partition, frontier] : frontiers_) {
      const Status read = snapshot_.heads({partition, windows}, [&](const PageHead& head) {
        found = head.live_events > 0 || !head.damage.empty();
        return !found;
      });
      if (!read && read.error().code != ErrorCode::kCorruption) return read.error();
      if (!read || found) return true;
    }
    return false;
  }

  /// Puts what belongs to the pass into its windows. False: an event came too late for its window.
  bool hold(const Pass& pass, EventTime done, const EventBatch& events,
            std::map<EventTime, EventBatch>& held, uint64_t& taken) const {
    std::map<EventTime, std::vector<uint32_t>> rows;
    for (uint32_t row = 0; row < events.size(); ++row) {
      const EventTime time = event_time_ns(events.time[row]);
      if (!pass.windows.contains(time)) continue;
      const uint16_t slot = slot_of_hash(events.keys.hash(events.key[row]), schema_.slots);
      if (slot < pass.slot_begin || slot >= pass.slot_end) continue;
      const EventTime window = align_down(time, schema_.page_window);
      if (window < done) return false;
      rows[window].push_back(row);
      ++taken;
    }
    for (const auto& [window, numbers] : rows) {
      append_rows(schema_, events, numbers, held.try_emplace(window, schema_).first->second);
    }
    return true;
  }

  Result<HistoryChunk> next(Cursor& cursor) {
    Duration pause = options_.retry_first;
    for (int tries = 0;; ++tries) {
      Result<HistoryChunk> chunk = answer_of(cursor);
      if (chunk) return chunk;
      const ErrorCode code = chunk.error().code;
      const bool passing = code == ErrorCode::kUnavailable || code == ErrorCode::kOverloaded;
      if (!passing || tries == options_.retries) return chunk;
      if (options_.pause && !options_.pause(cursor.retry_after().value_or(pause)))
        return cancelled();
      pause *= 2;
    }
  }

  /// Waits for the history, or for the stop.
  Result<HistoryChunk> answer_of(Cursor& cursor) {
    if (options_.stop.stop_requested()) return cancelled();
    struct Answer {
      std::mutex mutex;
      std::condition_variable_any ready;
      std::optional<Result<HistoryChunk>> chunk;
    };
    const auto answer =
        std::make_shared<Answer>();  // owners: this call, and the history's callback
    cursor.next(options_.read_max, [answer](Result<HistoryChunk> chunk) {
      const std::lock_guard lock(answer->mutex);
      answer->chunk = std::move(chunk);
      answer->ready.notify_one();
    });
    std::unique_lock lock(answer->mutex);
    if (!answer->ready.wait(lock, options_.stop, [&] { return answer->chunk.has_value(); }))
      return cancelled();
    return *std::move(answer->chunk);
  }

  const HistorySubject& subject_;
  const StreamSchema& schema_;
  History& history_;
  const Snapshot& snapshot_;
  const VerifyHistoryOptions& options_;
  VerifyReport& report_;
  std::map<PartitionId, Frontier> frontiers_;
  std::vector<Window> refill_;
};

}  // namespace

Status verify_history(const HistorySubject& subject, History& history, const Snapshot& snapshot,
                      const VerifyHistoryOptions& options, VerifyReport& report) {
  report.history.compared = true;
  return HistoryVerifier(subject, history, snapshot, options, report).run();
}

}  // namespace hindcast
