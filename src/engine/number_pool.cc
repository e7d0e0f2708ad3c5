#include "engine/number_pool.h"

#include <charconv>

#include "base/assert.h"

namespace hindcast {
namespace {

Result<uint64_t> parse(const std::string& name, const Bytes& text) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number == 0)
    return corruption("meta " + name + ": '" + text + "' is no number");
  return number;
}

}  // namespace

NumberPool::NumberPool(Store& store, const std::string& kind, uint64_t block)
    : store_(store), name_("next/" + kind), block_(block) {
  HC_ASSERT(block > 0);
}

Result<uint64_t> NumberPool::take() {
  const std::lock_guard lock(mutex_);
  if (next_ == end_) HC_TRY(take_block());
  return next_++;
}

Status NumberPool::take_block() {
  HC_TRY_ASSIGN(const std::optional<Bytes> stored, store_.get_meta(name_));
  uint64_t first = 1;
  if (stored) {
    HC_TRY_ASSIGN(first, parse(name_, *stored));
  }
  HC_TRY(store_.put_meta(name_, std::to_string(first + block_)));
  next_ = first;
  end_ = first + block_;
  return {};
}

}  // namespace hindcast
