#include "engine/piece_server.h"

#include <future>
#include <utility>

#include "replay/local_piece.h"
#include "replay/page_codec.h"
#include "replay/wire_fields.h"

namespace hindcast {
namespace {

// What the daemon says is as large as pages are. It may wait for a CPU; if it dies the channel
// ends.
constexpr ByteCount kPayloadMax = ByteCount{UINT32_MAX};
constexpr Duration kPatience = 24h;

}  // namespace

/// The daemon's store, question by question.
class PieceServer::Pages final : public PageReader {
 public:
  explicit Pages(FrameChannel& channel) : channel_(channel) {}

  Status heads(const PageRange& range,
               const std::function<bool(const PageHead&)>& each) const override {
    Bytes question;
    wire::put_page_range(question, range);
    HC_TRY_ASSIGN(const Bytes answer, ask(wire::Ask::kHeads, question));
    HC_TRY_ASSIGN(const std::vector<PageHead> heads, wire::decode_heads(answer));
    for (const PageHead& head : heads) {
      if (!each(head)) break;
    }
    return {};
  }
  Result<PageParts> page(const PageKey& key, Lane) const override {
    Bytes question;
    wire::put_page_key(question, key);
    HC_TRY_ASSIGN(const Bytes answer, ask(wire::Ask::kPage, question));
    return wire::decode_page(answer);
  }
  Result<PageHead> head(const PageKey& key, Lane) const override {
    Bytes question;
    wire::put_page_key(question, key);
    HC_TRY_ASSIGN(const Bytes answer, ask(wire::Ask::kHead, question));
    return wire::decode_head(answer);
  }
  Result<Bytes> part_bytes(const PageKey& key, const PartRef& part, uint64_t from,
                           uint64_t size) const override {
    Bytes question;
    wire::put_page_key(question, key);
    wire::put_part_ref(question, part);
    put_varint(question, from);
    put_varint(question, size);
    return ask(wire::Ask::kPartBytes, question);
  }
  Status rows(const RowQuery& query, const std::function<bool(const Row&)>& each) const override {
    Bytes question;
    wire::put_row_query(question, query);
    HC_TRY_ASSIGN(const Bytes answer, ask(wire::Ask::kRows, question));
    HC_TRY_ASSIGN(const std::vector<Row> rows, wire::decode_rows(answer));
    for (const Row& row : rows) {
      if (!each(row)) break;
    }
    return {};
  }
  Result<std::optional<Row>> row(const RowKey& key) const override {
    HC_TRY_ASSIGN(const Bytes answer, ask(wire::Ask::kRow, wire::encode_row_key(key)));
    HC_TRY_ASSIGN(std::vector<Row> rows, wire::decode_rows(answer));
    return rows.empty() ? std::nullopt : std::optional(std::move(rows.front()));
  }
  Result<GapId> next_gap() const {
    HC_TRY_ASSIGN(const Bytes answer, ask(wire::Ask::kGapId, {}));
    ByteReader in(answer);
    const GapId id = in.varint();
    if (!wire::whole(in)) return wire::malformed("number of a gap");
    return id;
  }

 private:
  Result<Bytes> ask(wire::Ask what, BytesView question) const {
    HC_TRY(channel_.send(static_cast<uint8_t>(what), question, kPatience));
    HC_TRY_ASSIGN(const FrameChannel::Frame frame, channel_.receive(kPayloadMax, kPatience));
    if (frame.type != wire::kAnswer) return corruption("no answer to a question");
    HC_TRY_ASSIGN(Result<Bytes> answer, wire::decode_answer(frame.payload));
    return answer;
  }

