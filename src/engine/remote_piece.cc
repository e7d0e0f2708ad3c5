#include "engine/remote_piece.h"

#include <algorithm>
#include <utility>

#include "model/part.h"
#include "progress/control.h"
#include "replay/page_codec.h"
#include "replay/wire_fields.h"

namespace hindcast {
namespace {

/// Of bytes that are asked for at once: a part of a page that is as dense as can be.
constexpr uint64_t kBytesMax = uint64_t{1} << 30;

Error makes_no_sense(const char* what) { return corruption(std::string("asked for ") + what); }

}  // namespace

RemotePiece::RemotePiece(Places places, const PieceOrder& order)
    : at_(std::move(places)), cause_(order.cause()), source_(order.job.source) {}

Result<std::unique_ptr<PieceWork>> RemotePiece::open(Places places, const PieceOrder& order) {
  std::unique_ptr<RemotePiece> piece(new RemotePiece(std::move(places), order));
  Result<wire::Done> opened = piece->call(wire::Call::kOpen, wire::encode(order));
  if (opened && opened->error) return *std::move(opened->error);
  return std::unique_ptr<PieceWork>(std::move(piece));
}

RemotePiece::~RemotePiece() {
  if (!lost()) at_.channel->tell(wire::Call::kDrop);
}

Result<wire::Done> RemotePiece::call(wire::Call call, BytesView content, const PageReader* pages) {
  HC_TRY_ASSIGN(wire::Done done,
                at_.channel->call(call, content, [&](wire::Ask ask, BytesView question) {
                  return answer(ask, question, pages);
                }));
  if (done.state) {
    std::vector<SubwindowResult> results = std::move(state_.results);
    std::ranges::move(done.state->results, std::back_inserter(results));
    state_ = *std::move(done.state);
    state_.results = std::move(results);
  }
  return done;
}

/// Of a call that cannot fail but by a death, which lost() tells.
void RemotePiece::say(wire::Call what, BytesView content) {
  const Result<wire::Done> done = call(what, content);
  if (done && done->error) at_.channel->distrust(*done->error);
}

bool RemotePiece::mine(PartitionId partition) const {
  return std::ranges::count(at_.stream.partitions, partition) > 0;
}

/// The outer error ends the process; an error of the store is an answer.
Result<Bytes> RemotePiece::answer(wire::Ask ask, BytesView question,
                                  const PageReader* pages) const {
  ByteReader in(question);
  if (ask == wire::Ask::kGapId) {
    if (!at_.next_gap) return makes_no_sense("the number of a gap");
    const Result<GapId> id = at_.next_gap();
    if (!id) return wire::encode(Result<Bytes>(id.error()));
    Bytes number;
    put_varint(number, *id);
    return wire::encode(Result<Bytes>(std::move(number)));
  }
  if (pages == nullptr) return makes_no_sense("pages where none are needed");
  const auto answer_of = [](const auto& read, const auto& encoded) {
    return wire::encode(read ? Result<Bytes>(encoded(*read)) : Result<Bytes>(read.error()));
  };
  switch (ask) {
    case wire::Ask::kHeads: {
      const PageRange range = wire::get_page_range(in);
      if (!wire::whole(in) || !mine(range.partition)) return makes_no_sense("heads");
      std::vector<PageHead> heads;
      const Status read = pages->heads(range, [&](const PageHead& head) {
        heads.push_back(head);
        return true;
      });
      return wire::encode(read ? Result<Bytes>(wire::encode_heads(heads))
                               : Result<Bytes>(read.error()));
    }
    case wire::Ask::kHead: {
      const PageKey key = wire::get_page_key(in);
      if (!wire::whole(in) || !mine(key.partition)) return makes_no_sense("a head");
      return answer_of(pages->head(key, Lane::kReplay), wire::encode_head);
    }
    case wire::Ask::kPage: {
      const PageKey key = wire::get_page_key(in);
      if (!wire::whole(in) || !mine(key.partition)) return makes_no_sense("a page");
      return answer_of(pages->page(key, Lane::kReplay), wire::encode_page);
    }
    case wire::Ask::kPartBytes: {
      const PageKey key = wire::get_page_key(in);
      const PartRef part = wire::get_part_ref(in);
      const uint64_t from = in.varint();
      const uint64_t size = in.varint();
      if (!wire::whole(in) || !mine(key.partition) || part.size > kBytesMax || from > part.size ||
          size > part.size - from)
        return makes_no_sense("bytes of a part");
      return answer_of(pages->part_bytes(key, part, from, size), [](const Bytes& b) { return b; });
    }
    case wire::Ask::kRows: {
      const RowQuery query = wire::get_row_query(in);
      if (!wire::whole(in) || !mine(*query.partition)) return makes_no_sense("rows");
      std::vector<Row> rows;
      const Status read = pages->rows(query, [&](const Row& row) {
        rows.push_back(row);
        return true;
      });
      return wire::encode(read ? Result<Bytes>(wire::encode_rows(rows))
                               : Result<Bytes>(read.error()));
    }
    case wire::Ask::kRow: {
      const Result<RowKey> key = wire::decode_row_key(question);
      if (!key || !mine(key->partition)) return makes_no_sense("a row");
      return answer_of(pages->row(*key), [](const std::optional<Row>& row) {
        return wire::encode_rows(row ? std::vector<Row>{*row} : std::vector<Row>{});
      });
    }
    default:
      return makes_no_sense("what is no question");
  }
}

/// One request for each read of a history that counts them: its server sees one caller, not as many
/// as there are processes.
void RemotePiece::read(ByteCount max, hindcast::Done<Read> done) {
  has_read_ = false;
  retry_after_.reset();
  if (at_.budget) {
    if (const auto wait = at_.budget->take(at_.now())) return done(Read{.retry_after = wait});
  }
  Bytes content;
  put_varint(content, max.value);
  Result<wire::Done> answered = call(wire::Call::kRead, content);
  if (!answered) return done(std::move(answered).error());
  const Result<Read> read = wire::decode_read(answered->value);
  if (!read) {
    at_.channel->distrust(read.error());
    return done(unavailable("the replay process was ended"));
  }
  has_read_ = true;
  if (!answered->error) return done(*read);
  retry_after_ = read->retry_after;
  if (at_.budget && retry_after_) at_.budget->pause_until(at_.now() + *retry_after_);
  done(*std::move(answered->error));
}

void RemotePiece::take_read() {
  if (std::exchange(has_read_, false)) say(wire::Call::kTakeRead, {});
}

void RemotePiece::allowed() { say(wire::Call::kAllowed, {}); }

Status RemotePiece::read_heads(const PageReader& pages) {
  const Result<wire::Done> done = call(wire::Call::kReadHeads, {}, &pages);
  return done && done->error ? Status(*done->error) : Status();
}

Status RemotePiece::read_parts(const PageReader& pages, ProcessingTime now) {
  Bytes content;
  put_signed(content, unix_ns(now));
  const Result<wire::Done> done = call(wire::Call::kReadParts, content, &pages);
  return done && done->error ? Status(*done->error) : Status();
}

Status RemotePiece::check(const Commit& commit) const {
  const auto known = [&](AggregateId id) {
    return std::ranges::count(at_.stream.aggregates, id, &LaneAggregate::id) > 0;
  };
  if (commit.cause != cause_) return corruption("a commit with another cause");
  for (const PageAdd& add : commit.pages) {
    if (!mine(add.key.partition)) return corruption("a page of another stream");
    HC_TRY_ASSIGN(const PartView part, PartView::open(add.part));
    const bool relative = add.folds_from > 0;  // then the part holds more than the change
    if (!relative &&
        (part.live_change() != add.live_change || part.digest_change() != add.digest_change))
      return corruption("a part that is not what its page says");
  }
  for (const Row& row : commit.rows) {
    if (!mine(row.at.partition) || !known(row.at.aggregate))
      return corruption("a row of another stream");
  }
  for (const Mark& mark : commit.marks) {
    if (!mine(mark.partition) || !known(mark.aggregate))
      return corruption("a mark of another stream");
  }
  for (const Gap& gap : commit.gaps) {
    if (gap.stream != at_.stream.id) return corruption("a gap of another stream");
  }
  return {};
}

Result<Commit> RemotePiece::take_commit() {
  HC_TRY_ASSIGN(const wire::Done done, call(wire::Call::kTakeCommit, {}));
  Result<Commit> commit = wire::decode_commit(done.value);
  const Status sound = commit ? check(*commit) : commit.error();
  if (sound) return commit;
  at_.channel->distrust(sound.error());
  return sound.error();
}

void RemotePiece::committed(const CommitResult& result) {
  say(wire::Call::kCommitted, wire::encode_commit_result(result));
}

/// What the drain is to merge must be readable: nobody could tell later whose fault it was.
Status RemotePiece::check(const std::vector<LogAppend>& appends) const {
  for (const LogAppend& append : appends) {
    if (!mine(append.header.partition) || append.header.source != source_)
      return corruption("a record of another stream");
    EventBatch rows(at_.stream.schema);
    HC_TRY_ASSIGN(const EventsRecord record,
                  decode_events(at_.stream.schema, append.payload, rows));
    if (record.resume_number != cause_.job || rows.size() != append.header.events)
      return corruption("a record that is not what it says");
  }
  return {};
}

Result<std::vector<LogAppend>> RemotePiece::take_appends() {
  HC_TRY_ASSIGN(const wire::Done done, call(wire::Call::kTakeAppends, {}));
  Result<std::vector<LogAppend>> appends = wire::decode_appends(done.value);
  const Status sound = appends ? check(*appends) : appends.error();
  if (sound) return appends;
  at_.channel->distrust(sound.error());
  return sound.error();
}

void RemotePiece::routed(const ReplayCounts& counts) {
  say(wire::Call::kRouted, wire::encode(counts));
}

std::vector<SubwindowResult> RemotePiece::take_results() {
  return std::exchange(state_.results, {});
}

}  // namespace hindcast
