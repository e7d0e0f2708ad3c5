#include "model/row.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/give_way.h"

namespace hindcast {
namespace {

constexpr uint8_t kRowVersion = 1;

// Hashes of the rows of runs, ahead of their use: many keys have few rows each, and blocks of rows
// are hashed several times as fast as one by one.
class RunHashes {
 public:
  RunHashes(const StreamSchema& schema, const EventBatch& page, const std::vector<KeyRun>& runs)
      : hasher_(schema, page), page_(page), runs_(runs) {}

  /// Rows are asked for in the order of the runs. `run` = index of the run that holds `row`.
  Digest of(size_t run, size_t row) {
    if (row < begin_ || row >= end_) hash_from(run, row);
    return hashes_[row - begin_];
  }

 private:
  // A block ends where the runs have a hole: rows between them may be many, and are not asked for.
  void hash_from(size_t run, size_t row) {
    std::array<uint64_t, EventHasher::kBlock> key_hashes;
    begin_ = end_ = row;
    for (; run < runs_.size() && end_ - begin_ < EventHasher::kBlock; ++run) {
      if (end_ != row && runs_[run].begin != end_) break;
      const uint64_t key_hash = hash64(page_.keys[runs_[run].key]);
      const size_t end = std::min(runs_[run].end, begin_ + EventHasher::kBlock);
      for (; end_ < end; ++end_) key_hashes[end_ - begin_] = key_hash;
    }
    hasher_.block(begin_, end_ - begin_, key_hashes.data(), hashes_.data());
  }

  EventHasher hasher_;
  const EventBatch& page_;
  const std::vector<KeyRun>& runs_;
  size_t begin_ = 0, end_ = 0;  // rows whose hashes are in hashes_
  std::array<Digest, EventHasher::kBlock> hashes_;
};

}  // namespace

std::string to_string(Cause cause) {
  switch (cause.kind) {
    case Cause::Kind::kLive:
      return "live";
    case Cause::Kind::kLate:
      return "late";
    case Cause::Kind::kReplay:
      return "replay " + std::to_string(cause.job);
    case Cause::Kind::kRepair:
      return cause.job == 0 ? "repair" : "repair " + std::to_string(cause.job);
    case Cause::Kind::kUndo:
      return "undo " + std::to_string(cause.job);
  }
  return "unknown";
}

constexpr size_t kRowsOfMaking = 16;  // to encode a row and copy its key, in rows of a page

void fold_rows(const StreamSchema& schema, const Rule& rule, AggregateId aggregate,
               Duration resolution, PartitionId partition, uint16_t slot, const EventBatch& page,
               const std::vector<KeyRun>& runs, std::vector<Row>& out) {
  State state(schema, rule);
  Bytes encoded;  // copied at its final length: one allocation a row
  RunHashes hashes(schema, page, runs);
  for (size_t r = 0; r < runs.size(); ++r) {
    const KeyRun& run = runs[r];
    const BytesView key = page.keys[run.key];
    for (size_t begin = run.begin; begin < run.end;) {
      const Window bucket = window_of(event_time_ns(page.time[begin]), resolution);
      const bool endless = bucket.end == kMaxEventTime;  // saturated: it holds the last instant too
      Digest digest;
      size_t end = begin;
      for (; end < run.end && (endless || page.time[end] < unix_ns(bucket.end)); ++end) {
        HC_ASSERT(page.time[end] >= unix_ns(bucket.start));  // page order
        digest += hashes.of(r, end);
      }
      state.reset();
      state.fold(page, begin, end);
      give_way(end - begin + kRowsOfMaking);
      encoded.clear();
      state.encode(encoded);

      Row& row = out.emplace_back();
      row.at = {aggregate, resolution, bucket.start, partition, slot, Bytes(key)};
      row.events = end - begin;
      row.digest = digest;
      row.state = encoded;
      begin = end;
    }
  }
}

Result<Row> roll_up(const StreamSchema& schema, const Rule& rule, const RowKey& parent,
                    const std::vector<const Row*>& children) {
  State state(schema, rule);
  return roll_up(state, parent, children);
}

Result<Row> roll_up(State& state, const RowKey& parent, const std::vector<const Row*>& children) {
  state.reset();
  Row row;
  row.at = parent;
  for (const Row* child : children) {
    if (child->events == 0) continue;  // hidden: emptied by a correction
    row.events += child->events;
    row.digest += child->digest;
    if (Status combined = state.combine(child->state); !combined) {
      return std::move(combined).error().with("bucket " + to_rfc3339(child->at.bucket));
    }
  }
  state.encode(row.state);
  return row;
}

void encode_row_value(const Row& row, Bytes& out) {
  put_u8(out, kRowVersion);
  put_varint(out, row.version.value);
  put_varint(out, row.events);
  put_u64(out, row.digest.hi);
  put_u64(out, row.digest.lo);
  put_u8(out, static_cast<uint8_t>(row.cause.kind));
  put_varint(out, row.cause.job);
  put_signed(out, unix_ns(row.published_at));
  out.append(row.state);
}

Status decode_row_value(BytesView bytes, Row& row) {
  ByteReader in(bytes);
  if (in.u8() != kRowVersion) return corruption("row: unknown version");
  row.version = Version{in.varint()};
  row.events = in.varint();
  row.digest.hi = in.u64();
  row.digest.lo = in.u64();
  const uint8_t cause = in.u8();
  row.cause.kind = static_cast<Cause::Kind>(cause);
  row.cause.job = in.varint();
  row.published_at = ProcessingTime(Duration(in.signed_varint()));
  if (!in.ok() || cause > static_cast<uint8_t>(Cause::Kind::kUndo)) {
    return corruption("row: malformed");
  }
  row.state = in.bytes(in.remaining());
  return {};
}

}  // namespace hindcast
