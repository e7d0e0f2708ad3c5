#include "server/feed_plan.h"

#include <algorithm>

#include "base/assert.h"
#include "base/hash.h"

namespace hindcast {

using Kind = FeedFault::Kind;

FeedPlan::FeedPlan(const FeedData& data)
    : data_(data), time_(data.records.front().time - Duration(1)) {}

EventTime FeedPlan::next_time() const {
  EventTime next = kMaxEventTime;
  if (next_ < data_.records.size()) next = data_.records[next_].time;
  if (!held_.empty()) next = std::min(next, held_.begin()->first);
  if (!disconnects_.empty()) next = std::min(next, disconnects_.begin()->first);
  return next;
}

EventTime FeedPlan::end() const {
  EventTime out = std::max(time_, data_.records.back().time);
  if (!held_.empty()) out = std::max(out, held_.rbegin()->first);
  return out;
}

void FeedPlan::advance(EventTime to) {
  while (time_ < to) {
    const EventTime now = next_time();
    if (now > to || now == kMaxEventTime) break;
    time_ = std::max(time_, now);
    // A disconnect comes before the events of its instant: they are already missed.
    for (auto at = disconnects_.begin(); at != disconnects_.end() && at->first <= now;
         at = disconnects_.erase(at)) {
      for (const FeedFault& fault : faults_) {
        if (fault.id == at->second) cuts_.push_back({log_.size(), fault});
      }
    }
    for (; next_ < data_.records.size() && data_.records[next_].time <= now; ++next_) take(next_);
    for (auto at = held_.begin(); at != held_.end() && at->first <= now; at = held_.erase(at))
      log_.push_back(at->second);
  }
  time_ = std::max(time_, to);
}

void FeedPlan::take(size_t record) {
  if (hit(Kind::kDrop, record) != nullptr) return;
  const auto number = static_cast<uint32_t>(record);
  const EventTime time = data_.records[record].time;
  if (const FeedFault* late = hit(Kind::kLate, record)) {
    held_.emplace(time + late->by, number);
  } else if (const FeedFault* reorder = hit(Kind::kReorder, record);
             reorder != nullptr && reorder->by > Duration(0)) {
    const uint64_t random = mix(reorder->seed ^ 0xA0761D6478BD642F, record + 0xE7037ED1A0B428DB);
    held_.emplace(time + Duration(random % static_cast<uint64_t>(reorder->by.count())), number);
  } else {
    log_.push_back(number);
  }
  if (const FeedFault* again = hit(Kind::kDuplicate, record))
    held_.emplace(time + again->by, number);
}

FeedFault* FeedPlan::hit(Kind kind, size_t record) {
  for (FeedFault& fault : faults_) {
    if (fault.kind != kind || fault.count == 0 || !fault.hits(data_, record)) continue;
    if (fault.count) --*fault.count;
    return &fault;
  }
  return nullptr;
}

uint64_t FeedPlan::add(FeedFault fault) {
  fault.id = ++last_id_;
  if (fault.kind == Kind::kDisconnect) {
    if (fault.when.start <= time_) {
      cuts_.push_back({log_.size(), fault});
    } else {
      disconnects_.emplace(fault.when.start, fault.id);
    }
  }
  faults_.push_back(std::move(fault));
  return last_id_;
}

bool FeedPlan::remove(uint64_t id) {
  return std::erase_if(faults_, [&](const FeedFault& fault) { return fault.id == id; }) > 0;
}

const FeedFault* FeedPlan::acting(Kind kind, const std::vector<uint32_t>& channels) const {
  for (const FeedFault& fault : faults_) {
    if (fault.kind == kind && fault.count != 0 && fault.when.contains(time_) &&
        fault.concerns(channels))
      return &fault;
  }
  return nullptr;
}

std::optional<FeedFault> FeedPlan::use(Kind kind, const std::vector<uint32_t>& channels) {
  const FeedFault* found = acting(kind, channels);
  if (found == nullptr) return std::nullopt;
  FeedFault& fault = faults_[static_cast<size_t>(found - faults_.data())];
  if (fault.count) --*fault.count;
  return fault;
}

const FeedFault* FeedPlan::hitting(Kind kind, size_t record) const {
  for (const FeedFault& fault : faults_) {
    if (fault.kind == kind && fault.hits(data_, record)) return &fault;
  }
  return nullptr;
}

}  // namespace hindcast
