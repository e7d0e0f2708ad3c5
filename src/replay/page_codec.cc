#include "replay/page_codec.h"

#include "progress/facts_codec.h"
#include "replay/wire_fields.h"
#include "store/embedded_codec.h"

namespace hindcast::wire {
namespace {

void put_head(Bytes& out, const PageHead& head) { put_string(out, encode_head(head)); }

void put_row(Bytes& out, const Row& row) {
  put_string(out, encode_row_key(row.at));
  Bytes value;
  encode_row_value(row, value);
  put_string(out, value);
}

Result<Row> get_row(ByteReader& in) {
  Row row;
  HC_TRY_ASSIGN(row.at, decode_row_key(in.string()));
  HC_TRY(decode_row_value(in.string(), row));
  return row;
}

void put_add(Bytes& out, const PageAdd& add) {
  put_page_key(out, add.key);
  put_varint(out, add.expected.value);
  put_string(out, add.part);
  put_bool(out, add.folds_parts);
  put_varint(out, add.folds_from);
  put_varint(out, add.rows_gone);
  put_signed(out, add.live_change);
  put_digest(out, add.digest_change);
  put_varint(out, add.new_keys);
  put_varint(out, add.rows);
  put_bool(out, add.head_lost);
  put_varint(out, add.above.value);
  put_list(out, add.unread_parts, [&](uint32_t part) { put_varint(out, part); });
}

PageAdd get_add(ByteReader& in) {
  PageAdd add;
  add.key = get_page_key(in);
  add.expected = Version{in.varint()};
  add.part = Bytes(in.string());
  add.folds_parts = get_bool(in);
  add.folds_from = get_small<uint32_t>(in);
  add.rows_gone = in.varint();
  add.live_change = in.signed_varint();
  add.digest_change = get_digest(in);
  add.new_keys = get_small<uint32_t>(in);
  add.rows = in.varint();
  add.head_lost = get_bool(in);
  add.above = Version{in.varint()};
  add.unread_parts = get_list<uint32_t>(in, [&] { return get_small<uint32_t>(in); });
  return add;
}

}  // namespace

void put_page_key(Bytes& out, const PageKey& key) {
  put_varint(out, key.partition.value);
  put_time(out, key.window);
  put_varint(out, key.slot);
}
PageKey get_page_key(ByteReader& in) {
  PageKey key;
  key.partition = PartitionId{get_small<uint32_t>(in)};
  key.window = get_time(in);
  key.slot = get_small<uint16_t>(in);
  return key;
}

void put_part_ref(Bytes& out, const PartRef& part) {
  put_varint(out, part.file);
  put_varint(out, part.offset);
  put_varint(out, part.size);
  put_varint(out, part.version.value);
}
PartRef get_part_ref(ByteReader& in) {
  PartRef part;
  part.file = in.varint();
  part.offset = in.varint();
  part.size = in.varint();
  part.version = Version{in.varint()};
  return part;
}

void put_page_range(Bytes& out, const PageRange& range) {
  put_varint(out, range.partition.value);
  put_window(out, range.windows);
  put_varint(out, range.slot_begin);
  put_varint(out, range.slot_end);
}
PageRange get_page_range(ByteReader& in) {
  PageRange range;
  range.partition = PartitionId{get_small<uint32_t>(in)};
  range.windows = get_window(in);
  range.slot_begin = get_small<uint16_t>(in);
  range.slot_end = get_small<uint16_t>(in);
  return range;
}

// Rows of one page, as a merge asks for them: partition and slot are always there, a key never is.
void put_row_query(Bytes& out, const RowQuery& query) {
  put_varint(out, query.aggregate.value);
  put_signed(out, query.resolution.count());
  put_window(out, query.range);
  put_varint(out, query.partition.value_or(PartitionId{}).value);
  put_varint(out, query.slot.value_or(0));
}
RowQuery get_row_query(ByteReader& in) {
  RowQuery query;
  query.aggregate = AggregateId{get_small<uint32_t>(in)};
  query.resolution = Duration(in.signed_varint());
  query.range = get_window(in);
  query.partition = PartitionId{get_small<uint32_t>(in)};
  query.slot = get_small<uint16_t>(in);
  return query;
}

Bytes encode_row_key(const RowKey& key) {
  Bytes out;
  embedded::put_row_key(out, key);
  return out;
}
Result<RowKey> decode_row_key(BytesView bytes) { return embedded::decode_row_key(bytes); }

Bytes encode_head(const PageHead& head) {
  Bytes out;
  put_page_key(out, head.key);
  put_string(out, head.damage);
  Bytes stored;
  embedded::put_head(stored, head);
  put_string(out, stored);
  return out;
}
Result<PageHead> decode_head(BytesView bytes) {
  ByteReader in(bytes);
  PageHead head;
  head.key = get_page_key(in);
  head.damage = std::string(in.string());
  HC_TRY(embedded::decode_head(in.string(), head));
  if (!whole(in)) return malformed("head");
  return head;
}

Bytes encode_heads(const std::vector<PageHead>& heads) {
  Bytes out;
  put_list(out, heads, [&](const PageHead& head) { put_head(out, head); });
  return out;
}
Result<std::vector<PageHead>> decode_heads(BytesView bytes) {
  ByteReader in(bytes);
  HC_TRY_ASSIGN(std::vector<PageHead> heads,
                get_results<PageHead>(in, [&] { return decode_head(in.string()); }));
  if (!whole(in)) return malformed("heads");
  return heads;
}

Bytes encode_page(const PageParts& page) {
  Bytes out;
  put_head(out, page.head);
  put_keys(out, page.parts);
  put_list(out, page.damaged, [&](const PageParts::Damage& damage) {
    put_varint(out, damage.part);
    put_string(out, damage.what);
  });
  return out;
}
Result<PageParts> decode_page(BytesView bytes) {
  ByteReader in(bytes);
  PageParts page;
  HC_TRY_ASSIGN(page.head, decode_head(in.string()));
  page.parts = get_keys(in);
  page.damaged = get_list<PageParts::Damage>(in, [&] {
    const auto part = get_small<uint32_t>(in);
    return PageParts::Damage{part, std::string(in.string())};
  });
  if (!whole(in)) return malformed("page");
  return page;
}

Bytes encode_rows(const std::vector<Row>& rows) {
  Bytes out;
  put_list(out, rows, [&](const Row& row) { put_row(out, row); });
  return out;
}
Result<std::vector<Row>> decode_rows(BytesView bytes) {
  ByteReader in(bytes);
  HC_TRY_ASSIGN(std::vector<Row> rows, get_results<Row>(in, [&] { return get_row(in); }));
  if (!whole(in)) return malformed("rows");
  return rows;
}

Bytes encode_commit(const Commit& commit) {
  Bytes out;
  put_u8(out, static_cast<uint8_t>(commit.cause.kind));
  put_varint(out, commit.cause.job);
  put_signed(out, unix_ns(commit.published_at));
  put_list(out, commit.pages, [&](const PageAdd& add) { put_add(out, add); });
  put_string(out, encode_rows(commit.rows));
  put_list(out, commit.marks, [&](const Mark& mark) {
    put_string(out, embedded::mark_key(mark.partition, mark.id));
    put_string(out, embedded::encode(mark));
  });
  put_list(out, commit.gaps, [&](const Gap& gap) { put_string(out, encode(gap)); });
  return out;
}
Result<Commit> decode_commit(BytesView bytes) {
  ByteReader in(bytes);
  Commit commit{.lane = Lane::kReplay};
  commit.cause.kind = get_enum(in, Cause::Kind::kUndo);
  commit.cause.job = in.varint();
  commit.published_at = ProcessingTime(Duration(in.signed_varint()));
  commit.pages = get_list<PageAdd>(in, [&] { return get_add(in); });
  HC_TRY_ASSIGN(commit.rows, decode_rows(in.string()));
  HC_TRY_ASSIGN(commit.marks, get_results<Mark>(in, [&] {
                  const BytesView key = in.string();
                  return embedded::decode_mark(key, in.string());
                }));
  HC_TRY_ASSIGN(commit.gaps, get_results<Gap>(in, [&] { return decode_gap(in.string()); }));
  if (!whole(in)) return malformed("commit");
  return commit;
}

Bytes encode_commit_result(const CommitResult& result) {
  Bytes out;
  put_u8(out, static_cast<uint8_t>(result.state));
  put_list(out, result.conflicts, [&](const PageKey& key) { put_page_key(out, key); });
  put_varint(out, result.last_change.value);
  return out;
}
Result<CommitResult> decode_commit_result(BytesView bytes) {
  ByteReader in(bytes);
  CommitResult result;
  result.state = get_enum(in, CommitState::kUnknown);
  result.conflicts = get_list<PageKey>(in, [&] { return get_page_key(in); });
  result.last_change = ChangeNumber{in.varint()};
  if (!whole(in)) return malformed("result of a commit");
  return result;
}

}  // namespace hindcast::wire
