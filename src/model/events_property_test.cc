// The event half of the model against naive ones: sorted vectors and std::map over plain structs.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

#include "base/hash.h"
#include "base/rng.h"
#include "model/digest.h"
#include "model/events_test_util.h"
#include "model/join.h"
#include "model/part.h"

namespace hindcast {
namespace {

using test::batch_of;
using test::Trade;
using test::trade_at;
using test::trade_schema;
using test::trades_of;

const StreamSchema kSchema = trade_schema();

// Few keys, times, ids, revisions and origins, so that everything collides with everything.
rc::Gen<Trade> any_trade() {
  return rc::gen::map(
      rc::gen::tuple(rc::gen::inRange(0, 4), rc::gen::inRange(0, 3), rc::gen::inRange(0, 4),
                     rc::gen::inRange(0, 3), rc::gen::inRange(0, 3), rc::gen::inRange(0, 3),
                     rc::gen::inRange(0, 2), rc::gen::inRange(0, 4), rc::gen::inRange(0, 3)),
      [](const auto& t) {
        const auto [key, time, id, price, side, revision, decision, op, origin] = t;
        Trade trade{
            .key = std::string("key-with-a-long-name-").substr(0, key * 7) + char('A' + key),
            .time = time - 1,
            .id = id,
            .price = price,
            .quantity = 0.5 * price};
        if (side > 0) trade.side = side == 1 ? "buy" : "sell";
        trade.order = price % 2;
        trade.revision = revision;
        trade.decision = decision;
        trade.op = op == 0 ? Op::kDelete : Op::kUpsert;
        trade.origin = static_cast<uint32_t>(origin);
        return trade;
      });
}
rc::Gen<std::vector<Trade>> any_trades() {
  return rc::gen::container<std::vector<Trade>>(any_trade());
}
rc::Gen<Withdrawn> any_withdrawn() {
  return rc::gen::element(Withdrawn{}, Withdrawn{1}, Withdrawn{2}, Withdrawn{1, 2});
}

EventBatch page_of(const std::vector<Trade>& trades) {
  return sort_unique(kSchema, batch_of(kSchema, trades));
}

// ---- the naive model ----

Digest content_of(const Trade& t) {
  const EventBatch one = batch_of(kSchema, {t});
  return EventHasher(kSchema, one).content(0);
}
Digest hash_of(const Trade& t) {
  return event_hash(kSchema, batch_of(kSchema, {t}), 0, hash64(t.key));
}
auto strength(const Trade& t) { return std::tuple(t.revision, t.decision, t.op, content_of(t)); }

using Identity = std::tuple<std::string, int64_t, int64_t>;
Identity identity(const Trade& t) { return {t.key, t.time, t.id}; }

struct NaivePage {
  std::map<std::pair<Identity, uint32_t>, Trade> records;

