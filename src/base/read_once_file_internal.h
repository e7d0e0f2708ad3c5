// A file that is read in bulk beside live traffic: by O_DIRECT, 64 KiB at a time. Buffered reads of
// what is not in the cache read ahead in large pieces, and live's syncs wait behind them (p99 6.6
// ms instead of 1.2); they also push out what live reads. Where the file system has no O_DIRECT
// (tmpfs, some network ones), the same pieces are read through the cache and given back to it at
// once.
#pragma once
#include <memory>
#include <string>

#include "base/files.h"

namespace hindcast {

/// For reading only. One piece of it is kept, so small reads in order cost one of the disk's each
/// 64 KiB; reads of several threads take turns.
Result<std::unique_ptr<File>> open_read_once(const std::string& path);

}  // namespace hindcast
