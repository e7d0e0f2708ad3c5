// Keys and values of the embedded store's tables: docs/formats/store.md, with a worked example.
//
// Keys are compared as bytes, so their integers are big-endian, signed ones with the sign bit
// flipped. Values start with a version byte where they are not another module's encoding.
//
// Pure. Errors of all decoders: kCorruption, without a place; callers say where.
#pragma once
#include <cstdint>
#include <string>

#include "store/store.h"

namespace hindcast::embedded {

// ── heads
// ─────────────────────────────────────────────────────────────────────────────────────────
void put_head_key(Bytes& out, const PageKey& key);
Result<PageKey> decode_head_key(BytesView bytes);
void put_head(Bytes& out, const PageHead& head);
/// Sets all of `head` but its key.
Status decode_head(BytesView bytes, PageHead& head);

// ── rows, versions
// ────────────────────────────────────────────────────────────────────────────────
/// Bytes of a row key before the key itself: (aggregate, resolution, bucket, partition, slot).
inline constexpr size_t kRowPlaceBytes = 26;
void put_row_key(Bytes& out, const RowKey& key);
Result<RowKey> decode_row_key(BytesView bytes);

/// Prefix of all old versions of one row: its place, the length of its key, its key.
void put_versions_prefix(Bytes& out, const RowKey& key);
/// ... and the version, flipped, so that the newest comes first.
void put_version_key(Bytes& out, const RowKey& key, Version version);
/// When the version was superseded, then the row as it was (encode_row_value).
void put_version(Bytes& out, ProcessingTime superseded_at, BytesView row_value);
struct OldVersion {
  ProcessingTime superseded_at;
  BytesView row_value;
};
Result<OldVersion> decode_version(BytesView bytes);

// ── facts: the first byte of the key says which
// ───────────────────────────────────────────────────
struct Counters {
  ChangeNumber last_change;
  uint64_t last_mark = 0;
  uint64_t last_outcome = 0;
  bool operator==(const Counters&) const = default;
};
inline constexpr BytesView kCountersKey = "c";
Bytes encode(const Counters& counters);
Result<Counters> decode_counters(BytesView bytes);

Bytes checkpoint_key(PartitionId partition);
Bytes drain_key(PartitionId partition);
Bytes tallies_key(SourceId source);
Bytes encode(const Tallies& tallies);
Result<Tallies> decode_tallies(BytesView bytes);

/// Live bytes of a part file.
Bytes part_file_key(uint64_t file);
Bytes encode_live_bytes(uint64_t bytes);
Result<uint64_t> decode_live_bytes(BytesView bytes);

/// A mark stands in three records: itself by (partition, id), its place by id (to delete it), and
/// its id by place (to know that one is pending there).
Bytes marks_prefix(PartitionId partition);
Bytes mark_key(PartitionId partition, uint64_t id);
Bytes mark_place_key(uint64_t id);
Bytes mark_place(const Mark& mark);  // the value of the second, and the prefix of the third behind
                                     // its first byte
Bytes pending_prefix(BytesView place);
Bytes pending_key(BytesView place, uint64_t id);
Result<PartitionId> partition_of_place(BytesView place);
Bytes encode(const Mark& mark);
Result<Mark> decode_mark(BytesView key, BytesView value);

Bytes dead_letters_prefix(SourceId source);
Bytes dead_letter_key(SourceId source, const EventPosition& at);
Bytes encode_letter(const DeadLetter& letter);
Result<DeadLetterFact> decode_dead_letter(BytesView key, BytesView value);

inline constexpr BytesView kChangesPrefix = "n";
Bytes change_key(ChangeNumber number);
Bytes encode(const Change& change);
Result<Change> decode_change(BytesView key, BytesView value);
/// Without decoding the rest.
Result<ProcessingTime> published_at_of_change(BytesView value);

/// The first key behind all that start with `prefix`. Requires: not only 0xFF bytes.
Bytes after_prefix(BytesView prefix);

}  // namespace hindcast::embedded
