#include "model/join.h"

#include <algorithm>

#include "base/assert.h"
#include "base/give_way.h"
#include "model/digest.h"
#include "model/record_internal.h"

namespace hindcast {
namespace {

constexpr size_t kNone = SIZE_MAX;

// Rows of one (key, time, id), one per origin: [begin, end).
size_t identity_end(const StreamSchema& schema, const EventBatch& page, size_t begin,
                    size_t limit) {
  size_t end = begin + 1;
  if (page.origin.empty()) return end;
  while (end < limit && compare_identity(schema, page, begin, page, end) == 0) ++end;
  return end;
}

// The strongest record of an identity among origins that are not withdrawn; the first of equals.
size_t strongest(const StreamSchema& schema, const EventBatch& page, size_t begin, size_t end,
                 const Withdrawn& withdrawn) {
  size_t best = kNone;
  for (size_t i = begin; i < end; ++i) {
    if (is_withdrawn(withdrawn, page, i)) continue;
    if (best == kNone || compare_strength(schema, page, i, page, best) > 0) best = i;
  }
  return best;
}

// Finds the run of a key in a page; keys must be asked for in ascending order.
class RunFinder {
 public:
  explicit RunFinder(const EventBatch& page) : page_(page), runs_(key_runs(page)) {}
  KeyRun find(BytesView key) {
    while (at_ < runs_.size() && page_.keys[runs_[at_].key] < key) ++at_;
    if (at_ < runs_.size() && page_.keys[runs_[at_].key] == key) return runs_[at_];
    return {0, 0, 0};
  }

 private:
  const EventBatch& page_;
  const std::vector<KeyRun> runs_;
  size_t at_ = 0;
};

// add() for one key: walks the incoming rows and finds their counterparts in the existing run.
class KeyAdder {
 public:
  KeyAdder(const StreamSchema& schema, const EventBatch& existing, const EventBatch& incoming,
           const Withdrawn& withdrawn, std::vector<Outcome>& outcomes, std::vector<uint32_t>& kept)
      : schema_(schema),
        existing_(existing),
        incoming_(incoming),
        withdrawn_(withdrawn),
        hash_existing_(schema, existing),
        hash_incoming_(schema, incoming),
        outcomes_(outcomes),
        kept_(kept) {}

  struct Change {
    int64_t count = 0;
    Digest digest;
    bool visible = false;
  };
  Change add(KeyRun there, KeyRun run) {
    const uint64_t key_hash = incoming_.keys.hash(run.key);
    // A few late events in a long run: leap. Otherwise step.
    const bool leap = (run.end - run.begin) * 16 < there.end - there.begin;
    Change change;
    size_t at = there.begin;
    for (size_t i = run.begin; i < run.end;) {
      const size_t end = identity_end(schema_, incoming_, i, run.end);
      at = leap ? leap_to(i, at, there.end) : step_to(i, at, there.end);
      const bool found =
          at < there.end && compare_identity(schema_, existing_, at, incoming_, i) == 0;
      const size_t there_end = found ? identity_end(schema_, existing_, at, there.end) : at;
      judge(at, there_end, i, end);
      see(at, there_end, i, end, key_hash, change);
      at = there_end;
      i = end;
    }
    return change;
  }

 private:
  size_t step_to(size_t row, size_t at, size_t end) const {
    while (at < end && compare_identity(schema_, existing_, at, incoming_, row) < 0) ++at;
    return at;
  }
  size_t leap_to(size_t row, size_t at, size_t end) const {
    while (at < end) {
      const size_t middle = at + (end - at) / 2;
      if (compare_identity(schema_, existing_, middle, incoming_, row) < 0) {
        at = middle + 1;
      } else {
        end = middle;
      }
    }
    return at;
  }

  // What becomes of each incoming record: it meets the record of its own origin only.
  void judge(size_t there, size_t there_end, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      while (there < there_end && existing_.origin_at(there) < incoming_.origin_at(i)) ++there;
      if (there < there_end && existing_.origin_at(there) == incoming_.origin_at(i)) {
        const int c = compare_strength(schema_, incoming_, i, existing_, there);
        if (c <= 0) {
          outcomes_[i] = c == 0 ? Outcome::kDuplicate : Outcome::kSuperseded;
          continue;
        }
      }
      kept_.push_back(static_cast<uint32_t>(i));
    }
  }

  // What readers see of the identity, before and after: the strongest over all origins.
  void see(size_t there, size_t there_end, size_t begin, size_t end, uint64_t key_hash,
           Change& change) const {
    const size_t after = strongest(schema_, incoming_, begin, end, withdrawn_);
    if (after == kNone) return;
    const size_t before = strongest(schema_, existing_, there, there_end, withdrawn_);
    if (before != kNone && compare_strength(schema_, incoming_, after, existing_, before) <= 0)
      return;
    const bool was_live = before != kNone && existing_.op_at(before) == Op::kUpsert;
    const bool is_live = incoming_.op_at(after) == Op::kUpsert;
    const Digest old_hash = was_live ? hash_existing_(before, key_hash) : Digest{};
    const Digest new_hash = is_live ? hash_incoming_(after, key_hash) : Digest{};
    change.count += int64_t{is_live} - int64_t{was_live};
    change.digest += new_hash - old_hash;
    change.visible |= is_live != was_live || new_hash != old_hash;
  }

