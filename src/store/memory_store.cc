#include "store/memory_store.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "store/commit_rules.h"

namespace hindcast {
namespace {

struct Page {
  PageHead head;
  std::vector<std::shared_ptr<const Bytes>> parts;  // owned with copies of the content
  std::vector<PageParts::Damage> damaged;
};

struct Content {
  std::map<PageKey, Page> pages;
  std::map<RowKey, Row> rows;
  std::map<RowKey, std::map<Version, Row>> versions;
  std::map<uint64_t, Mark> marks;  // by id
  std::map<PartitionId, Checkpoint> checkpoints;
  std::map<PartitionId, DrainCheckpoint> drains;
  std::map<SourceId, Tallies> tallies;
  std::map<std::pair<SourceId, EventPosition>, DeadLetter> dead;
  std::map<ChangeNumber, Change> changes;
  std::map<GapId, Gap> gaps;
  std::map<GapId, GapBound> bounds;
  std::map<uint64_t, GapOutcome> outcomes;
  std::map<PartitionId, std::map<Bytes, SequenceState, std::less<>>> sequences;
  std::map<JobId, ReplayJob> jobs;
  uint64_t last_mark = 0, last_outcome = 0;

  std::optional<KnownGap> known_gap(GapId id) const {
    const auto gap = gaps.find(id);
    if (gap == gaps.end()) return std::nullopt;
    KnownGap known = known_of(gap->second);
    if (const auto bound = bounds.find(id); bound != bounds.end()) known.bound = bound->second.end;
    return known;
  }

  ChangeNumber last_change() const {
    return changes.empty() ? ChangeNumber{} : changes.rbegin()->first;
  }
};

}  // namespace

struct MemoryStore::Shared {
  std::mutex mutex;
  // Shared with snapshots. Edited in place while none is alive, else copied first: see edit().
  std::shared_ptr<Content> content = std::make_shared<Content>();
  std::map<std::string, Bytes> meta;
  uint64_t bytes_written = 0;

  Content& edit() {
    if (content.use_count() > 1) content = std::make_shared<Content>(*content);
    return *content;
  }
};

namespace {

class MemorySnapshot final : public Snapshot {
 public:
  MemorySnapshot(std::shared_ptr<MemoryStore::Shared> shared,
                 std::shared_ptr<const Content> content)
      : shared_(std::move(shared)), content_(std::move(content)) {}
  ~MemorySnapshot() override {
    // Under the mutex, so that the store's next edit in place comes after our last read.
    const std::lock_guard lock(shared_->mutex);
    content_.reset();
  }

  Status heads(const PageRange& range,
               const std::function<bool(const PageHead&)>& each) const override {
    const auto& pages = content_->pages;
    for (auto it = pages.lower_bound({range.partition, range.windows.start, 0}); it != pages.end();
         ++it) {
      const PageKey& key = it->first;
      if (key.partition != range.partition || key.window >= range.windows.end) break;
      if (key.slot < range.slot_begin || key.slot >= range.slot_end) continue;
      if (!each(it->second.head)) break;
    }
    return {};
  }

  Result<PageParts> page(const PageKey& key, Lane) const override {
    PageParts out;
    out.head.key = key;
    const auto it = content_->pages.find(key);
    if (it == content_->pages.end()) return out;
    out.head = it->second.head;
    for (const auto& part : it->second.parts) out.parts.push_back(*part);
    out.damaged = it->second.damaged;
    return out;
  }

  Result<PageHead> head(const PageKey& key, Lane) const override {
    const auto it = content_->pages.find(key);
    if (it != content_->pages.end()) return it->second.head;
    PageHead none;
    none.key = key;
    return none;
  }

  Result<Bytes> part_bytes(const PageKey& key, const PartRef& part, uint64_t from,
                           uint64_t size) const override {
    const auto it = content_->pages.find(key);
    if (it == content_->pages.end() || part.offset >= it->second.parts.size())
      return corruption("no such part");
    const Page& page = it->second;
    for (const PageParts::Damage& damage : page.damaged) {
      if (damage.part == part.offset) return corruption(damage.what);
    }
    const Bytes& bytes = *page.parts[part.offset];
    if (from > bytes.size() || size > bytes.size() - from)
      return corruption("the part ends before");
    return bytes.substr(from, size);
  }

