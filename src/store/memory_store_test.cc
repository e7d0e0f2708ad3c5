#include "store/memory_store.h"

#include <gtest/gtest.h>

#include <deque>

#include "store/store_contract_test.h"
#include "store/store_facts_contract_test.h"

namespace hindcast {
namespace {

class MemoryWorld {
 public:
  Store& store() { return store_; }
  void reopen() { store_.crash(); }
  void kill() { store_.crash(); }

 private:
  MemoryStore store_;
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StoreContractTest, MemoryWorld);
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StoreFactsContractTest, MemoryWorld);

namespace {

/// Tasks wait until a test runs them.
class HeldTasks {
 public:
  MemoryStoreOptions options() {
    return {.post = [this](Task task) { tasks_.push_back(std::move(task)); }};
  }
  void run_one() {
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
  }
  void run_all() {
    while (!tasks_.empty()) run_one();
  }
  size_t size() const { return tasks_.size(); }

 private:
  std::deque<Task> tasks_;
};

TEST(MemoryStoreTest, NothingIsReadableBeforeItsTaskRan) {
  HeldTasks tasks;
  MemoryStore store(tasks.options());
  int answers = 0;
  store.commit({.id = 1, .pages = {page_add(page_key(), 0, "x")}},
               [&](Result<CommitResult>) { ++answers; });
  EXPECT_EQ(snap(store)->page(page_key(), Lane::kLive).value().head.version, Version{0});
  EXPECT_EQ(store.health().commits_waiting, 1u);
  EXPECT_EQ(answers, 0);
  tasks.run_all();
  EXPECT_EQ(snap(store)->page(page_key(), Lane::kLive).value().head.version, Version{1});
  EXPECT_EQ(answers, 1);
}

TEST(MemoryStoreTest, LiveGoesBeforeReplay) {
  HeldTasks tasks;
  MemoryStore store(tasks.options());
  std::vector<CommitId> order;
  const auto commit_as = [&](CommitId id, Lane lane) {
    store.commit({.id = id, .lane = lane},
                 [&order, id](Result<CommitResult>) { order.push_back(id); });
  };
  commit_as(1, Lane::kReplay);
  commit_as(2, Lane::kReplay);
  commit_as(3, Lane::kLive);
  tasks.run_one();
  commit_as(4, Lane::kLive);
  tasks.run_all();
  EXPECT_EQ(order, (std::vector<CommitId>{3, 4, 1, 2}));
}

TEST(MemoryStoreTest, ACrashLosesWhatWasNotCompletedAndOnlyThat) {
  HeldTasks tasks;
  MemoryStore store(tasks.options());
  int answers = 0;
  const auto count = [&](Result<CommitResult>) { ++answers; };
  store.commit({.id = 1, .pages = {page_add(page_key(), 0, "kept")}}, count);
  store.commit({.id = 2, .pages = {page_add(page_key(), 1, "lost")}}, count);
  tasks.run_one();
  store.crash();
  // The task of the lost commit is still there; it must not complete a commit of the next life
  // early.
  store.commit({.id = 3, .pages = {page_add(page_key(), 1, "next life")}}, count);
  tasks.run_one();
  EXPECT_EQ(snap(store)->page(page_key(), Lane::kLive).value().parts, std::vector<Bytes>{"kept"});
  EXPECT_EQ(answers, 1);
  tasks.run_all();
  EXPECT_EQ(snap(store)->page(page_key(), Lane::kLive).value().parts,
            (std::vector<Bytes>{"kept", "next life"}));
  EXPECT_EQ(answers, 2);
}

TEST(MemoryStoreTest, ASnapshotOutlivesItsStore) {
  auto store = std::make_unique<MemoryStore>();
  commit(*store, {.id = 1, .rows = {row_of(row_key("a"), 1, "s")}});
  const auto s = snap(*store);
  store.reset();
  EXPECT_EQ(rows_of(*s, all_rows()).size(), 1u);
}

}  // namespace
}  // namespace hindcast
