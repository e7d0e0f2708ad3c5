// How RocksDB uses the disk: never much at once, because live's log is synced on the same one, and
// a request there waits for all that was handed in before it (docs/decisions/isolation.md).
//
//   flushes, compactions   past the cache, in pieces of 64 KiB, spread over time
//   the write-ahead log    a sync writes it out in such pieces, each after the one before it
//   deleted files          cut off piece by piece: where a disk is told at once of blocks that are
//                          free (discard), it answers nobody meanwhile, 0.3 ms per MiB
//
// Thread safety: as RocksDB wants it of each.
#pragma once
#include <rocksdb/env.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/sst_file_manager.h>

#include <memory>
#include <string>

#include "base/units.h"

namespace hindcast::embedded {

/// As `env`, but its write-ahead logs (*.log) are synced in pieces. Threads are the process's own.
std::unique_ptr<rocksdb::Env> env_with_paced_log(rocksdb::Env& env);

/// Whether files in the folder can be read and written past the cache; on tmpfs, for one, not.
bool direct_io_works(rocksdb::Env& env, const std::string& folder);

/// For flushes and compactions; but once writes are slowed or stopped for want of a flush, which is
/// when RocksDB asks as a user would, it goes at full speed: then it holds up live more than the
/// disk's queue would.
std::shared_ptr<rocksdb::RateLimiter> bulk_limiter(ByteCount per_second);

/// Removes files that RocksDB needs no more. What a crash leaves of them (*.trash), the next open
/// removes.
std::shared_ptr<rocksdb::SstFileManager> deletions_in_pieces(rocksdb::Env& env);

}  // namespace hindcast::embedded