  const StreamSchema& schema_;
  const EventBatch& existing_;
  const EventBatch& incoming_;
  const Withdrawn& withdrawn_;
  const EventHasher hash_existing_, hash_incoming_;
  std::vector<Outcome>& outcomes_;
  std::vector<uint32_t>& kept_;
};

bool hides_nothing(const EventBatch& page) { return page.op.empty() && page.origin.empty(); }

// Rows of a page in page order that readers do not see: tombstones, and what they or other origins
// beat. Empty = none.
std::vector<bool> hidden_rows(const StreamSchema& schema, const EventBatch& page,
                              const Withdrawn& withdrawn) {
  if (hides_nothing(page)) return {};
  std::vector<bool> hidden(page.size(), true);
  for (const KeyRun& run : key_runs(page)) {
    for (size_t i = run.begin; i < run.end;) {
      const size_t end = identity_end(schema, page, i, run.end);
      const size_t best = strongest(schema, page, i, end, withdrawn);
      if (best != kNone && page.op_at(best) == Op::kUpsert) hidden[best] = false;
      i = end;
    }
  }
  return hidden;
}

}  // namespace

std::vector<KeyRun> key_runs(const EventBatch& sorted) {
  std::vector<KeyRun> runs;
  for (size_t i = 0; i < sorted.size();) {
    size_t end = i + 1;
    while (end < sorted.size() && sorted.key[end] == sorted.key[i]) ++end;
    runs.push_back({sorted.key[i], i, end});
    i = end;
  }
  return runs;
}

EventBatch join(const StreamSchema& schema, std::span<const EventBatch* const> parts) {
  EventBatch all(schema);
  for (const EventBatch* part : parts) append_rows(schema, *part, 0, part->size(), all);
  return sort_unique(schema, all);
}

Addition add(const StreamSchema& schema, const EventBatch& existing, const EventBatch& incoming,
             const Withdrawn& withdrawn) {
  Addition out;
  out.outcomes.assign(incoming.size(), Outcome::kAdded);
  std::vector<uint32_t> kept;
  struct Changed {
    uint32_t key;  // in incoming
    KeyAdder::Change change;
  };
  std::vector<Changed> keys;
  RunFinder there(existing);
  KeyAdder adder(schema, existing, incoming, withdrawn, out.outcomes, kept);
  for (const KeyRun& run : key_runs(incoming)) {
    const size_t before = kept.size();
    const KeyAdder::Change change = adder.add(there.find(incoming.keys[run.key]), run);
    // A record that loses to the one of its own origin loses to the visible one too.
    HC_ASSERT(!change.visible || kept.size() > before);
    if (kept.size() > before) keys.push_back({run.key, change});
  }
  out.rows = pick_rows(schema, incoming, kept);
  HC_ASSERT(out.rows.keys.size() == keys.size());
  for (uint32_t k = 0; k < keys.size(); ++k) {
    const KeyAdder::Change& change = keys[k].change;
    out.changes.push_back({out.rows.keys[k], change.count, change.digest});
    if (change.visible) out.changed.push_back(k);
    out.live_change += change.count;
    out.digest_change += change.digest;
  }
  return out;
}

PageChanges page_changes(const StreamSchema& schema, const EventBatch& page,
                         const Withdrawn& withdrawn) {
  PageChanges out;
  const std::vector<bool> hidden = hidden_rows(schema, page, withdrawn);
  const EventHasher hasher(schema, page);
  uint64_t key_hashes[EventHasher::kBlock];
  Digest hashes[EventHasher::kBlock];
  uint32_t key = UINT32_MAX;
  uint64_t key_hash = 0;
  for (size_t begin = 0; begin < page.size(); begin += EventHasher::kBlock) {
    const size_t count = std::min(EventHasher::kBlock, page.size() - begin);
    for (size_t i = 0, k = key; i < count; ++i) {
      if (page.key[begin + i] != k) {
        k = page.key[begin + i];
        key_hash = page.keys.hash(page.key[begin + i]);
      }
      key_hashes[i] = key_hash;
    }
    hasher.block(begin, count, key_hashes, hashes);
    give_way(count);
    for (size_t i = 0; i < count; ++i) {
      if (page.key[begin + i] != key) {
        key = page.key[begin + i];
        out.changes.push_back({.key = page.keys[key], .count = 0, .digest = {}});
      }
      if (!hidden.empty() && hidden[begin + i]) continue;
      ++out.changes.back().count;
      out.changes.back().digest += hashes[i];
    }
  }
  for (const KeyChange& change : out.changes) {
    out.live_change += change.count;
    out.digest_change += change.digest;
  }
  return out;
}

EventBatch visible(const StreamSchema& schema, const EventBatch& page, const Withdrawn& withdrawn) {
  const std::vector<bool> hidden = hidden_rows(schema, page, withdrawn);
  if (hidden.empty()) return page;
  std::vector<uint32_t> seen;
  for (size_t i = 0; i < page.size(); ++i) {
    if (!hidden[i]) seen.push_back(static_cast<uint32_t>(i));
  }
  return pick_rows(schema, page, seen);
}

EventBatch visible(const StreamSchema& schema, EventBatch&& page, const Withdrawn& withdrawn) {
  if (hides_nothing(page)) return std::move(page);
  return visible(schema, std::as_const(page), withdrawn);
}

}  // namespace hindcast