  Status rows(const RowQuery& query, const std::function<bool(const Row&)>& each) const override {
    HC_ASSERT(!query.slot || query.partition);
    HC_ASSERT(!query.key || query.slot);
    const auto& rows = content_->rows;
    const RowKey from{query.aggregate, query.resolution, query.range.start, PartitionId{}, 0, {}};
    for (auto it = rows.lower_bound(from); it != rows.end(); ++it) {
      const RowKey& at = it->first;
      if (at.aggregate != query.aggregate || at.resolution != query.resolution) break;
      if (at.bucket >= query.range.end) break;
      if (query.partition && at.partition != *query.partition) continue;
      if (query.slot && at.slot != *query.slot) continue;
      if (query.key && at.key != *query.key) continue;
      if (!each(it->second)) break;
    }
    return {};
  }

  Result<std::optional<Row>> row(const RowKey& key) const override {
    const auto it = content_->rows.find(key);
    return it == content_->rows.end() ? std::nullopt : std::optional(it->second);
  }

  Result<std::vector<Row>> versions(const RowKey& key) const override {
    std::vector<Row> out;
    const auto it = content_->versions.find(key);
    if (it == content_->versions.end()) return out;
    for (const auto& [version, row] : it->second) out.push_back(row);
    std::reverse(out.begin(), out.end());
    return out;
  }

  Status marks(PartitionId partition, const std::function<bool(const Mark&)>& each) const override {
    for (const auto& [id, mark] : content_->marks) {
      if (mark.partition == partition && !each(mark)) break;
    }
    return {};
  }

  Result<bool> mark_pending(AggregateId aggregate, Duration resolution, EventTime bucket,
                            PartitionId partition, uint16_t slot) const override {
    return std::any_of(content_->marks.begin(), content_->marks.end(), [&](const auto& entry) {
      const Mark& m = entry.second;
      return m.aggregate == aggregate && m.resolution == resolution && m.bucket == bucket &&
             m.partition == partition && m.slot == slot;
    });
  }

  Result<std::optional<Checkpoint>> checkpoint(PartitionId partition) const override {
    const auto it = content_->checkpoints.find(partition);
    return it == content_->checkpoints.end() ? std::nullopt : std::optional(it->second);
  }

  Result<std::optional<DrainCheckpoint>> drain_checkpoint(PartitionId partition) const override {
    const auto it = content_->drains.find(partition);
    return it == content_->drains.end() ? std::nullopt : std::optional(it->second);
  }

  Result<Tallies> tallies(SourceId source) const override {
    const auto it = content_->tallies.find(source);
    return it == content_->tallies.end() ? Tallies{} : it->second;
  }

  Status dead_letters(SourceId source, EventPosition after,
                      const std::function<bool(const DeadLetterFact&)>& each) const override {
    const auto& dead = content_->dead;
    for (auto it = dead.upper_bound({source, after}); it != dead.end(); ++it) {
      if (it->first.first != source) break;
      if (!each({source, it->first.second, it->second})) break;
    }
    return {};
  }

  Status changes(ChangeNumber after,
                 const std::function<bool(const Change&)>& each) const override {
    const auto& changes = content_->changes;
    for (auto it = changes.upper_bound(after); it != changes.end(); ++it) {
      if (!each(it->second)) break;
    }
    return {};
  }

  ChangeNumber last_change() const override { return content_->last_change(); }

  Result<CoverageFacts> coverage(StreamId stream) const override {
    CoverageFacts facts;
    for (const auto& [id, gap] : content_->gaps) {
      if (gap.stream != stream) continue;
      facts.gaps.push_back(gap);
      const auto bound = content_->bounds.find(id);
      if (bound != content_->bounds.end()) facts.bounds.push_back(bound->second);
    }
    for (const auto& [id, outcome] : content_->outcomes) {
      if (outcome.stream == stream) facts.outcomes.push_back(outcome);
    }
    return facts;
  }

  Result<std::optional<Gap>> gap(GapId id) const override {
    const auto it = content_->gaps.find(id);
    return it == content_->gaps.end() ? std::nullopt : std::optional(it->second);
  }

  Result<std::map<Bytes, SequenceState, std::less<>>> sequences(
      PartitionId partition) const override {
    const auto it = content_->sequences.find(partition);
    if (it == content_->sequences.end()) return std::map<Bytes, SequenceState, std::less<>>();
    return it->second;
  }

  Status jobs(const std::function<bool(const ReplayJob&)>& each) const override {
    for (const auto& [id, job] : content_->jobs) {
      if (!each(job)) break;
    }
    return {};
  }

