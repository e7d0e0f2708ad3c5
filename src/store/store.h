// Where the truth rests: pages (parts named by heads), rows, facts, checkpoints. One interface;
// memory and embedded (RocksDB + part files) today.
//
// Atomicity: a Commit is all or nothing, also over a crash.
// Durability: `done` runs, and readers see the commit, only after it survives power loss.
// Ordering: commits of one lane take effect in the order given; live goes before replay.
// Idempotence: kUnknown means send the same commit again. Memory and embedded never answer it.
// Thread safety: any thread. `done` runs on an implementation's thread (memory: in the injected
// executor, else on the caller's); callers post to their shard.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/runtime.h"
#include "base/units.h"
#include "model/row.h"
#include "progress/checkpoint.h"
#include "progress/coverage.h"
#include "progress/replay_job.h"
#include "progress/sequence.h"

namespace hindcast {

enum class Lane : uint8_t { kLive, kReplay };

/// All events of one (stream, page window, partition, slot). Partitions belong to one stream, so
/// they imply it.
struct PageKey {
  PartitionId partition;
  EventTime window{};  // start
  uint16_t slot = 0;
  auto operator<=>(const PageKey&) const = default;
};

struct PageAdd {
  PageKey key;
  Version expected;  // version the part was prepared against; 0 = no such page
  Bytes part;        // model/part.h; its directory says the change in count and digest
  /// The part holds the whole page: earlier parts go, and its changes are absolute.
  bool folds_parts = false;
  /// Greater than 0: the part folds only the parts from this index on. They go and it holds their
  /// content too, but the changes here stay relative to the page: what they changed is in it
  /// already. Not together with folds_parts.
  uint32_t folds_from = 0;
  uint64_t rows_gone = 0;   // records in the parts that go so
  int64_t live_change = 0;  // as in the part's header, unless folds_from
  Digest digest_change;
  uint32_t new_keys = 0;  // keys that the page did not have
  uint64_t rows = 0;      // records in the part
  // A damaged page is made anew (lane/remake.h); all of this needs folds_parts.
  /// Its head could not be read: this stands only while that is so, whatever `expected` says.
  bool head_lost = false;
  Version above;  // the page's new version is higher than this too: its rows have got so far
  /// Parts (by index in the head) that go without having been read: their bytes are not given back,
  /// because what stands there is not known.
  std::vector<uint32_t> unread_parts;
};
/// A page is read by joining its parts, so a preparer that finds this many folds them
/// (folds_parts, folds_from).
inline constexpr size_t kPartsMax = 32;

/// Rows of parents to refold: which children changed. Empty keys = every key of the slot.
struct Mark {
  AggregateId aggregate;
  Duration resolution{};  // of the parent
  EventTime bucket{};     // of the parent
  PartitionId partition;
  uint16_t slot = 0;
  std::vector<Bytes> keys;
  Cause cause;      // what changed the children; the parent's new version carries it
  uint64_t id = 0;  // given by the store when read; names it in marks_done
  bool operator==(const Mark&) const = default;
};

struct DeadLetterFact {
  SourceId source;
  EventPosition at;
  DeadLetter letter;
  bool operator==(const DeadLetterFact&) const = default;
};

using CommitId = uint64_t;

/// Where one count of contiguous numbers of a partition stands (progress/sequence.h).
struct SequencePut {
  PartitionId partition;
  Bytes key;            // "" = the stream's count
  SequenceState state;  // without runs: the count starts over, its record goes
  bool operator==(const SequencePut&) const = default;
};

struct Commit {
  CommitId id = 0;
  Lane lane = Lane::kLive;
  Cause cause;
  ProcessingTime published_at{};
  std::vector<PageAdd> pages;
  /// Each row once. Version set by the preparer, 1 = the first of its row; an older one is kept in
  /// the history of versions.
  std::vector<Row> rows;
  std::vector<Mark> marks;
  std::vector<uint64_t> marks_done;
  std::vector<TallyDelta> tallies;
  std::vector<DeadLetterFact> dead;
  std::optional<Checkpoint> checkpoint;  // refused (kFenced) when the stored epoch is higher
  std::optional<DrainCheckpoint> drain_checkpoint;  // a record of its own, by its own epoch
  // Facts of coverage are only ever inserted. A gap whose id is there already, and a bound that is
  // no further than the known one (or of a gap that is unknown, or was opened with its end), change
  // and announce nothing; an outcome gets its id here.
  std::vector<Gap> gaps;
  std::vector<GapBound> bounds;
  std::vector<GapOutcome> outcomes;
  std::vector<SequencePut> sequences;
  std::optional<ReplayJob> job;  // as it stands once this commit is in
  /// A checkpoint speaks for every commit of its partition before it, so it must not take effect
  /// without them: the last one with a checkpoint that this partition gave before (0 = do not ask).
  /// If that one was refused, so is this (kConflict, no pages named). Commits that are chained so
  /// go through one lane.
  CommitId after = 0;
};

enum class CommitState : uint8_t { kCommitted, kConflict, kFenced, kUnknown };
struct CommitResult {
  CommitState state = CommitState::kCommitted;
  std::vector<PageKey> conflicts;  // whose version was not the expected one; nothing was committed
  ChangeNumber last_change;        // newest change once this commit was decided
};

struct PartRef {
  uint64_t file = 0, offset = 0, size = 0;
  Version version;  // of the page with which it came
};
struct PageHead {
  PageKey key;
  Version version;
  Digest digest;
  int64_t live_events = 0;
  uint64_t rows = 0;  // stored records, tombstones and superseded ones of other origins too
  uint32_t keys = 0;
  std::vector<PartRef> parts;
  /// Not empty: the record cannot be read, for this reason; all but `key` is then as in no page.
  std::string damage;
};
struct PageProbe;  // lane/page_probe.h

/// The bytes of a page's parts, oldest first: one for each of head.parts.
struct PageParts {
  PageHead head;
  std::vector<Bytes> parts;
  /// A part that did not come back as it was written. What could be read of it stands in `parts`
  /// all the same: its directory and chunks have checksums of their own.
  struct Damage {
    uint32_t part = 0;  // index
    std::string what;   // names file and byte
  };
  std::vector<Damage> damaged;  // by part
  /// Of a damaged page, if its reader fetched them (lane/remake.h): the rows that were made of it.
  std::vector<Row> rows;
  /// Set where only what a few events need was read; `parts` is empty then. Shared with nobody
  /// else: a pointer because its content is no business of the store.
  std::shared_ptr<const PageProbe> probe;
  bool whole() const { return damaged.empty() && head.damage.empty(); }
};

/// A numbered entry of the feed of changes.
struct Change {
  ChangeNumber number;
  Cause cause;
  ProcessingTime published_at{};
  enum class Kind : uint8_t {
    kRows,
    kFrontier,
    kGapOpened,  // gap
    kGapBound,   // bound: its right edge is known
    kGapClosed,  // outcome: a part of gaps was filled, is unfillable or was accepted
  } kind = Kind::kRows;
  AggregateId aggregate;  // kRows
  Duration resolution{};
  PartitionId partition;
  uint16_t slot = 0;
  Version version;  // of all its rows
  /// (key, bucket); at most 1,000 per change, more go into further changes.
  std::vector<std::pair<Bytes, EventTime>> rows;
  EventTime frontier{};  // kFrontier: the partition's new frontier
  std::optional<Gap> gap;
  std::optional<GapBound> bound;
  std::optional<GapOutcome> outcome;
};

std::string_view to_string(Change::Kind kind);  // "rows", "frontier", "gap-opened", …

/// Which rows: of one (aggregate, resolution), buckets in [from, to), of one partition and slot or
/// all, of one key or all.
struct RowQuery {
  AggregateId aggregate;
  Duration resolution{};
  Window range;
  std::optional<PartitionId> partition;
  std::optional<uint16_t> slot;  // needs partition
  std::optional<Bytes> key;      // needs partition and slot: then point reads
};
/// Range of pages of one partition; slots [slot_begin, slot_end).
struct PageRange {
  PartitionId partition;
  Window windows;  // of window starts
  uint16_t slot_begin = 0, slot_end = UINT16_MAX;
};

/// What merging into a page asks of an instant. Reads block on disk at most. Callbacks return false
/// to stop. Lane::kReplay fills no cache. Thread safety: any thread; const.
class PageReader {
 public:
  virtual ~PageReader() = default;
  /// By (window, slot). A head that cannot be read is one with `damage`.
  virtual Status heads(const PageRange& range,
                       const std::function<bool(const PageHead&)>& each) const = 0;
  /// Version 0 and no parts when absent. Damage is part of the answer, no error: a page that cannot
  /// be read must not hold up whoever has to add to it.
  virtual Result<PageParts> page(const PageKey& key, Lane lane) const = 0;
  /// The head alone, as page() gives it.
  virtual Result<PageHead> head(const PageKey& key, Lane lane) const = 0;
  /// Bytes [from, from + size) of a part that a head of this snapshot names, for those who need
  /// little of it. Only its place is checked, and that where `from` is 0: the rest is what the
  /// part's own checksums are for. Errors: kCorruption (page() then says what is left).
  virtual Result<Bytes> part_bytes(const PageKey& key, const PartRef& part, uint64_t from,
                                   uint64_t size) const = 0;
  virtual Status rows(const RowQuery& query,
                      const std::function<bool(const Row&)>& each) const = 0;  // in RowKey order
  virtual Result<std::optional<Row>> row(const RowKey& key) const = 0;
};

/// One instant: rows and facts agree.
class Snapshot : public PageReader {
 public:
  /// Superseded versions of a row, newest first, without the present one (kept for keep.versions).
  virtual Result<std::vector<Row>> versions(const RowKey& key) const = 0;
  /// Marks of a partition, oldest first. (Marks of open parents wait for long, so a limit would
  /// hide younger ones.)
  virtual Status marks(PartitionId partition,
                       const std::function<bool(const Mark&)>& each) const = 0;
  virtual Result<bool> mark_pending(AggregateId aggregate, Duration resolution, EventTime bucket,
                                    PartitionId partition, uint16_t slot) const = 0;
  virtual Result<std::optional<Checkpoint>> checkpoint(PartitionId partition) const = 0;
  virtual Result<std::optional<DrainCheckpoint>> drain_checkpoint(PartitionId partition) const = 0;
  virtual Result<Tallies> tallies(SourceId source) const = 0;
  virtual Status dead_letters(SourceId source, EventPosition after,
                              const std::function<bool(const DeadLetterFact&)>& each) const = 0;
  /// In order of numbers (kept for keep.changes: the first one found may be far above `after`).
  virtual Status changes(ChangeNumber after,
                         const std::function<bool(const Change&)>& each) const = 0;
  virtual ChangeNumber last_change() const = 0;
  /// All gaps of a stream with their bounds and outcomes.
  virtual Result<CoverageFacts> coverage(StreamId stream) const = 0;
  virtual Result<std::optional<Gap>> gap(GapId id) const = 0;
  /// Counts of contiguous numbers of a partition.
  virtual Result<std::map<Bytes, SequenceState, std::less<>>> sequences(
      PartitionId partition) const = 0;
  /// By id, ascending.
  virtual Status jobs(const std::function<bool(const ReplayJob&)>& each) const = 0;
  virtual Result<std::optional<ReplayJob>> job(JobId id) const = 0;
};

struct StoreHealth {
  bool stalled = false;  // writes stopped
  bool slowed = false;   // writes delayed
  uint64_t commits_waiting = 0;
  uint32_t l0_files = 0;        // of the table that has most; 0 where there is no such thing
  double compaction_share = 0;  // bytes that wait for it ÷ those at which writes are delayed
  ByteCount memory;             // memtables and caches
  ByteCount bytes_written;      // since open: pages, rows, facts
};

class Store {
 public:
  virtual ~Store() = default;
  /// Errors (nothing of the commit is there, unless the process dies): kUnavailable when the store
  /// failed or was closed, kInvalidArgument when it was opened for reading.
  virtual void commit(Commit commit, Done<CommitResult> done) = 0;
  virtual Result<std::shared_ptr<const Snapshot>> snapshot()
      const = 0;  // shared: a query and its cursor own it together
  virtual StoreHealth health() const = 0;
  /// Small named values (the catalog of streams, sources, aggregates): durable when it returns.
  virtual Result<std::optional<Bytes>> get_meta(const std::string& name) const = 0;
  virtual Status put_meta(const std::string& name, BytesView value) = 0;
  /// Waits for commits given so far, then closes. No call may follow.
  virtual Status close() = 0;
};

}  // namespace hindcast
