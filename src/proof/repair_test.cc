#include "proof/repair.h"

#include "proof/proof_test_util.h"

namespace hindcast::test {
namespace {

/// Another writer changes the page between each look and its commit.
class ContendedStore final : public test::ForwardingStore {
 public:
  ContendedStore(Store& store, PageKey page) : ForwardingStore(store), inner(store), page_(page) {}
  void commit(Commit commit, Done<CommitResult> done) override {
    if (contend > 0 && !commit.pages.empty()) {
      --contend;
      inner.commit(rewrite(*inner.snapshot().value(), page_), [](const Result<CommitResult>&) {});
    }
    inner.commit(std::move(commit), std::move(done));
  }

  Store& inner;
  int contend = 0;

 private:
  PageKey page_;
};

class RepairTest : public ::testing::Test {
 protected:
  RepairTest() : lane_(store_, log_) {
    lane_.events({{.key = "a", .time = 1s, .id = 1, .value = 1}});
    lane_.heartbeat(10min);
    lane_.run();
  }
  VerifyReport repair(Store& store, const RepairPlan& plan) {
    VerifyReport report;
    EXPECT_TRUE(repair_pages({.schema = lane_.options().lane.schema,
                              .aggregates = lane_.options().lane.aggregates,
                              .stream = kStream,
                              .next_gap = [] { return Result<GapId>(1); },
                              .now = [] { return kNow; }},
                             plan, store, report));
    return report;
  }
  const PageKey kPage{kPartition, at(0s), slot_of("a", 4)};
  MemoryStore store_;
  MemoryLog log_;
  LaneOver lane_;
};

TEST_F(RepairTest, APageThatOthersChangeIsTriedAgain) {
  ContendedStore contended(store_, kPage);
  contended.contend = 2;
  const VerifyReport report = repair(contended, {.pages = {kPage}, .parents = {}});
  EXPECT_EQ(report.pages_remade, 1u);
  EXPECT_EQ(report.pages_contended, 0u);
  EXPECT_TRUE(lane_.verify().ok());
}

TEST_F(RepairTest, APageThatOthersKeepChangingIsLeftToThemAndSaid) {
  ContendedStore contended(store_, kPage);
  contended.contend = 3;
  const VerifyReport report = repair(contended, {.pages = {kPage}, .parents = {}});
  EXPECT_EQ(report.pages_remade, 0u);
  EXPECT_EQ(report.pages_contended, 1u);
}

TEST_F(RepairTest, AnEmptyPlanDoesNothing) {
  const ChangeNumber before = store_.snapshot().value()->last_change();
  const VerifyReport report = repair(store_, {});
  EXPECT_TRUE(report.repaired);
  EXPECT_EQ(store_.snapshot().value()->last_change(), before);
}

TEST_F(RepairTest, AClosedStoreIsAnError) {
  store_.close().value();
  VerifyReport report;
  const RepairPlan plan{.pages = {kPage}, .parents = {}};
  EXPECT_EQ(repair_pages({.schema = lane_.options().lane.schema,
                          .aggregates = lane_.options().lane.aggregates,
                          .stream = kStream,
                          .next_gap = [] { return Result<GapId>(1); },
                          .now = [] { return kNow; }},
                         plan, store_, report)
                .error()
                .code,
            ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace hindcast::test
