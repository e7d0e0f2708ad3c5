#include "replay/capacity.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace hindcast {
namespace {

constexpr uint8_t kVersion = 1;

/// Of one worker and second: a fifth of what was seen on a machine of the smallest size, so that a
/// share of it is safe until it is known better.
constexpr Work kGuess{.events = 200'000, .bytes = 20'000'000, .store_ops = 200, .requests = 20};

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

Capacity::Capacity()
    : work_{static_cast<double>(kGuess.events), static_cast<double>(kGuess.bytes),
            static_cast<double>(kGuess.store_ops), static_cast<double>(kGuess.requests)},
      busy_seconds_(1) {}

void Capacity::add(const Work& done, const Busy& busy) {
  const double added = std::max(seconds(busy.sum()), 0.0);
  const double kept = std::exp2(-added / seconds(kHalfLife));
  size_t i = 0;
  each_kind(
      [&](uint64_t amount) {
        work_[i] = work_[i] * kept + static_cast<double>(amount);
        ++i;
      },
      done);
  busy_seconds_ = busy_seconds_ * kept + added;
}

Work Capacity::per_second(uint32_t workers) const {
  Work out;
  size_t i = 0;
  each_kind(
      [&](uint64_t& speed) {
        const double measured = work_[i++] / busy_seconds_ * workers;
        speed = static_cast<uint64_t>(std::clamp(measured, 1.0, 1e15));
      },
      out);
  return out;
}

Bytes Capacity::encode() const {
  Bytes out;
  put_u8(out, kVersion);
  for (const double work : work_) put_u64(out, std::bit_cast<uint64_t>(work));
  put_u64(out, std::bit_cast<uint64_t>(busy_seconds_));
  return out;
}

Result<Capacity> Capacity::decode(BytesView bytes) {
  ByteReader in(bytes);
  Capacity capacity;
  const bool known = in.u8() == kVersion;
  for (double& work : capacity.work_) work = std::bit_cast<double>(in.u64());
  capacity.busy_seconds_ = std::bit_cast<double>(in.u64());
  const auto sane = [](double d) { return d >= 0 && d <= 1e18; };  // not NaN either
  const bool all_sane = std::all_of(capacity.work_.begin(), capacity.work_.end(), sane);
  if (!known || !in.ok() || !in.at_end() || !all_sane || !sane(capacity.busy_seconds_) ||
      capacity.busy_seconds_ < 1e-9)
    return corruption("not a measured capacity");
  return capacity;
}

}  // namespace hindcast
