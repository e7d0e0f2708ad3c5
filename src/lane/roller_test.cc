#include "lane/roller.h"

#include <gmock/gmock.h>

#include "lane/lane_test_util.h"

namespace hindcast::test {
namespace {

/// Child rows of 10 s and the frontier are written as a lane would, the marks too.
class RollerTest : public ::testing::Test {
 protected:
  RollerTest()
      : roller_(
            {.partition = kPartition, .schema = small_schema(), .aggregates = small_rollups()}) {}

  Row child(const std::string& key, Duration bucket, int64_t value, uint64_t version = 1) {
    EventBatch batch(schema_);
    batch.key.push_back(batch.keys.intern(key));
    batch.time.push_back(bucket.count());
    batch.id[0].push_back(value);
    batch.values[0].push_back(value);
    std::vector<Row> rows;
    fold_rows(schema_, rule_, kCoarse, 10s, kPartition, 0, batch, key_runs(batch), rows);
    rows.front().version = Version{version};
    return rows.front();
  }
  Mark mark(Duration bucket, std::vector<Bytes> keys, Cause::Kind cause = Cause::Kind::kLive) {
    return {.aggregate = kCoarse,
            .resolution = 1min,
            .bucket = at(bucket),
            .partition = kPartition,
            .slot = 0,
            .keys = std::move(keys),
            .cause = {cause}};
  }
  void commit(std::vector<Row> rows, std::vector<Mark> marks, Duration frontier) {
    Commit commit{.id = ++last_id_};
    commit.rows = std::move(rows);
    commit.marks = std::move(marks);
    commit.checkpoint = Checkpoint{.partition = kPartition, .frontier = {at(frontier), 0}};
    store_.commit(std::move(commit), [](Result<CommitResult> done) {
      ASSERT_EQ(done->state, CommitState::kCommitted);
    });
  }
  /// One step; false when nothing was ready.
  bool roll() {
    std::optional<Commit> commit = roller_.step(*store_.snapshot().value(), kNow).value();
    if (!commit) return false;
    const CommitId id = commit->id;
    store_.commit(std::move(*commit),
                  [&](Result<CommitResult> done) { roller_.committed(id, *done); });
    return true;
  }
  std::optional<Row> parent(const std::string& key, Duration bucket) {
    return store_.snapshot().value()->row({kCoarse, 1min, at(bucket), kPartition, 0, key}).value();
  }
  size_t marks() {
    size_t count = 0;
    store_.snapshot().value()->marks(kPartition, [&](const Mark&) { return ++count > 0; }).value();
    return count;
  }

  const StreamSchema schema_ = small_schema();
  const Rule rule_ = small_rule();
  MemoryStore store_;
  Roller roller_;
  CommitId last_id_ = 0;
};

TEST_F(RollerTest, AParentWaitsUntilItIsBehindTheFrontier) {
  commit({child("a", 0s, 5), child("a", 50s, 7)}, {mark(0s, {})}, 50s);
  EXPECT_FALSE(roll());
  EXPECT_EQ(marks(), 1U);
  commit({}, {}, 60s);
  EXPECT_TRUE(roll());
  EXPECT_EQ(parent("a", 0s)->events, 2U);
  EXPECT_EQ(parent("a", 0s)->version, Version{1});
  EXPECT_EQ(marks(), 0U);
}

TEST_F(RollerTest, AnOpenParentsMarkDoesNotHideAYoungerOne) {
  commit({child("a", 60s, 5)}, {mark(60s, {})}, 70s);
  commit({child("a", 0s, 5)}, {mark(0s, {"a"}, Cause::Kind::kLate)}, 70s);
  EXPECT_TRUE(roll());
  EXPECT_EQ(parent("a", 0s)->cause.kind, Cause::Kind::kLate);
  EXPECT_EQ(marks(), 1U);
}

TEST_F(RollerTest, OnlyNamedKeysAreRefolded) {
  commit({child("a", 0s, 5), child("b", 0s, 6)}, {mark(0s, {"b"})}, 60s);
  EXPECT_TRUE(roll());
  EXPECT_FALSE(parent("a", 0s));
  EXPECT_TRUE(parent("b", 0s));
}

// Law L10.
TEST_F(RollerTest, ARefoldThatChangesNothingWritesNothing) {
  commit({child("a", 0s, 5)}, {mark(0s, {})}, 60s);
  EXPECT_TRUE(roll());
  commit({}, {mark(0s, {}), mark(0s, {"a"})}, 60s);
  EXPECT_TRUE(roll());  // the marks go
  EXPECT_EQ(marks(), 0U);
  EXPECT_EQ(parent("a", 0s)->version, Version{1});
}

TEST_F(RollerTest, AMarkThatArrivesMeanwhileIsRolledNextTime) {
  commit({child("a", 0s, 5)}, {mark(0s, {})}, 60s);
  std::optional<Commit> rolled = roller_.step(*store_.snapshot().value(), kNow).value();
  commit({child("a", 10s, 6)}, {mark(0s, {"a"})}, 60s);
  store_.commit(*rolled, [&](Result<CommitResult> done) { roller_.committed(rolled->id, *done); });
  EXPECT_EQ(parent("a", 0s)->events, 1U);
  EXPECT_EQ(marks(), 1U);
  EXPECT_TRUE(roll());
  EXPECT_EQ(parent("a", 0s)->events, 2U);
  EXPECT_EQ(parent("a", 0s)->version, Version{2});
}

TEST_F(RollerTest, AParentWhoseChildrenAreEmptiedIsEmptied) {
  commit({child("a", 0s, 5)}, {mark(0s, {})}, 60s);
  EXPECT_TRUE(roll());
  Row emptied{.at = child("a", 0s, 5).at, .version = Version{2}};
  State(schema_, rule_).encode(emptied.state);
  commit({emptied}, {mark(0s, {"a"})}, 60s);
  EXPECT_TRUE(roll());
  EXPECT_EQ(parent("a", 0s)->events, 0U);
  EXPECT_EQ(parent("a", 0s)->version, Version{2});
}

// Its parent and the parent's parent close at once: the day is folded once, after the hour, and
// gets one version.
TEST_F(RollerTest, ChildrenAreRolledBeforeTheirParents) {
  EventBatch batch(schema_);
  std::vector<Row> rows;
  batch.key.push_back(batch.keys.intern("a"));
  batch.time.push_back(0);
  batch.id[0].push_back(1);
  batch.values[0].push_back(1);
  fold_rows(schema_, rule_, kFine, 10s, kPartition, 0, batch, key_runs(batch), rows);
  rows.front().version = Version{1};
  Mark minute = mark(0s, {}), five = mark(0s, {});
  minute.aggregate = five.aggregate = kFine;
  five.resolution = 5min;
  commit(rows, {five, minute}, 300s);
  while (roll()) {
  }
  const auto row =
      store_.snapshot().value()->row({kFine, 5min, at(0s), kPartition, 0, "a"}).value();
  EXPECT_EQ(row->events, 1U);
  EXPECT_EQ(row->version, Version{1});
  EXPECT_EQ(marks(), 0U);
}

TEST_F(RollerTest, MarksOfAnAggregateThatIsGoneAreForgotten) {
  Mark unknown = mark(0s, {});
  unknown.aggregate = AggregateId{99};
  commit({}, {unknown}, 60s);
  EXPECT_TRUE(roll());
  EXPECT_EQ(marks(), 0U);
}

}  // namespace
}  // namespace hindcast::test
