#include "store/embedded_snapshot_internal.h"

#include "base/assert.h"
#include "base/give_way.h"
#include "store/embedded_codec.h"

namespace hindcast::embedded {
namespace {

constexpr size_t kRowsOfReading = 32;  // to read a head or a bucket's row, in rows of a page

Error in(Error error, const char* what) {
  return std::move(error).with(std::string("store, table ") + what);
}

/// A head that decoded halfway says nothing.
PageHead lost_head(const PageKey& key, const Error& why) {
  PageHead head;
  head.key = key;
  head.damage = why.message;
  return head;
}

Result<Row> decode_row(RowKey at, BytesView value) {
  Row row;
  row.at = std::move(at);
  HC_TRY(decode_row_value(value, row));
  return row;
}

Bytes row_from(const RowQuery& query, EventTime bucket, PartitionId partition = {},
               uint16_t slot = 0, Bytes key = {}) {
  Bytes out;
  put_row_key(out, {query.aggregate, query.resolution, bucket, partition, slot, std::move(key)});
  return out;
}

// Where a scan of `query` goes on from `at`, a key at or behind which nothing was visited: at
// itself when it is wanted, else the least key behind it that may be. Empty = there is none.
//
// Rows are ordered (bucket, partition, slot, key); what the query fixes of the last three is one
// run per bucket, so from any key the next candidate is that run of its bucket, or of the next
// bucket.
Bytes next_wanted(const RowQuery& query, const RowKey& at) {
  if (!query.partition) return row_from(query, at.bucket, at.partition, at.slot, at.key);
  const PartitionId partition = *query.partition;
  const uint16_t slot = query.slot.value_or(0);
  const Bytes key = query.key.value_or(Bytes());
  const auto place = std::tuple(at.partition, query.slot ? at.slot : uint16_t{0});
  const auto wanted = std::tuple(partition, slot);
  if (place < wanted) return row_from(query, at.bucket, partition, slot, key);
  if (place == wanted) {
    if (!query.key || at.key == *query.key)
      return row_from(query, at.bucket, at.partition, at.slot, at.key);
    if (at.key < key) return row_from(query, at.bucket, partition, slot, key);
  }
  // Behind the run of this bucket: buckets of one resolution are that far apart at least.
  if (unix_ns(at.bucket) > INT64_MAX - query.resolution.count()) return {};
  return row_from(query, at.bucket + query.resolution, partition, slot, key);
}

}  // namespace

Result<std::shared_ptr<const Snapshot>> EmbeddedSnapshot::take(std::shared_ptr<Shared> shared) {
  auto out = std::make_shared<EmbeddedSnapshot>(std::move(shared));
  HC_TRY_ASSIGN(const std::optional<Bytes> value,
                out->shared_->database->get(out->read_options(), kFacts, kCountersKey));
  if (value) {
    HC_TRY_ASSIGN(const Counters counters, decode_counters(*value));
    out->last_change_ = counters.last_change;
  }
  return std::shared_ptr<const Snapshot>(std::move(out));
}

EmbeddedSnapshot::EmbeddedSnapshot(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {
  // Under the mutex, so that the committer, looking for readers of a part file it wants to remove,
  // sees either this snapshot or one that is younger than the removal.
  const std::lock_guard lock(shared_->mutex);
  snapshot_ = shared_->database->db().GetSnapshot();
  shared_->snapshots.insert(snapshot_->GetSequenceNumber());
}

EmbeddedSnapshot::~EmbeddedSnapshot() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->snapshots.erase(shared_->snapshots.find(snapshot_->GetSequenceNumber()));
  }
  shared_->database->db().ReleaseSnapshot(snapshot_);
}

rocksdb::ReadOptions EmbeddedSnapshot::read_options() const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  return options;
}

Status EmbeddedSnapshot::scan(
    Table table, BytesView from, BytesView to,
    const std::function<Result<bool>(BytesView key, BytesView value)>& each) const {
  rocksdb::ReadOptions options = read_options();
  // Heads are scanned by those who go through all there is: replay and verifiers. What live reads
  // again and again is to stay in the cache.
  options.fill_cache = table != kHeads;
  const rocksdb::Slice bound = slice(to);
  options.iterate_upper_bound = &bound;
  const Database& database = *shared_->database;
  const std::unique_ptr<rocksdb::Iterator> it(
      database.db().NewIterator(options, database.table(table)));
  for (it->Seek(slice(from)); it->Valid(); it->Next()) {
    HC_TRY_ASSIGN(const bool more, each(view(it->key()), view(it->value())));
    give_way(kRowsOfReading);
    if (!more) return {};
  }
  if (!it->status().ok()) return to_error(it->status(), "store");
  return {};
}

