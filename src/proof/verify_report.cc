#include "proof/verify_report.h"

namespace hindcast {
namespace {
constexpr size_t kListed = 1000;
}

void VerifyReport::add(Difference difference) {
  ++differences_total;
  ++by_kind[static_cast<size_t>(difference.kind)];
  if (differences.size() < kListed) differences.push_back(std::move(difference));
}

void VerifyReport::add(Unread stretch) {
  ++unread_total;
  // Piece after piece of a history that does not answer is one stretch.
  if (!unread.empty() && unread.back().source == stretch.source &&
      unread.back().reason == stretch.reason && unread.back().window.end == stretch.window.start) {
    unread.back().window.end = stretch.window.end;
    return;
  }
  if (unread.size() < kListed) unread.push_back(std::move(stretch));
}

void VerifyReport::add(const VerifyReport& part) {
  const uint64_t total = differences_total + part.differences_total;
  for (size_t i = 0; i < by_kind.size(); ++i) by_kind[i] += part.by_kind[i];
  for (const Difference& difference : part.differences) {
    if (differences.size() < kListed) differences.push_back(difference);
  }
  differences_total = total;
  const uint64_t stretches = unread_total + part.unread_total;
  for (const Unread& stretch : part.unread) add(stretch);
  unread_total = stretches;
  pages += part.pages;
  events += part.events;
  rows += part.rows;
  history.compared |= part.history.compared;
  history.events += part.history.events;
  history.pages_read += part.history.pages_read;
  history.keys_read += part.history.keys_read;
  history.stored_events += part.history.stored_events;
  history.requests += part.history.requests;
  history.bytes += part.history.bytes;
  refill.insert(refill.end(), part.refill.begin(), part.refill.end());
  repaired |= part.repaired;
  pages_remade += part.pages_remade;
  parents_marked += part.parents_marked;
  pages_contended += part.pages_contended;
}

std::string_view to_string(VerifyReport::Difference::Kind kind) {
  using Kind = VerifyReport::Difference::Kind;
  switch (kind) {
    case Kind::kDamage:
      return "damage";
    case Kind::kHead:
      return "head";
    case Kind::kRow:
      return "row";
    case Kind::kRollup:
      return "rollup";
    case Kind::kMissing:
      return "missing";
    case Kind::kDiffers:
      return "differs";
    case Kind::kExtra:
      return "extra";
  }
  return "unknown";
}

}  // namespace hindcast
