// Pages, rows and commits of a replay as they travel between the daemon and its replay processes:
// what the store keeps in bytes anyway is put as it keeps it (store/embedded_codec.h). Nothing of
// it outlives the processes.
//
// Pure. Errors of all decoders: kCorruption.
#pragma once
#include "base/bytes.h"
#include "base/result.h"
#include "store/store.h"

namespace hindcast::wire {

void put_page_key(Bytes& out, const PageKey& key);
PageKey get_page_key(ByteReader& in);
void put_part_ref(Bytes& out, const PartRef& part);
PartRef get_part_ref(ByteReader& in);
void put_page_range(Bytes& out, const PageRange& range);
PageRange get_page_range(ByteReader& in);
void put_row_query(Bytes& out, const RowQuery& query);
RowQuery get_row_query(ByteReader& in);

Bytes encode_row_key(const RowKey& key);
Result<RowKey> decode_row_key(BytesView bytes);
Bytes encode_head(const PageHead& head);
Result<PageHead> decode_head(BytesView bytes);
Bytes encode_heads(const std::vector<PageHead>& heads);
Result<std::vector<PageHead>> decode_heads(BytesView bytes);
/// Without rows and probe: those are for whoever reads the page to fetch.
Bytes encode_page(const PageParts& page);
Result<PageParts> decode_page(BytesView bytes);
Bytes encode_rows(const std::vector<Row>& rows);
Result<std::vector<Row>> decode_rows(BytesView bytes);

/// Of what replays commit: pages, rows, marks and gaps, cause and stamp.
Bytes encode_commit(const Commit& commit);
/// On the replay lane.
Result<Commit> decode_commit(BytesView bytes);
Bytes encode_commit_result(const CommitResult& result);
Result<CommitResult> decode_commit_result(BytesView bytes);

}  // namespace hindcast::wire