Status EmbeddedSnapshot::heads(const PageRange& range,
                               const std::function<bool(const PageHead&)>& each) const {
  Bytes from, to;
  put_head_key(from, {range.partition, range.windows.start, 0});
  put_head_key(to, {range.partition, range.windows.end, 0});
  return scan(kHeads, from, to, [&](BytesView key, BytesView value) -> Result<bool> {
    PageHead head;
    HC_TRY_ASSIGN(head.key, decode_head_key(key));
    if (head.key.slot < range.slot_begin || head.key.slot >= range.slot_end) return true;
    if (Status decoded = decode_head(value, head); !decoded)
      head = lost_head(head.key, in(std::move(decoded).error(), "heads"));
    return each(head);
  });
}

Result<PageHead> EmbeddedSnapshot::head(const PageKey& key, Lane lane) const {
  PageHead out;
  out.key = key;
  Bytes head_key;
  put_head_key(head_key, key);
  rocksdb::ReadOptions options = read_options();
  options.fill_cache = lane == Lane::kLive;
  const auto head = shared_->database->get(options, kHeads, head_key);
  if (!head && head.error().code != ErrorCode::kCorruption) return head.error();
  if (head && !*head) return out;
  Status read;
  if (!head) {
    read = head.error();
  } else {
    read = decode_head(**head, out);
  }
  if (!read) return lost_head(key, in(std::move(read).error(), "heads"));
  return out;
}

Result<Bytes> EmbeddedSnapshot::part_bytes(const PageKey& key, const PartRef& part, uint64_t from,
                                           uint64_t size) const {
  return shared_->parts->read_range(key, part, from, size);
}

Result<PageParts> EmbeddedSnapshot::page(const PageKey& key, Lane lane) const {
  PageParts out;
  HC_TRY_ASSIGN(out.head, head(key, lane));
  for (const PartRef& part : out.head.parts) {
    HC_TRY_ASSIGN(PartFiles::Content content, shared_->parts->read(key, part, lane));
    if (!content.damage.empty())
      out.damaged.push_back({static_cast<uint32_t>(out.parts.size()), std::move(content.damage)});
    out.parts.push_back(std::move(content.part));
  }
  return out;
}

Status EmbeddedSnapshot::rows(const RowQuery& query,
                              const std::function<bool(const Row&)>& each) const {
  HC_ASSERT(!query.slot || query.partition);
  HC_ASSERT(!query.key || query.slot);
  HC_ASSERT(query.resolution > Duration{});
  const Bytes from = row_from(query, query.range.start);
  const Bytes to = row_from(query, query.range.end);
  rocksdb::ReadOptions options = read_options();
  const rocksdb::Slice bound = slice(to);
  options.iterate_upper_bound = &bound;
  const Database& database = *shared_->database;
  const std::unique_ptr<rocksdb::Iterator> it(
      database.db().NewIterator(options, database.table(kRows)));
  it->Seek(slice(from));
  while (it->Valid()) {
    HC_TRY_ASSIGN(RowKey at, decode_row_key(view(it->key())));
    const Bytes wanted = next_wanted(query, at);
    if (wanted.empty()) break;
    if (view(it->key()) != wanted) {
      it->Seek(slice(wanted));
      continue;
    }
    auto row = decode_row(std::move(at), view(it->value()));
    if (!row) return in(std::move(row).error(), "rows");
    if (!each(*row)) return {};
    give_way(kRowsOfReading);
    it->Next();
  }
  if (!it->status().ok()) return to_error(it->status(), "store");
  return {};
}

Result<std::optional<Row>> EmbeddedSnapshot::row(const RowKey& key) const {
  Bytes encoded;
  put_row_key(encoded, key);
  HC_TRY_ASSIGN(const std::optional<Bytes> value,
                shared_->database->get(read_options(), kRows, encoded));
  if (!value) return std::optional<Row>();
  HC_TRY_ASSIGN(Row row, decode_row(key, *value));
  return std::optional<Row>(std::move(row));
}

