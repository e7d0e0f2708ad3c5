// A store that is watched: what commits that took effect carried, in the order in which they did.
#pragma once
#include <functional>
#include <memory>
#include <utility>

#include "store/store.h"

namespace hindcast::test {

class WatchedStore final : public Store {
 public:
  explicit WatchedStore(Store& store) : store_(store) {}

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
    store_.commit(std::move(commit), [this, facts = std::move(facts),
                                      done = std::move(done)](Result<CommitResult> result) {
      if (result && result->state == CommitState::kCommitted) took_effect(facts);
      done(std::move(result));
    });
  }
  Result<std::shared_ptr<const Snapshot>> snapshot() const override { return store_.snapshot(); }
  StoreHealth health() const override { return store_.health(); }
  Result<std::optional<Bytes>> get_meta(const std::string& name) const override {
    return store_.get_meta(name);
  }
  Status put_meta(const std::string& name, BytesView value) override {
    return store_.put_meta(name, value);
  }
  Status close() override { return store_.close(); }

 private:
  void took_effect(const Commit& commit) {
    coverage_.gaps.insert(coverage_.gaps.end(), commit.gaps.begin(), commit.gaps.end());
    coverage_.bounds.insert(coverage_.bounds.end(), commit.bounds.begin(), commit.bounds.end());
    sequences_put_ += commit.sequences.size();
    if (watch) watch(commit);
  }

  Store& store_;
  CoverageFacts coverage_;
  size_t sequences_put_ = 0;
};

}  // namespace hindcast::test
