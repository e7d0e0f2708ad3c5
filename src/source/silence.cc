#include "source/silence.h"

#include <algorithm>

namespace hindcast {
namespace {

constexpr Duration kLookMax = 1s;
constexpr int kSlots = 16;  // of the rate's window: what is forgotten at once

}  // namespace

void SilenceWatch::connected(MonoTime now) {
  looked_at_ = now;
  listened_ = heard_at_ = Duration(0);
  slots_.clear();
  events_ = 0;
  highest_.reset();
}

std::optional<Silence> SilenceWatch::heard(MonoTime now, size_t messages,
                                           std::span<const int64_t> times) {
  listened_ += std::min(now - looked_at_, kLookMax);
  looked_at_ = now;
  if (messages > 0) heard_at_ = listened_;
  if (rate_) {
    if (!times.empty()) add(times);
    forget();
    if (events_ >= rate_->events) {
      thin_ = false;
    } else if (listened_ >= rate_->over) {
      thin_ = true;
      return Silence{"silent: " + std::to_string(events_) + " events in " + to_string(rate_->over) +
                         ", of at least " + std::to_string(rate_->events),
                     slots_.empty() ? highest_ : slots_.front().whole_until};
    }
  }
  if (!after_ || listened_ - heard_at_ < *after_) return std::nullopt;
  thin_ = rate_.has_value();
  return Silence{"silent: no message for " + to_string(*after_), {}};
}

void SilenceWatch::add(std::span<const int64_t> times) {
  if (slots_.empty() || listened_ - slots_.back().begin >= rate_->over / kSlots) {
    // What came before the first events of a connection is no matter of this connection.
    const EventTime before = highest_.value_or(event_time_ns(std::ranges::min(times)));
    slots_.push_back({.begin = listened_, .last = listened_, .whole_until = before});
  }
  slots_.back().last = listened_;
  slots_.back().events += times.size();
  events_ += times.size();
  const EventTime highest = event_time_ns(std::ranges::max(times));
  highest_ = std::max(highest, highest_.value_or(highest));
}

/// By their last events: no silence is found out later than `over` after the last one.
void SilenceWatch::forget() {
  while (!slots_.empty() && slots_.front().last <= listened_ - rate_->over) {
    events_ -= slots_.front().events;
    slots_.pop_front();
  }
}

}  // namespace hindcast