Result<std::vector<Row>> EmbeddedSnapshot::versions(const RowKey& key) const {
  Bytes prefix;
  put_versions_prefix(prefix, key);
  // The version, flipped, fills the 8 bytes behind the prefix; 0, the highest, is no version.
  const Bytes to = prefix + Bytes(8, '\xFF');
  std::vector<Row> out;
  HC_TRY(scan(kVersions, prefix, to, [&](BytesView, BytesView value) -> Result<bool> {
    HC_TRY_ASSIGN(const OldVersion old, decode_version(value));
    HC_TRY_ASSIGN(Row row, decode_row(key, old.row_value));
    out.push_back(std::move(row));
    return true;
  }));
  return out;
}

Status EmbeddedSnapshot::marks(PartitionId partition,
                               const std::function<bool(const Mark&)>& each) const {
  const Bytes prefix = marks_prefix(partition);
  return scan(kFacts, prefix, after_prefix(prefix),
              [&](BytesView key, BytesView value) -> Result<bool> {
                HC_TRY_ASSIGN(const Mark mark, decode_mark(key, value));
                return each(mark);
              });
}

Result<bool> EmbeddedSnapshot::mark_pending(AggregateId aggregate, Duration resolution,
                                            EventTime bucket, PartitionId partition,
                                            uint16_t slot) const {
  const Mark mark{.aggregate = aggregate,
                  .resolution = resolution,
                  .bucket = bucket,
                  .partition = partition,
                  .slot = slot};
  const Bytes prefix = pending_prefix(mark_place(mark));
  bool pending = false;
  HC_TRY(scan(kFacts, prefix, after_prefix(prefix), [&](BytesView, BytesView) -> Result<bool> {
    pending = true;
    return false;
  }));
  return pending;
}

Result<std::optional<Checkpoint>> EmbeddedSnapshot::checkpoint(PartitionId partition) const {
  HC_TRY_ASSIGN(const std::optional<Bytes> value,
                shared_->database->get(read_options(), kFacts, checkpoint_key(partition)));
  if (!value) return std::optional<Checkpoint>();
  HC_TRY_ASSIGN(Checkpoint checkpoint, decode_checkpoint(*value));
  return std::optional<Checkpoint>(std::move(checkpoint));
}

Result<std::optional<DrainCheckpoint>> EmbeddedSnapshot::drain_checkpoint(
    PartitionId partition) const {
  HC_TRY_ASSIGN(const std::optional<Bytes> value,
                shared_->database->get(read_options(), kFacts, drain_key(partition)));
  if (!value) return std::optional<DrainCheckpoint>();
  HC_TRY_ASSIGN(DrainCheckpoint checkpoint, decode_drain_checkpoint(*value));
  return std::optional<DrainCheckpoint>(std::move(checkpoint));
}

Result<Tallies> EmbeddedSnapshot::tallies(SourceId source) const {
  HC_TRY_ASSIGN(const std::optional<Bytes> value,
                shared_->database->get(read_options(), kFacts, tallies_key(source)));
  if (!value) return Tallies{};
  return decode_tallies(*value);
}

Status EmbeddedSnapshot::dead_letters(
    SourceId source, EventPosition after,
    const std::function<bool(const DeadLetterFact&)>& each) const {
  const Bytes from = dead_letter_key(source, after) + '\0';  // the least key behind it
  return scan(kFacts, from, after_prefix(dead_letters_prefix(source)),
              [&](BytesView key, BytesView value) -> Result<bool> {
                HC_TRY_ASSIGN(const DeadLetterFact fact, decode_dead_letter(key, value));
                return each(fact);
              });
}

Status EmbeddedSnapshot::changes(ChangeNumber after,
                                 const std::function<bool(const Change&)>& each) const {
  if (after.value == UINT64_MAX) return {};
  return scan(kFacts, change_key(ChangeNumber{after.value + 1}), after_prefix(kChangesPrefix),
              [&](BytesView key, BytesView value) -> Result<bool> {
                HC_TRY_ASSIGN(const Change change, decode_change(key, value));
                return each(change);
              });
}

}  // namespace hindcast::embedded
