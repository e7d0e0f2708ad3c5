// A small sealed stream (lane/lane_test_util.h) for the tests of verification and repair.
#pragma once
#include <gmock/gmock.h>

#include <future>

#include "lane/lane_test_util.h"
#include "proof/repair.h"
#include "proof/verify.h"
#include "store/forwarding_store_test_util.h"

namespace hindcast::test {

inline VerifySubject small_subject() {
  VerifySubject subject{.schema = small_schema(), .partitions = {kPartition}, .aggregates = {}};
  for (const RollerAggregate& aggregate : small_rollups()) {
    const std::string name = aggregate.id == kFine ? "fine" : "coarse";
    const size_t page_levels = aggregate.id == kFine ? 2 : 1;
    subject.aggregates.push_back(
        {name, aggregate.id, aggregate.rule, aggregate.resolutions, page_levels});
  }
  return subject;
}

/// Remembers the gaps of commits that took effect, and answers on the caller's thread.
class GapStore final : public ForwardingStore {
 public:
  explicit GapStore(Store& store) : ForwardingStore(store), inner(store) {}
  void commit(Commit commit, Done<CommitResult> done) override {
    std::vector<Gap> gaps = commit.gaps;
    std::promise<Result<CommitResult>> answer;
    inner.commit(std::move(commit),
                 [&](Result<CommitResult> result) { answer.set_value(std::move(result)); });
    Result<CommitResult> result = answer.get_future().get();
    if (result && result->state == CommitState::kCommitted)
      opened.insert(opened.end(), gaps.begin(), gaps.end());
    done(std::move(result));
  }

  Store& inner;
  std::vector<Gap> opened;
};

/// A lane over a store of one's choice.
class LaneOver {
 public:
  LaneOver(Store& store, MemoryLog& log) : store_(store), log_(log) {
    options_.lane.stream = kStream;
    options_.lane.next_gap = [this] { return Result<GapId>(++last_gap_); };
    driver_.emplace(options_, log_, store_);
    driver_->start().value();
  }
  void events(const std::vector<Event>& list) { append(events_record(kLeft, list)); }
  void heartbeat(Duration to) { append(advance_record(kLeft, to)); }
  void run() {
    const Status status = driver_->run(kNow);
    ASSERT_TRUE(status.has_value()) << status.error().message;
  }
  VerifyReport verify(RepairPlan* plan = nullptr, VerifySubject subject = small_subject()) {
    VerifyReport report;
    const Status status = verify_pages(subject, *store_.snapshot().value(), report, plan);
    EXPECT_TRUE(status.has_value()) << status.error().message;
    return report;
  }
  /// Verifies and repairs, lets the roller do its part, and says what the repair did.
  VerifyReport repair() {
    RepairPlan plan;
    VerifyReport report = verify(&plan);
    repair_pages({.schema = options_.lane.schema,
                  .aggregates = options_.lane.aggregates,
                  .stream = kStream,
                  .next_gap = options_.lane.next_gap,
                  .now = [] { return kNow + 1h; }},
                 plan, store_, report)
        .value();
    run();
    return report;
  }
  const LaneDriverOptions& options() const { return options_; }

 private:
  void append(LogAppend record) {
    std::vector<LogAppend> batch;
    batch.push_back(std::move(record));
    log_.append(Channel::kLive, std::move(batch),
                [](Result<std::vector<Position>> done) { ASSERT_TRUE(done.has_value()); });
  }
  Store& store_;
  MemoryLog& log_;
  GapId last_gap_ = 0;
  LaneDriverOptions options_ = small_options();
  std::optional<LaneDriver> driver_;
};

inline std::string lines(const VerifyReport& report) {
  std::string out;
  for (const auto& d : report.differences) {
    out += std::string(to_string(d.kind)) + " " + d.aggregate + "/" + d.key + " [" +
           to_rfc3339(d.window.start) + ", " + to_rfc3339(d.window.end) + ") " + d.what + "\n";
  }
  for (const auto& u : report.unread) {
    out += "unread " + u.source + " [" + to_rfc3339(u.window.start) + ", " +
           to_rfc3339(u.window.end) + ") " + u.reason + "\n";
  }
  return out;
}

}  // namespace hindcast::test
