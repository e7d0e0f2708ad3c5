// The digest: a 128-bit additive multiset hash of live (not deleted) events. It adds up over keys
// and time, so day = sum of hours = sum of minutes; order and partition into batches do not matter.
//
// Source: Clarke et al., "Incremental multiset hash functions" (MSet-Add-Hash), with a mum-mix
// instead of a cryptographic hash: it protects against accidents, not against hostile producers.
#pragma once
#include "base/bytes.h"
#include "base/hash.h"
#include "model/event_batch.h"

namespace hindcast {

struct Digest {
  uint64_t hi = 0, lo = 0;
  Digest& operator+=(Digest o) {
    const uint64_t sum = lo + o.lo;
    hi += o.hi + (sum < lo);
    lo = sum;
    return *this;
  }
  Digest& operator-=(Digest o) {
    hi -= o.hi + (lo < o.lo);
    lo -= o.lo;
    return *this;
  }
  friend Digest operator+(Digest a, Digest b) { return a += b; }
  friend Digest operator-(Digest a, Digest b) { return a -= b; }
  auto operator<=>(const Digest&) const = default;
};

/// Hashes the events of one batch: key, time, id, order, revision and values (texts by content,
/// nulls as such). Independent of batch, dictionary and machine; fixed for ever. The batch must
/// outlive it and not grow meanwhile.
class EventHasher {
 public:
  static constexpr size_t kBlock = 64;

  EventHasher(const StreamSchema& schema, const EventBatch& batch)
      : schema_(schema), batch_(batch) {}
  /// `key_hash` = hash64(key bytes), passed in because a run of rows shares it.
  Digest operator()(size_t row, uint64_t key_hash) const;
  /// Hashes of `count` rows from `begin`, at most kBlock, given the hash of each row's key.
  void block(size_t begin, size_t count, const uint64_t* key_hashes, Digest* out) const;
  /// Of order, nulls and values only: breaks ties between records of one id.
  Digest content(size_t row) const;

 private:
  const StreamSchema& schema_;
  const EventBatch& batch_;
};

/// Hash of one event; for many, make one EventHasher.
inline Digest event_hash(const StreamSchema& schema, const EventBatch& batch, size_t row,
                         uint64_t key_hash) {
  return EventHasher(schema, batch)(row, key_hash);
}

std::string to_hex(Digest d);

}  // namespace hindcast