  Result<std::optional<ReplayJob>> job(JobId id) const override {
    const auto it = content_->jobs.find(id);
    return it == content_->jobs.end() ? std::nullopt : std::optional(it->second);
  }

 private:
  const std::shared_ptr<MemoryStore::Shared> shared_;
  std::shared_ptr<const Content> content_;
};

/// Facts of coverage, counts and jobs, and all that the commit announces.
void insert_facts(const Commit& commit, EventTime frontier, Content& content) {
  KnownGaps known;
  const NewFacts facts =
      new_facts(
          commit,
          [&](GapId id) -> Result<std::optional<KnownGap>> { return content.known_gap(id); }, known,
          content.last_outcome)
          .value();
  for (const Gap& gap : facts.gaps) content.gaps.emplace(gap.id, gap);
  for (const GapBound& bound : facts.bounds) content.bounds[bound.gap] = bound;
  for (const GapOutcome& outcome : facts.outcomes) content.outcomes.emplace(outcome.id, outcome);
  for (const SequencePut& count : commit.sequences) {
    auto& counts = content.sequences[count.partition];
    if (count.state.runs.empty()) {
      counts.erase(count.key);
    } else {
      counts[count.key] = count.state;
    }
  }
  if (commit.job) content.jobs[commit.job->id] = *commit.job;
  const ChangeNumber first{content.last_change().value + 1};
  for (Change& change : changes_of(commit, facts, frontier, first))
    content.changes.emplace(change.number, std::move(change));
}

}  // namespace

MemoryStore::MemoryStore(MemoryStoreOptions options)
    : options_(std::move(options)), shared_(std::make_shared<Shared>()) {}
MemoryStore::~MemoryStore() = default;

void MemoryStore::commit(Commit commit, Done<CommitResult> done) {
  uint64_t life = 0;
  {
    const std::lock_guard lock(shared_->mutex);
    if (!closed_) {
      auto& queue = queues_[static_cast<size_t>(commit.lane)];
      queue.push_back({std::move(commit), std::move(done)});
      done = nullptr;
      life = life_;
    }
  }
  if (done) {
    done(unavailable("the store is closed"));
  } else if (options_.post) {
    options_.post([this, life] { run_next(life); });
  } else {
    run_next(life);
  }
}

// There is one task per pending commit, and each takes the first of what waits: live before replay.
void MemoryStore::run_next(uint64_t life) {
  Pending next;
  CommitResult result;
  {
    const std::lock_guard lock(shared_->mutex);
    auto& queue = queues_[0].empty() ? queues_[1] : queues_[0];
    if (life != life_ || queue.empty()) return;
    next = std::move(queue.front());
    queue.pop_front();
    result = apply(next.commit);
  }
  next.done(std::move(result));
}

CommitResult MemoryStore::apply(const Commit& commit) {
  CommitResult result{.last_change = shared_->content->last_change()};
  const Checkpoint* before = nullptr;
  if (commit.checkpoint) {
    const PartitionId partition = commit.checkpoint->partition;
    const auto& stored = shared_->content->checkpoints;
    if (const auto it = stored.find(partition); it != stored.end()) before = &it->second;
    if (before != nullptr && before->epoch > commit.checkpoint->epoch)
      result.state = CommitState::kFenced;
    if (commit.after != 0 && last_[partition] != commit.after &&
        result.state == CommitState::kCommitted) {
      result.state = CommitState::kConflict;
    }
  }
  if (commit.drain_checkpoint) {
    const auto& stored = shared_->content->drains;
    const auto it = stored.find(commit.drain_checkpoint->partition);
    if (it != stored.end() && it->second.epoch > commit.drain_checkpoint->epoch) {
      result.state = CommitState::kFenced;
    }
  }
  if (result.state == CommitState::kFenced) return result;
  struct Standing {
    Version version;
    bool lost = false;
  };
  std::map<PageKey, Standing> pages;  // as they would be after the adds so far
  for (const PageAdd& add : commit.pages) {
    const auto page = shared_->content->pages.find(add.key);
    Standing stored;
    if (page != shared_->content->pages.end())
      stored = {page->second.head.version, !page->second.head.damage.empty()};
    Standing& standing = pages.try_emplace(add.key, stored).first->second;
    if (!fits(add, standing.version, standing.lost)) {
      result.state = CommitState::kConflict;
      result.conflicts.push_back(add.key);
    }
    standing = {version_after(add), false};
  }
  if (result.state != CommitState::kCommitted) return result;

  const EventTime frontier = before == nullptr ? kMinEventTime : before->frontier.window;
  Content& content = shared_->edit();
  insert_facts(commit, frontier, content);
  for (const PageAdd& add : commit.pages) {
    Page& page = content.pages[add.key];
    if (add.folds_parts) {
      page.parts.clear();
      page.damaged.clear();
    }
    if (add.folds_from > 0) {
      page.parts.resize(std::min<size_t>(add.folds_from, page.parts.size()));
      std::erase_if(page.damaged,
                    [&](const PageParts::Damage& damage) { return damage.part >= add.folds_from; });
    }
    page.parts.push_back(std::make_shared<const Bytes>(add.part));
    add_part(page.head, add, {.offset = page.parts.size() - 1, .size = add.part.size()});
  }
  std::set<RowKey> rows;
  for (const Row& row : commit.rows) {
    HC_ASSERT(rows.insert(row.at).second);
    const auto [it, added] = content.rows.try_emplace(row.at, row);
    if (added) continue;
    if (it->second.version != row.version)
      content.versions[row.at][it->second.version] = it->second;
    it->second = row;
  }
  for (const Mark& mark : commit.marks) {
    const uint64_t id = ++content.last_mark;
    content.marks.emplace(id, mark).first->second.id = id;
  }
  for (const uint64_t id : commit.marks_done) content.marks.erase(id);
  for (const TallyDelta& delta : commit.tallies) content.tallies[delta.source] += delta.tallies;
  for (const DeadLetterFact& fact : commit.dead) content.dead[{fact.source, fact.at}] = fact.letter;
  if (commit.checkpoint) {
    content.checkpoints[commit.checkpoint->partition] = *commit.checkpoint;
    last_[commit.checkpoint->partition] = commit.id;
  }
  if (commit.drain_checkpoint)
    content.drains[commit.drain_checkpoint->partition] = *commit.drain_checkpoint;
  shared_->bytes_written += size_of(commit).value;
  result.last_change = content.last_change();
  return result;
}

Result<std::shared_ptr<const Snapshot>> MemoryStore::snapshot() const {
  const std::lock_guard lock(shared_->mutex);
  return std::shared_ptr<const Snapshot>(
      std::make_shared<MemorySnapshot>(shared_, shared_->content));
}

StoreHealth MemoryStore::health() const {
  const std::lock_guard lock(shared_->mutex);
  return {.commits_waiting = queues_[0].size() + queues_[1].size(),
          .bytes_written = ByteCount{shared_->bytes_written}};
}

Result<std::optional<Bytes>> MemoryStore::get_meta(const std::string& name) const {
  const std::lock_guard lock(shared_->mutex);
  const auto it = shared_->meta.find(name);
  return it == shared_->meta.end() ? std::nullopt : std::optional(it->second);
}

Status MemoryStore::put_meta(const std::string& name, BytesView value) {
  const std::lock_guard lock(shared_->mutex);
  shared_->meta[name] = Bytes(value);
  return {};
}

Status MemoryStore::close() {
  uint64_t life = 0;
  size_t waiting = 0;
  {
    const std::lock_guard lock(shared_->mutex);
    closed_ = true;
    life = life_;
    waiting = queues_[0].size() + queues_[1].size();
  }
  for (; waiting > 0; --waiting) run_next(life);
  return {};
}

void MemoryStore::flip(const PageKey& key, uint32_t part, size_t byte) {
  const std::lock_guard lock(shared_->mutex);
  Page& page = shared_->edit().pages.at(key);
  Bytes bytes = *page.parts.at(part);
  bytes.at(byte) = static_cast<char>(bytes.at(byte) ^ 0x10);
  page.parts[part] = std::make_shared<const Bytes>(std::move(bytes));
  page.damaged.push_back(
      {part, "memory: part " + std::to_string(part) + ": byte " + std::to_string(byte)});
}

void MemoryStore::lose_head(const PageKey& key) {
  const std::lock_guard lock(shared_->mutex);
  Page& page = shared_->edit().pages.at(key);
  page.head = PageHead{.key = key, .damage = "memory: the head is lost"};
  page.parts.clear();
  page.damaged.clear();
}

void MemoryStore::crash() {
  const std::lock_guard lock(shared_->mutex);
  queues_[0].clear();
  queues_[1].clear();
  last_.clear();
  life_ += 1;
}

}  // namespace hindcast
