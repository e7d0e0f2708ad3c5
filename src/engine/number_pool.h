// Numbers of one kind (gaps, jobs) that are never given twice, also over a crash: the store's meta
// holds the first that was never taken from it, and a block is taken before a number of it is
// given. A start wastes what was left of the last block.
//
// Thread safety: any thread. take() writes to the store, and others wait for it, once per block.
#pragma once
#include <cstdint>
#include <mutex>
#include <string>

#include "base/result.h"
#include "store/store.h"

namespace hindcast {

class NumberPool {
 public:
  /// `store` outlives the pool. One pool per kind and store. `block`: larger means fewer writes and
  /// more numbers wasted by a start.
  NumberPool(Store& store, const std::string& kind, uint64_t block = 32);

  /// From 1, ascending. Errors: kUnavailable (the store did not take the block; nothing was given),
  /// kCorruption (what it holds is no number).
  Result<uint64_t> take();

 private:
  Status take_block();

  Store& store_;
  const std::string name_;  // in the store's meta
  const uint64_t block_;
  std::mutex mutex_;
  uint64_t next_ = 0, end_ = 0;  // of the block; guarded by mutex_
};

}  // namespace hindcast
