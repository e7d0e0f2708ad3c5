// What the daemon and its replay processes say to each other about a piece. The daemon asks one
// thing after the other, and waits; meanwhile the process may ask it for what the store holds.
//
//   daemon  ── Call ──────────────────►  process
//           ◄───────────── Ask ────────
//           ── kAnswer ───────────────►        as often as it takes
//           ◄───────────── kDone ──────        with the state that the piece is in now
//
// Nothing of it outlives the processes, so it has no version. Pure. Errors of all decoders:
// kCorruption.
#pragma once
#include "replay/piece_work.h"

namespace hindcast::wire {

/// Types of messages.
enum class Call : uint8_t {
  kHello = 1,  // Hello
  kOpen,       // PieceOrder
  kRead,       // bytes, varint; kDone brings Read or an error
  kTakeRead,
  kAllowed,
  kReadHeads,
  kReadParts,    // wall clock, signed
  kTakeCommit,   // kDone brings a Commit
  kCommitted,    // CommitResult
  kTakeAppends,  // kDone brings records for the replay log
  kRouted,       // ReplayCounts
  kDrop,         // the piece is given up; no answer
};
enum class Ask : uint8_t {
  kHeads = 64,  // PageRange → heads
  kHead,        // PageKey → head
  kPage,        // PageKey → page
  kPartBytes,   // PageKey, PartRef, from, size → bytes
  kRows,        // RowQuery → rows
  kRow,         // RowKey → no row or one
  kGapId,       // → number, varint
};
inline constexpr uint8_t kAnswer = 128, kDone = 129;

Bytes encode(const PieceOrder& order);
Result<PieceOrder> decode_piece_order(BytesView bytes);

/// What a piece answers its driver without being asked again.
struct PieceState {
  PieceWork::Need need = PieceWork::Need::kDone;
  uint64_t asks_for = 0;  // kAllowance
  Error failure;          // kFailed
  ByteCount memory;
  std::vector<SubwindowResult> results;
};
struct Done {
  std::optional<PieceState> state;  // none: there is no piece
  std::optional<Error> error;       // of the call
  Bytes value;                      // of the call
};
Bytes encode(const Done& done);
Result<Done> decode_done(BytesView bytes);

Bytes encode(const std::vector<LogAppend>& appends);
Result<std::vector<LogAppend>> decode_appends(BytesView bytes);

Bytes encode(const ReplayCounts& counts);
Result<ReplayCounts> decode_counts(BytesView bytes);

Bytes encode(const PieceWork::Read& read);
Result<PieceWork::Read> decode_read(BytesView bytes);

/// kAnswer: bytes, or why there are none.
Bytes encode(const Result<Bytes>& answer);
Result<Result<Bytes>> decode_answer(BytesView bytes);

/// The first message: configuration, and numbers of its names (engine/catalog.h).
struct Hello {
  std::string config, file, folder;
  std::map<std::string, Bytes> numbers;
};
Bytes encode(const Hello& hello);
Result<Hello> decode_hello(BytesView bytes);

}  // namespace hindcast::wire
