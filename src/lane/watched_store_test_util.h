// A store that is watched: what commits that took effect carried, in the order in which they did.
#pragma once
#include <functional>
#include <memory>
#include <utility>

#include "store/forwarding_store_test_util.h"

namespace hindcast::test {

class WatchedStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  /// Each commit that took effect; its pages, rows and marks are left out.
  std::function<void(const Commit&)> watch;
  const CoverageFacts& coverage() const { return coverage_; }
  size_t sequences_put() const { return sequences_put_; }

  void commit(Commit commit, Done<CommitResult> done) override {
    Commit facts;
    facts.id = commit.id;
    facts.lane = commit.lane;
    facts.checkpoint = commit.checkpoint;
    facts.gaps = commit.gaps;
    facts.bounds = commit.bounds;
    facts.sequences = commit.sequences;
    ForwardingStore::commit(
        std::move(commit),
        [this, facts = std::move(facts), done = std::move(done)](Result<CommitResult> result) {
          if (result && result->state == CommitState::kCommitted) took_effect(facts);
          done(std::move(result));
        });
  }

 private:
  void took_effect(const Commit& commit) {
    coverage_.gaps.insert(coverage_.gaps.end(), commit.gaps.begin(), commit.gaps.end());
    coverage_.bounds.insert(coverage_.bounds.end(), commit.bounds.begin(), commit.bounds.end());
    sequences_put_ += commit.sequences.size();
    if (watch) watch(commit);
  }

  CoverageFacts coverage_;
  size_t sequences_put_ = 0;
};

}  // namespace hindcast::test
