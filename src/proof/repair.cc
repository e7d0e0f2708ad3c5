#include "proof/repair.h"

#include <condition_variable>
#include <mutex>

#include "lane/page_merge.h"
#include "lane/parent_marks.h"
#include "lane/remake.h"
#include "progress/replay_job.h"

namespace hindcast {
namespace {

constexpr int kTries = 3;
constexpr size_t kMarksPerCommit = 256;

class PageRepair {
 public:
  PageRepair(const RepairOptions& options, Store& store, VerifyReport& report)
      : options_(options), store_(store), report_(report) {}

  Status page(const PageKey& key) {
    for (int i = 0; i < kTries; ++i) {
      HC_TRY_ASSIGN(const auto snapshot, store_.snapshot());
      HC_TRY_ASSIGN(PageParts page, snapshot->page(key, Lane::kReplay));
      page.head.key = key;
      HC_TRY(read_rows(*snapshot, options_.schema, options_.aggregates, page));
      const MergeContext context{.schema = options_.schema,
                                 .aggregates = options_.aggregates,
                                 .cause = {Cause::Kind::kRepair},
                                 .now = options_.now(),
                                 .stream = options_.stream,
                                 .next_gap = options_.next_gap,
                                 .remake = true};
      HC_TRY_ASSIGN(PageMerge merge,
                    merge_page(context, key, EventBatch(options_.schema), &page, RowsOf::kChanged));
      const bool lost = merge.gap.has_value();
      HC_TRY_ASSIGN(const CommitResult result,
                    commit_and_wait(store_, commit_of(context, key, std::move(merge))));
      if (result.state != CommitState::kCommitted) continue;
      ++report_.pages_remade;
      if (lost) add_window(refill_, {key.window, key.window + options_.schema.page_window});
      return {};
    }
    ++report_.pages_contended;
    return {};
  }

  Status parents(const std::set<RepairPlan::Parent>& parents) {
    for (auto next = parents.begin(); next != parents.end();) {
      Commit commit = start();
      for (; next != parents.end() && commit.marks.size() < kMarksPerCommit; ++next) {
        commit.marks.push_back({.aggregate = next->aggregate,
                                .resolution = next->resolution,
                                .bucket = next->bucket,
                                .partition = next->partition,
                                .slot = next->slot,
                                .keys = {},  // the whole slot
                                .cause = commit.cause});
      }
      const size_t marks = commit.marks.size();
      HC_TRY(commit_and_wait(store_, std::move(commit)));
      report_.parents_marked += marks;
    }
    return {};
  }

  void say_what_to_refill() {
    if (!refill_.empty()) report_.refill.push_back({options_.schema.name, "", std::move(refill_)});
  }

 private:
  Commit start() {
    return {.id = ++last_id_,
            .lane = Lane::kReplay,
            .cause = {Cause::Kind::kRepair},
            .published_at = options_.now()};
  }
  Commit commit_of(const MergeContext& context, const PageKey& key, PageMerge merge) {
    Commit commit = start();
    MarkSet marks;
    for (size_t i = 0; i < options_.aggregates.size(); ++i) {
      if (options_.aggregates[i].parent && !merge.changed_keys[i].empty())
        marks.add(options_.aggregates[i], key, merge.changed_keys[i], context.cause);
    }
    commit.marks = marks.take();
    commit.pages.push_back(*std::move(merge.add));
    commit.rows = std::move(merge.rows);
    if (merge.gap) commit.gaps.push_back(*std::move(merge.gap));
    return commit;
  }

  const RepairOptions& options_;
  Store& store_;
  VerifyReport& report_;
  CommitId last_id_ = 0;
  std::vector<Window> refill_;
};

}  // namespace

Result<CommitResult> commit_and_wait(Store& store, Commit commit) {
  struct Answer {
    std::mutex mutex;
    std::condition_variable ready;
    std::optional<Result<CommitResult>> result;
  };
  for (;;) {
    const auto answer = std::make_shared<Answer>();  // owners: this call, and the store's callback
    store.commit(commit, [answer](Result<CommitResult> result) {
      const std::lock_guard lock(answer->mutex);
      answer->result = std::move(result);
      answer->ready.notify_one();
    });
    std::unique_lock lock(answer->mutex);
    answer->ready.wait(lock, [&] { return answer->result.has_value(); });
    if (!*answer->result || (*answer->result)->state != CommitState::kUnknown)
      return *std::move(answer->result);
  }
}

Status repair_pages(const RepairOptions& options, const RepairPlan& plan, Store& store,
                    VerifyReport& report) {
  report.repaired = true;
  PageRepair repair(options, store, report);
  for (const PageKey& page : plan.pages) HC_TRY(repair.page(page));
  HC_TRY(repair.parents(plan.parents));
  repair.say_what_to_refill();
  return {};
}

}  // namespace hindcast
