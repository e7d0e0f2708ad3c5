#include "replay/piece_codec.h"

#include "progress/control.h"
#include "replay/wire_fields.h"

namespace hindcast::wire {
namespace {

/// Calls `each` with every number of it.
template <class Counts, class F>
void each_count(Counts& counts, F each) {
  for (auto* count :
       {&counts.read, &counts.added, &counts.duplicate, &counts.superseded, &counts.outside,
        &counts.dead_lettered, &counts.subwindows, &counts.skipped_keys, &counts.pages_changed,
        &counts.rows_changed, &counts.bytes_read, &counts.requests, &counts.bytes_written})
    each(*count);
}

void put_result(Bytes& out, const SubwindowResult& result) {
  put_window(out, result.window);
  put_bool(out, result.certain);
  put_bool(out, result.wrote);
  put_varint(out, result.through_log);
  each_count(result.counts, [&](uint64_t count) { put_varint(out, count); });
  put_list(out, result.shorts, [&](const HistoryShort& lacks) {
    put_varint(out, lacks.partition.value);
    put_string(out, lacks.key);
    put_window(out, lacks.window);
    put_varint(out, lacks.events);
  });
  put_list(out, result.missing, [&](const HistoryChunk::Missing& missing) {
    put_window(out, missing.window);
    put_keys(out, missing.keys);
    put_string(out, missing.reason);
  });
  put_string(out, hindcast::encode(result.dead));
}

Result<SubwindowResult> get_result(ByteReader& in) {
  SubwindowResult result;
  result.window = get_window(in);
  result.certain = get_bool(in);
  result.wrote = get_bool(in);
  result.through_log = in.varint();
  each_count(result.counts, [&](uint64_t& count) { count = in.varint(); });
  result.shorts = get_list<HistoryShort>(in, [&] {
    HistoryShort lacks;
    lacks.partition = PartitionId{get_small<uint32_t>(in)};
    lacks.key = Bytes(in.string());
    lacks.window = get_window(in);
    lacks.events = in.varint();
    return lacks;
  });
  result.missing = get_list<HistoryChunk::Missing>(in, [&] {
    HistoryChunk::Missing missing;
    missing.window = get_window(in);
    missing.keys = get_keys(in);
    missing.reason = std::string(in.string());
    return missing;
  });
  HC_TRY_ASSIGN(result.dead, decode_dead_letters(in.string()));
  return result;
}

Bytes encode(const PieceState& state) {
  Bytes out;
  put_u8(out, static_cast<uint8_t>(state.need));
  put_varint(out, state.asks_for);
  put_error(out, state.failure);
  put_varint(out, state.memory.value);
  put_list(out, state.results, [&](const SubwindowResult& result) { put_result(out, result); });
  return out;
}

Result<PieceState> decode_state(BytesView bytes) {
  ByteReader in(bytes);
  PieceState state;
  state.need = get_enum(in, PieceWork::Need::kFailed);
  state.asks_for = in.varint();
  state.failure = get_error(in);
  state.memory = ByteCount{in.varint()};
  HC_TRY_ASSIGN(state.results, get_results<SubwindowResult>(in, [&] { return get_result(in); }));
  if (!whole(in)) return malformed("state of a piece");
  return state;
}

}  // namespace

Bytes encode(const PieceOrder& order) {
  Bytes out;
  put_string(out, hindcast::encode(order.job));
  put_window(out, order.piece);
  put_list(out, order.frontiers, [&](const auto& frontier) {
    put_varint(out, frontier.first.value);
    put_time(out, frontier.second.window);
    put_varint(out, frontier.second.slot);
  });
  put_varint(out, order.events_max);
  put_bool(out, order.names_gaps);
  put_bool(out, order.separate);
  return out;
}

Result<PieceOrder> decode_piece_order(BytesView bytes) {
  ByteReader in(bytes);
  PieceOrder order;
  HC_TRY_ASSIGN(order.job, decode_replay_job(in.string()));
  order.piece = get_window(in);
  for (const auto& [partition, frontier] : get_list<std::pair<PartitionId, Frontier>>(in, [&] {
         const PartitionId id{get_small<uint32_t>(in)};
         const EventTime window = get_time(in);
         return std::pair(id, Frontier{window, get_small<uint16_t>(in)});
       }))
    order.frontiers[partition] = frontier;
  order.events_max = in.varint();
  order.names_gaps = get_bool(in);
  order.separate = get_bool(in);
  if (!whole(in)) return malformed("order of a piece");
  return order;
}

Bytes encode(const Done& done) {
  Bytes out;
  put_bool(out, done.state.has_value());
  if (done.state) put_string(out, encode(*done.state));
  put_bool(out, done.error.has_value());
  if (done.error) put_error(out, *done.error);
  put_string(out, done.value);
  return out;
}

Result<Done> decode_done(BytesView bytes) {
  ByteReader in(bytes);
  Done done;
  if (get_bool(in)) {
    HC_TRY_ASSIGN(done.state, decode_state(in.string()));
  }
  if (get_bool(in)) done.error = get_error(in);
  done.value = Bytes(in.string());
  if (!whole(in)) return malformed("end of a call");
  return done;
}

Bytes encode(const std::vector<LogAppend>& appends) {
  Bytes out;
  put_list(out, appends, [&](const LogAppend& append) {
    put_varint(out, append.header.partition.value);
    put_varint(out, append.header.source.value);
    put_varint(out, append.header.events);
    put_string(out, append.payload);
  });
  return out;
}

Result<std::vector<LogAppend>> decode_appends(BytesView bytes) {
  ByteReader in(bytes);
  auto appends = get_list<LogAppend>(in, [&] {
    LogAppend append;
    append.header.partition = PartitionId{get_small<uint32_t>(in)};
    append.header.source = SourceId{get_small<uint32_t>(in)};
    append.header.events = get_small<uint32_t>(in);
    append.payload = Bytes(in.string());
    return append;
  });
  if (!whole(in)) return malformed("records for the replay log");
  return appends;
}

Bytes encode(const ReplayCounts& counts) {
  Bytes out;
  each_count(counts, [&](uint64_t count) { put_varint(out, count); });
  return out;
}

Result<ReplayCounts> decode_counts(BytesView bytes) {
  ByteReader in(bytes);
  ReplayCounts counts;
  each_count(counts, [&](uint64_t& count) { count = in.varint(); });
  if (!whole(in)) return malformed("counts");
  return counts;
}

Bytes encode(const PieceWork::Read& read) {
  Bytes out;
  put_bool(out, read.retry_after.has_value());
  if (read.retry_after) put_signed(out, read.retry_after->count());
  return out;
}

Result<PieceWork::Read> decode_read(BytesView bytes) {
  ByteReader in(bytes);
  PieceWork::Read read;
  if (get_bool(in)) read.retry_after = Duration(in.signed_varint());
  if (!whole(in)) return malformed("answer of history");
  return read;
}

Bytes encode(const Result<Bytes>& answer) {
  Bytes out;
  put_bool(out, answer.has_value());
  if (answer) {
    out += *answer;
  } else {
    put_error(out, answer.error());
  }
  return out;
}

Result<Result<Bytes>> decode_answer(BytesView bytes) {
  ByteReader in(bytes);
  if (get_bool(in)) return Result<Bytes>(Bytes(in.bytes(in.remaining())));
  Error error = get_error(in);
  if (!whole(in)) return malformed("answer");
  return Result<Bytes>(std::move(error));
}

Bytes encode(const Hello& hello) {
  Bytes out;
  for (const std::string* text : {&hello.config, &hello.file, &hello.folder})
    put_string(out, *text);
  put_list(out, hello.numbers, [&](const auto& number) {
    put_string(out, number.first);
    put_string(out, number.second);
  });
  return out;
}

Result<Hello> decode_hello(BytesView bytes) {
  ByteReader in(bytes);
  Hello hello;
  for (std::string* text : {&hello.config, &hello.file, &hello.folder})
    *text = std::string(in.string());
  for (auto& [name, number] : get_list<std::pair<std::string, Bytes>>(in, [&] {
         std::string of(in.string());
         return std::pair(std::move(of), Bytes(in.string()));
       }))
    hello.numbers[name] = std::move(number);
  if (!whole(in)) return malformed("greeting");
  return hello;
}

}  // namespace hindcast::wire
