#include "store/commit_group_internal.h"

#include <algorithm>

#include "base/assert.h"
#include "base/log.h"
#include "store/commit_rules.h"

namespace hindcast::embedded {
namespace {

constexpr size_t kRowsPerRead = 256;  // old rows read at once
constexpr size_t kChangesTrimmedAtOnce =
    1'000;  // per group: trimming keeps up and never delays a commit for long

using Each = std::function<Status(BytesView key, BytesView value)>;

Status each_fact(const Database& database, BytesView prefix, const Each& each) {
  rocksdb::ReadOptions options;
  const Bytes to = after_prefix(prefix);
  const rocksdb::Slice bound = slice(to);
  options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> it(
      database.db().NewIterator(options, database.table(kFacts)));
  for (it->Seek(slice(prefix)); it->Valid(); it->Next())
    HC_TRY(each(view(it->key()), view(it->value())));
  if (!it->status().ok()) return to_error(it->status(), "facts");
  return {};
}

Result<uint32_t> id_of(BytesView key) {
  ByteReader in(key);
  in.u8();
  const uint32_t id = in.be32();
  if (!in.ok()) return corruption("facts: malformed key");
  return id;
}

size_t reserved_bytes(const std::vector<CommitGroup::Member>& commits) {
  size_t bytes = 4096;
  for (const CommitGroup::Member& member : commits) {
    for (const Row& row : member.commit->rows)
      bytes += 96 + 2 * row.at.key.size() + row.state.size();
  }
  return bytes;
}

}  // namespace

Result<Known> Known::load(const Database& database) {
  Known known;
  HC_TRY_ASSIGN(const std::optional<Bytes> counters, database.get({}, kFacts, kCountersKey));
  if (counters) {
    HC_TRY_ASSIGN(known.counters, decode_counters(*counters));
  }
  HC_TRY(each_fact(database, "k", [&](BytesView key, BytesView value) -> Status {
    HC_TRY_ASSIGN(const uint32_t id, id_of(key));
    HC_TRY_ASSIGN(const Checkpoint checkpoint, decode_checkpoint(value));
    known.partitions[PartitionId{id}] = {checkpoint.epoch, checkpoint.frontier.window, 0};
    return {};
  }));
  HC_TRY(each_fact(database, "d", [&](BytesView key, BytesView value) -> Status {
    HC_TRY_ASSIGN(const uint32_t id, id_of(key));
    HC_TRY_ASSIGN(const DrainCheckpoint checkpoint, decode_drain_checkpoint(value));
    known.drains[PartitionId{id}] = checkpoint.epoch;
    return {};
  }));
  HC_TRY(each_fact(database, "t", [&](BytesView key, BytesView value) -> Status {
    HC_TRY_ASSIGN(const uint32_t id, id_of(key));
    HC_TRY_ASSIGN(known.tallies[SourceId{id}], decode_tallies(value));
    return {};
  }));
  known.oldest_change = ChangeNumber{known.counters.last_change.value + 1};
  const std::unique_ptr<rocksdb::Iterator> it(
      database.db().NewIterator({}, database.table(kFacts)));
  it->Seek(slice(kChangesPrefix));
  if (it->Valid() && view(it->key()).starts_with(kChangesPrefix)) {
    HC_TRY_ASSIGN(const Change oldest, decode_change(view(it->key()), view(it->value())));
    known.oldest_change = oldest.number;
    known.oldest_published = oldest.published_at;
  }
  if (!it->status().ok()) return to_error(it->status(), "facts");
  return known;
}

Result<PartFiles::Accounts> load_accounts(const Database& database) {
  PartFiles::Accounts accounts;
  HC_TRY(each_fact(database, "f", [&](BytesView key, BytesView value) -> Status {
    ByteReader in(key);
    in.u8();
    const uint64_t file = in.be64();
    if (!in.ok()) return corruption("facts: malformed key");
    HC_TRY_ASSIGN(accounts[file], decode_live_bytes(value));
    return {};
  }));
  return accounts;
}

CommitGroup::CommitGroup(Shared& shared, const Known& known, Duration keep_changes,
                         std::vector<Member> commits)
    : shared_(shared),
      known_(known),
      keep_changes_(keep_changes),
      commits_(std::move(commits)),
      batch_(reserved_bytes(commits_)) {
  bool rows_before = false;
  for (const auto& [commit, places] : commits_) {
    rows_may_meet_ |=
        rows_before && std::any_of(commit->rows.begin(), commit->rows.end(),
                                   [](const Row& row) { return row.version > Version{1}; });
    rows_before |= !commit->rows.empty();
  }
}

Result<CommitGroup::Page*> CommitGroup::page(const PageKey& key) {
  const auto [it, added] = pages_.try_emplace(key);
  Page& page = it->second;
  if (added) {
    page.head.key = key;
    key_.clear();
    put_head_key(key_, key);
    const auto stored = shared_.database->get({}, kHeads, key_);
    Status read;
    if (!stored) {
      read = stored.error();
    } else if (*stored) {
      read = decode_head(**stored, page.head);
    }
    if (!read) {
      // Damage is no reason to stop: whoever reads the page learns of it, and makes it anew.
      if (read.error().code != ErrorCode::kCorruption) return std::move(read).error();
      page.head = PageHead{.key = key, .damage = read.error().message};
      page.lost = true;
    }
    page.decided = page.head.version;
  }
  return &page;
}

Status CommitGroup::decide() {
  for (const Member& member : commits_) {
    HC_TRY_ASSIGN(CommitResult result, decide(*member.commit));
    standing_ += result.state == CommitState::kCommitted;
    results_.push_back(std::move(result));
  }
  return {};
}

Result<CommitResult> CommitGroup::decide(const Commit& commit) {
  CommitResult result{.last_change = known_.counters.last_change};
  const Checkpoint* const checkpoint = commit.checkpoint ? &*commit.checkpoint : nullptr;
  const DrainCheckpoint* const drain =
      commit.drain_checkpoint ? &*commit.drain_checkpoint : nullptr;
  if (checkpoint != nullptr) {
    const auto it = known_.partitions.find(checkpoint->partition);
    const Known::Partition stored = it == known_.partitions.end() ? Known::Partition{} : it->second;
    if (stored.epoch > checkpoint->epoch)
      result.state = CommitState::kFenced;
    else if (commit.after != 0 && stored.last != commit.after)
      result.state = CommitState::kConflict;
  }
  if (drain != nullptr) {
    const auto it = known_.drains.find(drain->partition);
    if (it != known_.drains.end() && it->second > drain->epoch) result.state = CommitState::kFenced;
  }
  if (result.state == CommitState::kFenced) return result;

  // Versions are checked as the adds before would leave them; taken back where one does not fit.
  struct Before {
    Page* page;
    Version decided;
    bool lost;
  };
  std::vector<Before> before;
  for (const PageAdd& add : commit.pages) {
    HC_TRY_ASSIGN(Page* const at, page(add.key));
    before.push_back({at, at->decided, at->lost});
    if (!fits(add, at->decided, at->lost)) {
      result.state = CommitState::kConflict;
      result.conflicts.push_back(add.key);
    }
    at->decided = version_after(add);
    at->lost = false;
  }
  if (result.state != CommitState::kCommitted) {
    for (auto it = before.rbegin(); it != before.rend(); ++it) {
      it->page->decided = it->decided;
      it->page->lost = it->lost;
    }
    return result;
  }
  if (checkpoint != nullptr) {
    Known::Partition& stored = known_.partitions[checkpoint->partition];
    stored.epoch = checkpoint->epoch;
    stored.last = commit.id;
  }
  if (drain != nullptr) known_.drains[drain->partition] = drain->epoch;
  return result;
}

Status CommitGroup::place_parts() {
  places_.clear();
  added_.clear();
  part_bytes_ = {};
  for (size_t i = 0; i < commits_.size(); ++i) {
    if (results_[i].state != CommitState::kCommitted) continue;
    const auto& [commit, places] = commits_[i];
    if (places != nullptr) places_.insert(places_.end(), places->begin(), places->end());
    for (const PageAdd& add : commit->pages) {
      part_bytes_ += ByteCount{add.part.size()};
      if (places != nullptr) continue;
      added_.push_back(shared_.parts->add(Lane::kLive, add.key, add.part));
      places_.push_back(added_.back());
    }
  }
  return shared_.parts->sync(Lane::kLive);
}

void CommitGroup::settle_parts() {
  shared_.parts->settled(added_);
  for (const Member& member : commits_) {
    if (member.places != nullptr) shared_.parts->settled(*member.places);
  }
}

void CommitGroup::put(Table table, BytesView key, BytesView value) {
  const rocksdb::Status status =
      batch_.Put(shared_.database->table(table), slice(key), slice(value));
  HC_ASSERT(status.ok());  // memory only
}

void CommitGroup::remove(Table table, BytesView key) {
  const rocksdb::Status status = batch_.Delete(shared_.database->table(table), slice(key));
  HC_ASSERT(status.ok());
}

Status CommitGroup::build() {
  std::span<const PartRef> places = places_;
  for (size_t i = 0; i < commits_.size(); ++i) {
    const Commit& commit = *commits_[i].commit;
    if (results_[i].state == CommitState::kCommitted) {
      HC_TRY(build(commit, places.first(commit.pages.size())));
      places = places.subspan(commit.pages.size());
    }
    results_[i].last_change = known_.counters.last_change;
  }
  for (const auto& [key, page] : pages_) {
    if (!page.built) continue;
    HC_ASSERT(page.head.version == page.decided);
    key_.clear();
    value_.clear();
    put_head_key(key_, key);
    put_head(value_, page.head);
    put(kHeads, key_, value_);
  }
  for (const auto& [file, live] : shared_.parts->take_changes()) {
    if (live == 0) {
      remove(kFacts, part_file_key(file));
    } else {
      put(kFacts, part_file_key(file), encode_live_bytes(live));
    }
  }
  HC_TRY(trim_changes());
  put(kFacts, kCountersKey, encode(known_.counters));
  return {};
}

Status CommitGroup::build(const Commit& commit, std::span<const PartRef> places) {
  for (size_t i = 0; i < commit.pages.size(); ++i) {
    const PageAdd& add = commit.pages[i];
    Page& page = pages_.at(add.key);
    PageHead& head = page.head;
    page.built = true;
    if (add.folds_parts) {
      for (uint32_t part = 0; part < head.parts.size(); ++part) {
        if (!std::ranges::count(add.unread_parts, part)) shared_.parts->unname(head.parts[part]);
      }
    }
    for (size_t part = add.folds_from; add.folds_from > 0 && part < head.parts.size(); ++part)
      shared_.parts->unname(head.parts[part]);
    add_part(head, add, places[i]);
    shared_.parts->name(places[i]);
  }
  HC_TRY(put_rows(commit));
  HC_TRY(put_marks(commit));
  for (const TallyDelta& delta : commit.tallies) {
    Tallies& sum = known_.tallies[delta.source];
    sum += delta.tallies;
    put(kFacts, tallies_key(delta.source), encode(sum));
  }
  for (const DeadLetterFact& fact : commit.dead) {
    put(kFacts, dead_letter_key(fact.source, fact.at), encode_letter(fact.letter));
  }
  EventTime frontier = kMinEventTime;
  if (commit.checkpoint) {
    Known::Partition& stored = known_.partitions[commit.checkpoint->partition];
    frontier = std::exchange(stored.frontier, commit.checkpoint->frontier.window);
    put(kFacts, checkpoint_key(commit.checkpoint->partition), encode(*commit.checkpoint));
  }
  if (commit.drain_checkpoint) {
    put(kFacts, drain_key(commit.drain_checkpoint->partition), encode(*commit.drain_checkpoint));
  }
  HC_TRY_ASSIGN(const NewFacts facts, put_coverage(commit));
  put_counts_and_job(commit);
  const ChangeNumber first{known_.counters.last_change.value + 1};
  for (const Change& change : changes_of(commit, facts, frontier, first)) put_change(change);
  known_.newest_published = std::max(known_.newest_published, commit.published_at);
  return {};
}

void CommitGroup::put_change(const Change& change) {
  if (known_.oldest_change > known_.counters.last_change)
    known_.oldest_published = change.published_at;
  known_.counters.last_change = change.number;
  put(kFacts, change_key(change.number), encode(change));
}

Status CommitGroup::put_rows(const Commit& commit) {
  // The first version of a row has nothing before it; that is nearly every row of a seal, and saves
  // the read.
  std::vector<const Row*> later;
  for (const Row& row : commit.rows) {
    key_.clear();
    value_.clear();
    put_row_key(key_, row.at);
    encode_row_value(row, value_);
    if (row.version > Version{1}) {
      const auto it = rows_.find(key_);
      if (it == rows_.end()) {
        later.push_back(&row);
      } else {
        Bytes old;
        encode_row_value(*it->second, old);
        HC_TRY(keep_old(row, old));
      }
    }
    if (rows_may_meet_) rows_[key_] = &row;
    put(kRows, key_, value_);
  }

  const Database& database = *shared_.database;
  for (size_t begin = 0; begin < later.size(); begin += kRowsPerRead) {
    const size_t n = std::min(kRowsPerRead, later.size() - begin);
    std::vector<Bytes> keys(n);
    std::vector<rocksdb::Slice> slices(n);
    for (size_t i = 0; i < n; ++i) {
      put_row_key(keys[i], later[begin + i]->at);
      slices[i] = slice(keys[i]);
    }
    std::vector<rocksdb::PinnableSlice> values(n);
    std::vector<rocksdb::Status> statuses(n);
    database.db().MultiGet({}, database.table(kRows), n, slices.data(), values.data(),
                           statuses.data());
    for (size_t i = 0; i < n; ++i) {
      if (statuses[i].IsNotFound()) continue;
      Status kept;
      if (statuses[i].ok()) {
        kept = keep_old(*later[begin + i], view(values[i]));
      } else {
        kept = to_error(statuses[i], "rows");
      }
      if (kept) continue;
      if (kept.error().code != ErrorCode::kCorruption) return kept;
      log_error("an old version of a row cannot be read and is not kept",
                {{"error", kept.error().message}});
    }
  }
  return {};
}

Status CommitGroup::keep_old(const Row& row, BytesView old_value) {
  Row old;
  HC_TRY(decode_row_value(old_value, old));
  if (old.version == row.version) return {};
  Bytes key, value;
  put_version_key(key, row.at, old.version);
  put_version(value, row.published_at, old_value);
  put(kVersions, key, value);
  return {};
}

Status CommitGroup::put_marks(const Commit& commit) {
  for (const Mark& mark : commit.marks) {
    const uint64_t id = ++known_.counters.last_mark;
    const Bytes& place = marks_[id] = mark_place(mark);
    put(kFacts, mark_key(mark.partition, id), encode(mark));
    put(kFacts, mark_place_key(id), place);
    put(kFacts, pending_key(place, id), {});
  }
  for (const uint64_t id : commit.marks_done) {
    const Bytes by_id = mark_place_key(id);
    std::optional<Bytes> place;
    if (const auto it = marks_.find(id); it != marks_.end()) {
      place = it->second;
    } else {
      HC_TRY_ASSIGN(place, shared_.database->get({}, kFacts, by_id));
    }
    if (!place) continue;  // done before
    HC_TRY_ASSIGN(const PartitionId partition, partition_of_place(*place));
    remove(kFacts, mark_key(partition, id));
    remove(kFacts, by_id);
    remove(kFacts, pending_key(*place, id));
  }
  return {};
}

// Changes older than keep_changes go, oldest first, judged by the stamps of commits and not by a
// clock: while nothing new comes, nothing is lost.
Status CommitGroup::trim_changes() {
  const auto too_old = [&](ProcessingTime at) {
    return unix_ns(known_.newest_published) >= INT64_MIN + keep_changes_.count() &&
           at < known_.newest_published - keep_changes_;
  };
  if (known_.oldest_change > known_.counters.last_change || !too_old(known_.oldest_published))
    return {};
  const Database& database = *shared_.database;
  const std::unique_ptr<rocksdb::Iterator> it(
      database.db().NewIterator({}, database.table(kFacts)));
  size_t trimmed = 0;
  for (it->Seek(slice(change_key(known_.oldest_change))); it->Valid(); it->Next()) {
    const BytesView key = view(it->key());
    if (!key.starts_with(kChangesPrefix)) break;
    HC_TRY_ASSIGN(const ProcessingTime at, published_at_of_change(view(it->value())));
    known_.oldest_published = at;
    if (!too_old(at) || trimmed == kChangesTrimmedAtOnce) break;
    remove(kFacts, key);
    known_.oldest_change.value += 1;
    trimmed += 1;
  }
  if (!it->status().ok()) return to_error(it->status(), "facts");
  return {};
}

}  // namespace hindcast::embedded
