// Coverage against the definition, asked instant by instant and key by key.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "progress/coverage.h"

namespace hindcast {
namespace {

constexpr int64_t kInstants = 24;
const std::vector<PartitionId> kPartitions = {PartitionId{0}, PartitionId{1}};
// "z" is never named by a fact: it stands for all keys that nobody speaks of.
const std::vector<Bytes> kKeys = {"a", "b", "z"};

Window any_window() {
  const int64_t start = *rc::gen::inRange<int64_t>(0, kInstants);
  return {EventTime(Duration(start)),
          EventTime(Duration(*rc::gen::inRange<int64_t>(start, kInstants + 1)))};
}

GapScope any_scope(bool of_outcome) {
  GapScope scope{.kind = *rc::gen::element(GapScope::Kind::kAll, GapScope::Kind::kPartition,
                                           GapScope::Kind::kKeys)};
  if (of_outcome && *rc::gen::inRange(0, 4) == 0) scope.kind = GapScope::Kind::kAllBut;
  if (scope.kind == GapScope::Kind::kPartition) {
    scope.partition = *rc::gen::elementOf(kPartitions);
  } else if (scope.kind != GapScope::Kind::kAll) {
    for (int n = *rc::gen::inRange(1, 4); n > 0; --n) {
      scope.keys.emplace_back(*rc::gen::elementOf(kPartitions), *rc::gen::element<Bytes>("a", "b"));
    }
  }
  return scope;
}

CoverageFacts any_facts() {
  CoverageFacts facts;
  const auto gaps = *rc::gen::inRange<GapId>(0, 4);
  for (GapId id = 1; id <= gaps; ++id) {
    Gap gap;
    gap.id = id;
    gap.range = any_window();
    gap.scope = any_scope(false);
    if (*rc::gen::inRange(0, 3) == 0) gap.range.end = kMaxEventTime;
    facts.gaps.push_back(gap);
    if (*rc::gen::arbitrary<bool>()) facts.bounds.push_back({id, any_window().end});
  }
  for (int n = *rc::gen::inRange(0, 8); n > 0; --n) {
    GapOutcome outcome;
    outcome.gaps = *rc::gen::container<std::vector<GapId>>(rc::gen::inRange<GapId>(1, 5));
    outcome.range = any_window();
    outcome.scope = any_scope(true);
    outcome.kind = *rc::gen::element(GapOutcome::Kind::kFilled, GapOutcome::Kind::kUnfillable,
                                     GapOutcome::Kind::kAccepted);
    outcome.job = *rc::gen::inRange<uint64_t>(0, 5);
    if (*rc::gen::arbitrary<bool>()) outcome.leaned_on = {*rc::gen::inRange<uint64_t>(0, 5)};
    facts.outcomes.push_back(outcome);
  }
  if (*rc::gen::arbitrary<bool>()) facts.withdrawn = {*rc::gen::inRange<uint64_t>(0, 5)};
  return facts;
}

bool in_scope(const GapScope& scope, PartitionId partition, const Bytes& key) {
  switch (scope.kind) {
    case GapScope::Kind::kAll:
      return true;
    case GapScope::Kind::kPartition:
      return scope.partition == partition;
    case GapScope::Kind::kKeys:
      return std::ranges::count(scope.keys, std::pair(partition, key)) > 0;
    case GapScope::Kind::kAllBut:
      return std::ranges::count(scope.keys, std::pair(partition, key)) == 0;
  }
  return false;
}

// The state of one gap at one instant for one key; nullopt: not a hole there.
std::optional<Hole::State> at(const CoverageFacts& facts, const Gap& gap, EventTime instant,
                              PartitionId partition, const Bytes& key) {
  Window range = gap.range;
  if (range.end == kMaxEventTime) {
    for (const GapBound& bound : facts.bounds) {
      if (bound.gap == gap.id) range.end = bound.end;
    }
  }
  if (!range.contains(instant) || !in_scope(gap.scope, partition, key)) return std::nullopt;
  bool unfillable = false, accepted = false;
  for (const GapOutcome& o : facts.outcomes) {
    if (std::ranges::count(o.gaps, gap.id) == 0 || !o.range.contains(instant)) continue;
    if (!in_scope(o.scope, partition, key)) continue;
    unfillable |= o.kind == GapOutcome::Kind::kUnfillable;
    accepted |= o.kind == GapOutcome::Kind::kAccepted;
    if (o.kind != GapOutcome::Kind::kFilled) continue;
    bool stands = true;
    for (const uint64_t job : facts.withdrawn) {
      if (o.job == job || std::ranges::count(o.leaned_on, job) > 0) stands = false;
    }
    if (stands) return std::nullopt;
  }
  if (accepted) return Hole::State::kAccepted;
  return unfillable ? Hole::State::kUnfillable : Hole::State::kOpen;
}

void check(const CoverageFacts& facts, const Coverage& coverage, Window bucket,
           const Folded& folded) {
  Touched expected;
  for (const Gap& gap : facts.gaps) {
    bool touches = false;
    for (EventTime t = bucket.start; t < bucket.end; t += 1ns) {
      for (const PartitionId partition : kPartitions) {
        for (const Bytes& each : kKeys) {
          if (folded.partition && *folded.partition != partition) continue;
          if (folded.key && *folded.key != each) continue;
          const auto state = at(facts, gap, t, partition, each);
          if (!state) continue;
          touches = true;
          expected.open |= *state == Hole::State::kOpen;
          expected.unfillable |= *state == Hole::State::kUnfillable;
          expected.accepted |= *state == Hole::State::kAccepted;
        }
      }
    }
    if (touches) expected.gaps.push_back(gap.id);
  }
  const Touched touched = coverage.touching(bucket, folded);
  RC_ASSERT(touched.gaps == expected.gaps);
  RC_ASSERT(touched.open == expected.open);
  RC_ASSERT(touched.unfillable == expected.unfillable);
  RC_ASSERT(touched.accepted == expected.accepted);
}

RC_GTEST_PROP(CoveragePropertyTest, EqualsItsDefinitionAtEveryInstantAndKey, ()) {
  const CoverageFacts facts = any_facts();
  const Coverage coverage(facts, kPartitions);
  std::vector<Folded> all = {{}};
  for (const PartitionId partition : kPartitions) {
    all.push_back({.partition = partition});
    for (const Bytes& key : kKeys) all.push_back({.partition = partition, .key = key});
  }
  for (const Folded& folded : all) {
    for (EventTime t{}; t < EventTime(Duration(kInstants)); t += 1ns) {
      check(facts, coverage, {t, t + 1ns}, folded);
    }
    Window longer = any_window();
    longer.end = std::max(longer.end, longer.start + 1ns);
    check(facts, coverage, longer, folded);
  }
}

// A gap is listed in pieces that do not overlap: their lengths may be added up and shown.
RC_GTEST_PROP(CoveragePropertyTest, HolesOfOneGapDoNotOverlap, ()) {
  const Coverage coverage(any_facts(), kPartitions);
  const auto& holes = coverage.holes();
  for (size_t i = 0; i < holes.size(); ++i) {
    RC_ASSERT(holes[i].range.start < holes[i].range.end);
    for (size_t j = 0; j < i; ++j) {
      const Hole &a = holes[j], &b = holes[i];
      if (a.gap != b.gap || a.partition != b.partition || a.all_but != b.all_but) continue;
      if (!a.all_but && a.keys != b.keys) {
        for (const Bytes& key : a.keys) RC_ASSERT(!std::ranges::count(b.keys, key));
        continue;
      }
      RC_ASSERT(!a.range.intersects(b.range));
    }
  }
}

}  // namespace
}  // namespace hindcast
