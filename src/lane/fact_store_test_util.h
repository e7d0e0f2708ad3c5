// A store that shows its facts: what commits carried of gaps and counts, in the order in which they
// took effect, and what a lane that starts reads of them. Everything else is the store's below it.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "store/store.h"

namespace hindcast::test {

class FactStore final : public Store {
 public:
  explicit FactStore(Store& store) : store_(store) {}

  /// Each commit that took effect; its pages, rows and marks are left out.
  std::function<void(const Commit&)> watch;
  const CoverageFacts& coverage() const { return facts_->coverage; }
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
  Result<std::shared_ptr<const Snapshot>> snapshot() const override {
    HC_TRY_ASSIGN(auto below, store_.snapshot());
    return std::shared_ptr<const Snapshot>(std::make_shared<View>(std::move(below), facts_));
  }
  StoreHealth health() const override { return store_.health(); }
  Result<std::optional<Bytes>> get_meta(const std::string& name) const override {
    return store_.get_meta(name);
  }
  Status put_meta(const std::string& name, BytesView value) override {
    return store_.put_meta(name, value);
  }
  Status close() override { return store_.close(); }

 private:
  using Sequences = std::map<Bytes, SequenceState, std::less<>>;
  struct Facts {
    CoverageFacts coverage;
    std::map<PartitionId, Sequences> sequences;
  };
  class View final : public Snapshot {
   public:
    View(std::shared_ptr<const Snapshot> below, std::shared_ptr<const Facts> facts)
        : below_(std::move(below)), facts_(std::move(facts)) {}
    Status heads(const PageRange& range,
                 const std::function<bool(const PageHead&)>& each) const override {
      return below_->heads(range, each);
    }
    Result<PageParts> page(const PageKey& key, Lane lane) const override {
      return below_->page(key, lane);
    }
    Status rows(const RowQuery& query, const std::function<bool(const Row&)>& each) const override {
      return below_->rows(query, each);
    }
    Result<std::optional<Row>> row(const RowKey& key) const override { return below_->row(key); }
    Result<std::vector<Row>> versions(const RowKey& key) const override {
      return below_->versions(key);
    }
    Status marks(PartitionId partition,
                 const std::function<bool(const Mark&)>& each) const override {
      return below_->marks(partition, each);
    }
    Result<bool> mark_pending(AggregateId aggregate, Duration resolution, EventTime bucket,
                              PartitionId partition, uint16_t slot) const override {
      return below_->mark_pending(aggregate, resolution, bucket, partition, slot);
    }
    Result<std::optional<Checkpoint>> checkpoint(PartitionId partition) const override {
      return below_->checkpoint(partition);
    }
    Result<std::optional<DrainCheckpoint>> drain_checkpoint(PartitionId partition) const override {
      return below_->drain_checkpoint(partition);
    }
    Result<Tallies> tallies(SourceId source) const override { return below_->tallies(source); }
    Status dead_letters(SourceId source, EventPosition after,
                        const std::function<bool(const DeadLetterFact&)>& each) const override {
      return below_->dead_letters(source, after, each);
    }
    Status changes(ChangeNumber after,
                   const std::function<bool(const Change&)>& each) const override {
      return below_->changes(after, each);
    }
    ChangeNumber last_change() const override { return below_->last_change(); }
    Result<CoverageFacts> coverage(StreamId) const override { return facts_->coverage; }
    Result<Sequences> sequences(PartitionId partition) const override {
      const auto found = facts_->sequences.find(partition);
      return found == facts_->sequences.end() ? Sequences() : found->second;
    }

   private:
    const std::shared_ptr<const Snapshot> below_;  // owned with whoever else asked for it
    const std::shared_ptr<const Facts> facts_;     // owned with the store
  };

  void took_effect(const Commit& commit) {
    if (!commit.gaps.empty() || !commit.bounds.empty() || !commit.sequences.empty()) {
      const auto next = std::make_shared<Facts>(*facts_);
      CoverageFacts& known = next->coverage;
      known.gaps.insert(known.gaps.end(), commit.gaps.begin(), commit.gaps.end());
      known.bounds.insert(known.bounds.end(), commit.bounds.begin(), commit.bounds.end());
      for (const SequencePut& put : commit.sequences)
        next->sequences[put.partition][put.key] = put.state;
      sequences_put_ += commit.sequences.size();
      facts_ = next;
    }
    if (watch) watch(commit);
  }

  Store& store_;
  std::shared_ptr<const Facts> facts_ = std::make_shared<Facts>();  // owned with snapshots of it
  size_t sequences_put_ = 0;
};

}  // namespace hindcast::test
