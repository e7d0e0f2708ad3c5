#include "replay/divergence.h"

#include <algorithm>

namespace hindcast {
namespace {

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
Duration from_seconds(double s) {
  constexpr double kLongest = 100.0 * 365 * 86'400;
  return Duration(static_cast<int64_t>(std::min(s, kLongest) * 1e9));
}

}  // namespace

void Divergence::observe(const Backlog& backlog, bool chosen, MonoTime now) {
  backlog_ = backlog.event_time;
  if (samples_.empty() || now - observed_ > 3 * kSample) {
    samples_.assign(1, {now, backlog.event_time, Duration(0)});
    chosen_ = {};
    storm_.reset();
    observed_ = now;
    return;
  }
  if (now <= observed_) return;
  if (chosen) chosen_ += now - observed_;
  observed_ = now;
  if (now - samples_.back().at < kSample) return;
  samples_.push_back({now, backlog.event_time, chosen_});
  chosen_ = {};
  if (samples_.size() > kWindows * kPerWindow + 1) samples_.pop_front();
  judge(backlog, now);
}

// Of the `samples` steps that end `from_end` samples before the newest.
Duration Divergence::growth(size_t from_end, size_t samples) const {
  const size_t last = samples_.size() - 1 - from_end;
  return samples_[last].backlog - samples_[last - samples].backlog;
}

Duration Divergence::chosen(size_t from_end, size_t samples) const {
  Duration sum{};
  const size_t last = samples_.size() - 1 - from_end;
  for (size_t i = last - samples + 1; i <= last; ++i) sum += samples_[i].chosen;
  return sum;
}

void Divergence::judge(const Backlog& backlog, MonoTime now) {
  if (samples_.size() <= kPerWindow) return;
  if (storm_ && (growth(0, kPerWindow) < Duration(0) || chosen(0, kPerWindow) > kWindow / 2))
    storm_.reset();
  if (samples_.size() <= kWindows * kPerWindow) return;
  bool diverges = true;
  for (size_t window = 0; window < kWindows; ++window) {
    const size_t from_end = window * kPerWindow;
    diverges = diverges && growth(from_end, kPerWindow) > Duration(0) &&
               chosen(from_end, kPerWindow) <= kWindow / 10;
  }
  if (!storm_ && !diverges) return;
  if (!storm_) storm_ = Storm{.since = now};
  const Duration measured = samples_.back().at - samples_.front().at;
  const double grows = std::max(seconds(growth(0, samples_.size() - 1)) / seconds(measured), 0.0);
  storm_->missing_speed = grows + seconds(backlog.event_time) / seconds(target_);
  const double density = seconds(backlog.event_time) > 0
                             ? static_cast<double>(backlog.events) / seconds(backlog.event_time)
                             : 0;
  storm_->missing_events = static_cast<uint64_t>(storm_->missing_speed * density);
}

std::optional<Eta> Divergence::eta() const {
  constexpr size_t kThirds = 3;
  if (storm_ || samples_.size() <= kThirds || backlog_ <= Duration(0)) return std::nullopt;
  const size_t third = std::min(kPerWindow, samples_.size() - 1) / kThirds;
  double slowest = 0, fastest = 0, mean = 0;
  for (size_t i = 0; i < kThirds; ++i) {
    const size_t last = samples_.size() - 1 - i * third;
    const Duration took = samples_[last].at - samples_[last - third].at;
    const double speed = -seconds(growth(i * third, third)) / seconds(took);
    slowest = i == 0 ? speed : std::min(slowest, speed);
    fastest = std::max(fastest, speed);
    mean += speed / kThirds;
  }
  if (slowest <= 0 || fastest > 3 * slowest) return std::nullopt;
  const double left = seconds(backlog_);
  return Eta{from_seconds(left / mean), from_seconds(left / fastest), from_seconds(left / slowest)};
}

}  // namespace hindcast