  FrameChannel& channel_;
};

PieceServer::PieceServer(Places places)
    : at_(std::move(places)), pages_(std::make_unique<Pages>(at_.channel)) {}
PieceServer::~PieceServer() = default;

Status PieceServer::serve() {
  HC_TRY_ASSIGN(const FrameChannel::Frame frame, at_.channel.receive(kPayloadMax, kPatience));
  const auto call = static_cast<wire::Call>(frame.type);
  if (call == wire::Call::kDrop) {
    piece_.reset();
    return {};
  }
  HC_TRY_ASSIGN(wire::Done done, handle(call, frame.payload));
  if (piece_) {
    done.state = wire::PieceState{.need = piece_->need(), .memory = piece_->memory()};
    if (piece_->need() == PieceWork::Need::kAllowance) done.state->asks_for = piece_->asks_for();
    if (piece_->need() == PieceWork::Need::kFailed) done.state->failure = piece_->failure();
    done.state->results = piece_->take_results();
  }
  return at_.channel.send(wire::kDone, wire::encode(done), kPatience);
}

Status PieceServer::open(BytesView content) {
  HC_TRY_ASSIGN(PieceOrder order, wire::decode_piece_order(content));
  const ReplayStream* stream = at_.stream(order.job.stream);
  History* history = at_.history(order.job.source);
  if (stream == nullptr || history == nullptr)
    return invalid_argument("no-history: a stream or source that this process does not know");
  std::function<Result<GapId>()> next_gap;
  if (order.names_gaps) next_gap = [this] { return pages_->next_gap(); };
  HC_TRY_ASSIGN(piece_, LocalPiece::open(*stream, *history, std::move(order), std::move(next_gap)));
  return {};
}

/// Errors: the message makes no sense. What of the call failed is in the answer.
Result<wire::Done> PieceServer::handle(wire::Call call, BytesView content) {
  using Need = PieceWork::Need;
  wire::Done done;
  const auto note = [&](const Status& status) {
    if (!status) done.error = status.error();
  };
  if (call == wire::Call::kOpen) {
    piece_.reset();
    note(open(content));
    return done;
  }
  // What each call is for; the ones that are not here need no piece, or do not exist.
  const auto fits = [&](Need need) { return piece_ && piece_->need() == need; };
  ByteReader in(content);
  switch (call) {
    case wire::Call::kRead: {
      if (!fits(Need::kHistory)) break;
      const ByteCount max{in.varint()};
      if (!wire::whole(in)) break;
      std::promise<Result<PieceWork::Read>> answer;
      piece_->read(max, [&](Result<PieceWork::Read> read) { answer.set_value(std::move(read)); });
      const Result<PieceWork::Read> read = answer.get_future().get();
      if (!read) done.error = read.error();
      done.value = wire::encode(read ? *read : PieceWork::Read{piece_->retry_after()});
      return done;
    }
    case wire::Call::kTakeRead:
      if (!fits(Need::kHistory)) break;
      piece_->take_read();
      return done;
    case wire::Call::kAllowed:
      if (!fits(Need::kAllowance)) break;
      piece_->allowed();
      return done;
    case wire::Call::kReadHeads:
      if (!fits(Need::kHeads)) break;
      note(piece_->read_heads(*pages_));
      return done;
    case wire::Call::kReadParts: {
      if (!fits(Need::kParts)) break;
      const ProcessingTime now{Duration(in.signed_varint())};
      if (!wire::whole(in)) break;
      note(piece_->read_parts(*pages_, now));
      return done;
    }
    case wire::Call::kTakeCommit: {
      if (!fits(Need::kCommit)) break;
      HC_TRY_ASSIGN(const Commit commit, piece_->take_commit());
      done.value = wire::encode_commit(commit);
      return done;
    }
    case wire::Call::kCommitted: {
      if (!fits(Need::kCommit)) break;
      HC_TRY_ASSIGN(const CommitResult result, wire::decode_commit_result(content));
      piece_->committed(result);
      return done;
    }
    case wire::Call::kTakeAppends: {
      if (!fits(Need::kAppend)) break;
      HC_TRY_ASSIGN(const std::vector<LogAppend> appends, piece_->take_appends());
      done.value = wire::encode(appends);
      return done;
    }
    case wire::Call::kRouted: {
      if (!fits(Need::kAppend)) break;
      HC_TRY_ASSIGN(const ReplayCounts counts, wire::decode_counts(content));
      piece_->routed(counts);
      return done;
    }
    default:
      break;
  }
  return corruption("a call that does not fit, of type " + std::to_string(static_cast<int>(call)));
}

}  // namespace hindcast