  void add(const std::vector<Trade>& trades) {
    for (const Trade& t : trades) {
      const auto [it, is_new] = records.try_emplace({identity(t), t.origin}, t);
      if (!is_new && strength(it->second) < strength(t)) it->second = t;
    }
  }
  std::vector<Trade> rows() const {
    std::vector<Trade> out;
    for (const auto& [at, t] : records) out.push_back(t);
    return out;
  }
  std::vector<Trade> visible(const Withdrawn& withdrawn) const {
    std::map<Identity, Trade> seen;
    for (const auto& [at, t] : records) {
      if (std::count(withdrawn.begin(), withdrawn.end(), t.origin)) continue;
      const auto [it, is_new] = seen.try_emplace(at.first, t);
      if (!is_new && strength(it->second) < strength(t)) it->second = t;
    }
    std::vector<Trade> out;
    for (const auto& [at, t] : seen) {
      if (t.op == Op::kUpsert) out.push_back(t);
    }
    return out;
  }
  std::map<std::string, std::pair<int64_t, Digest>> directory(const Withdrawn& withdrawn) const {
    std::map<std::string, std::pair<int64_t, Digest>> out;
    for (const Trade& t : visible(withdrawn)) {
      ++out[t.key].first;
      out[t.key].second += hash_of(t);
    }
    return out;
  }
};

RC_GTEST_PROP(SortUniqueProperty, EqualsTheNaivePage, ()) {
  const auto trades = *any_trades();
  NaivePage naive;
  naive.add(trades);
  RC_ASSERT(trades_of(page_of(trades)) == naive.rows());
}

RC_GTEST_PROP(SortUniqueProperty, OutcomesAddUpAndTellWinners, ()) {
  const auto trades = *any_trades();
  std::vector<Outcome> outcomes;
  const EventBatch page = sort_unique(kSchema, batch_of(kSchema, trades), &outcomes);
  const std::vector<Trade> rows = trades_of(page);
  RC_ASSERT(static_cast<size_t>(std::count(outcomes.begin(), outcomes.end(), Outcome::kAdded)) ==
            rows.size());
  for (size_t i = 0; i < trades.size(); ++i) {
    const bool wins = std::count(rows.begin(), rows.end(), trades[i]) == 1;
    RC_ASSERT(wins == (outcomes[i] != Outcome::kSuperseded));
  }
}

// Law L1: order, cuts and repetitions of deliveries do not matter.
RC_GTEST_PROP(JoinProperty, AnyPermutationSplitAndRepetitionGivesTheSamePage, ()) {
  const auto trades = *any_trades();
  auto shuffled = trades;
  const auto seed = *rc::gen::arbitrary<uint64_t>();
  Rng rng(seed);
  for (const Trade& t : trades) {
    if (rng.chance(0.3)) shuffled.push_back(t);
  }
  for (size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[rng.below(i)]);
  std::vector<EventBatch> parts;
  for (size_t begin = 0; begin < shuffled.size();) {
    const size_t end = std::min(shuffled.size(), begin + 1 + rng.below(5));
    parts.push_back(page_of({shuffled.begin() + begin, shuffled.begin() + end}));
    begin = end;
  }
  std::vector<const EventBatch*> pointers;
  for (const EventBatch& part : parts) pointers.push_back(&part);
  const EventBatch joined = join(kSchema, pointers), at_once = page_of(trades);
  const auto withdrawn = *any_withdrawn();
  RC_ASSERT(trades_of(joined) == trades_of(at_once));
  RC_ASSERT(trades_of(visible(kSchema, joined, withdrawn)) ==
            trades_of(visible(kSchema, at_once, withdrawn)));
}

EventBatch join2(const EventBatch& a, const EventBatch& b) {
  const std::vector<const EventBatch*> parts = {&a, &b};
  return join(kSchema, parts);
}

RC_GTEST_PROP(JoinProperty, IsAssociativeCommutativeAndIdempotent, ()) {
  const EventBatch a = page_of(*any_trades()), b = page_of(*any_trades()),
                   c = page_of(*any_trades());
  RC_ASSERT(trades_of(join2(a, join2(b, c))) == trades_of(join2(join2(a, b), c)));
  RC_ASSERT(trades_of(join2(a, b)) == trades_of(join2(b, a)));
  RC_ASSERT(trades_of(join2(a, a)) == trades_of(a));
}

RC_GTEST_PROP(VisibleProperty, EqualsTheNaiveOne, ()) {
  const auto trades = *any_trades();
  const auto withdrawn = *any_withdrawn();
  NaivePage naive;
  naive.add(trades);
  const EventBatch page = page_of(trades);
  RC_ASSERT(trades_of(visible(kSchema, page, withdrawn)) == naive.visible(withdrawn));
  RC_ASSERT(trades_of(visible(kSchema, EventBatch(page), withdrawn)) == naive.visible(withdrawn));
}

RC_GTEST_PROP(AddProperty, AgreesWithJoinAndRecomputedDigests, ()) {
  const auto first = *any_trades(), second = *any_trades();
  const auto withdrawn = *any_withdrawn();
  const EventBatch existing = page_of(first), incoming = page_of(second);
  const Addition addition = add(kSchema, existing, incoming, withdrawn);

  NaivePage before, after;
  before.add(first);
  after.add(first);
  after.add(second);
  RC_ASSERT(trades_of(join2(existing, addition.rows)) == after.rows());

  // Outcomes: an incoming record is added exactly when it is in the new page and was not in the
  // old.
  const std::vector<Trade> old_rows = before.rows(), new_rows = after.rows();
  std::vector<Trade> added;
  for (size_t i = 0; i < incoming.size(); ++i) {
    const Trade t = trade_at(incoming, i);
    const bool was = std::count(old_rows.begin(), old_rows.end(), t) > 0;
    const bool is = std::count(new_rows.begin(), new_rows.end(), t) > 0;
    RC_ASSERT(addition.outcomes[i] == (was  ? Outcome::kDuplicate
                                       : is ? Outcome::kAdded
                                            : Outcome::kSuperseded));
    if (is && !was) added.push_back(t);
  }
  RC_ASSERT(trades_of(addition.rows) == added);

  // Directory: the change of every key's count and digest, and in `changed` exactly those with one.
  auto was = before.directory(withdrawn), is = after.directory(withdrawn);
  std::vector<std::string> changed, expected_changed;
  for (const uint32_t k : addition.changed) changed.emplace_back(addition.rows.keys[k]);
  Digest digest;
  int64_t live = 0;
  std::map<std::string, KeyChange> named;
  for (const KeyChange& c : addition.changes) named[std::string(c.key)] = c;
  RC_ASSERT(named.size() == addition.rows.keys.size());
  for (const auto& [identity_and_origin, t] : after.records) {
    const std::string& key = t.key;
    const int64_t count = is[key].first - was[key].first;
    const Digest delta = is[key].second - was[key].second;
    RC_ASSERT(named[key].count == count);
    RC_ASSERT(named[key].digest == delta);
    if (delta != Digest{} && (expected_changed.empty() || expected_changed.back() != key)) {
      expected_changed.push_back(key);
    }
  }
  for (const auto& [key, change] : named) digest += change.digest, live += change.count;
  RC_ASSERT(changed == expected_changed);
  RC_ASSERT(addition.digest_change == digest);
  RC_ASSERT(addition.live_change == live);
}

RC_GTEST_PROP(AddProperty, ToAnEmptyPageItEqualsPageChanges, ()) {
  const EventBatch page = page_of(*any_trades());
  const auto withdrawn = *any_withdrawn();
  const Addition addition = add(kSchema, page_of({}), page, withdrawn);
  const PageChanges changes = page_changes(kSchema, page, withdrawn);
  RC_ASSERT(trades_of(addition.rows) == trades_of(page));
  RC_ASSERT(addition.live_change == changes.live_change);
  RC_ASSERT(addition.digest_change == changes.digest_change);
  RC_ASSERT(addition.changes.size() == changes.changes.size());
  for (size_t i = 0; i < changes.changes.size(); ++i) {
    RC_ASSERT(addition.changes[i].key == changes.changes[i].key);
    RC_ASSERT(addition.changes[i].count == changes.changes[i].count);
    RC_ASSERT(addition.changes[i].digest == changes.changes[i].digest);
  }
}

// A page is the join of its parts, and the sum of their directories is its directory.
RC_GTEST_PROP(PartProperty, DirectoriesOfSuccessiveAddsSumToThatOfOneFoldedPart, ()) {
  const auto deliveries = *rc::gen::container<std::vector<std::vector<Trade>>>(any_trades());
  const auto withdrawn = *any_withdrawn();
  EventBatch page = page_of({});
  std::map<std::string, std::pair<int64_t, Digest>> sums;
  for (const auto& trades : deliveries) {
    const Addition addition = add(kSchema, page, page_of(trades), withdrawn);
    const Bytes bytes = encode_part(kSchema, addition.rows, addition.changes);
    const PartView part = PartView::open(bytes).value();
    for (const KeyChange& change : part.directory()) {
      auto& [count, digest] = sums[std::string(change.key)];
      count += change.count;
      digest += change.digest;
    }
    EventBatch stored(kSchema);
    RC_ASSERT(part.read(kSchema, nullptr, stored).has_value());
    page = join2(page, stored);
  }
  const PageChanges folded = page_changes(kSchema, page, withdrawn);
  const Bytes bytes = encode_part(kSchema, page, folded.changes);
  const PartView part = PartView::open(bytes).value();
  RC_ASSERT(part.directory().size() == sums.size());
  for (const KeyChange& change : part.directory()) {
    RC_ASSERT(sums[std::string(change.key)] == std::pair(change.count, change.digest));
  }
}

RC_GTEST_PROP(DigestProperty, AddsUpOverKeysAndTimes, ()) {
  const EventBatch page = visible(kSchema, page_of(*any_trades()), {});
  Digest total, by_row;
  for (const KeyChange& change : page_changes(kSchema, page, {}).changes) total += change.digest;
  for (size_t i = 0; i < page.size(); ++i) {
    by_row += event_hash(kSchema, page, i, hash64(page.keys[page.key[i]]));
  }
  RC_ASSERT(total == by_row);
}

rc::Gen<Trade> wild_trade() {
  return rc::gen::map(
      rc::gen::tuple(rc::gen::string<std::string>(), rc::gen::arbitrary<int64_t>(),
                     rc::gen::arbitrary<int64_t>(), rc::gen::arbitrary<int64_t>(),
                     rc::gen::arbitrary<double>(), rc::gen::maybe(rc::gen::string<std::string>()),
                     rc::gen::arbitrary<int64_t>(), rc::gen::arbitrary<uint32_t>()),
      [](const auto& t) {
        const auto& [key, time, id, price, quantity, side, order, origin] = t;
        Trade trade{.key = key, .time = time, .id = id, .price = price, .quantity = quantity};
        if (side) trade.side = *side;
        trade.order = order;
        trade.revision = price ^ id;
        trade.op = id % 2 ? Op::kUpsert : Op::kDelete;
        trade.origin = origin;
        return trade;
      });
}

RC_GTEST_PROP(EventCodecProperty, RowsRoundTrip, ()) {
  const auto trades = *rc::gen::container<std::vector<Trade>>(wild_trade());
  Bytes bytes;
  encode_rows(kSchema, batch_of(kSchema, trades), 0, trades.size(), true, bytes);
  EventBatch back(kSchema);
  RC_ASSERT(decode_rows(kSchema, bytes, true, back).has_value());
  RC_ASSERT(trades_of(back) == trades);
}

RC_GTEST_PROP(EventMoveProperty, ScatterAndAppendKeepEveryRow, ()) {
  const auto trades = *rc::gen::container<std::vector<Trade>>(wild_trade());
  const EventBatch from = batch_of(kSchema, trades);
  std::vector<uint32_t> target;
  for (size_t i = 0; i < trades.size(); ++i) {
    const auto t = *rc::gen::inRange<uint32_t>(0, 4);
    target.push_back(t == 3 ? kNoTarget : t);
  }
  std::vector<EventBatch> to(3, EventBatch(kSchema));
  const std::vector<EventBatch*> targets = {&to[0], &to[1], &to[2]};
  scatter_rows(kSchema, from, target, targets);
  for (uint32_t t = 0; t < 3; ++t) {
    std::vector<Trade> expected;
    for (size_t i = 0; i < trades.size(); ++i) {
      if (target[i] == t) expected.push_back(trades[i]);
    }
    RC_ASSERT(trades_of(to[t]) == expected);
  }
}

}  // namespace
}  // namespace hindcast
