// Messages between the daemon and its replay processes: what is put is what is got, and whatever is
// cut, flipped or made up is refused or understood, but never read past its end.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "replay/page_codec.h"
#include "replay/piece_codec.h"

namespace hindcast {
namespace {

class Random {
 public:
  explicit Random(uint64_t seed) : rng_(seed) {}
  uint64_t any() { return rng_.next() >> rng_.below(64); }
  template <class T>
  T number() {
    return static_cast<T>(any());
  }
  bool coin() { return rng_.below(2) == 0; }
  Bytes bytes() {
    Bytes out(rng_.below(20), '\0');
    for (char& c : out) c = static_cast<char>(rng_.below(256));
    return out;
  }
  EventTime time() { return event_time_ns(static_cast<int64_t>(rng_.next())); }
  Window window() { return {time(), time()}; }
  Digest digest() {
    Digest out;
    out.hi = any();
    out.lo = any();
    return out;
  }
  template <class T, class F>
  std::vector<T> list(F each) {
    std::vector<T> out(rng_.below(4));
    for (T& item : out) item = each();
    return out;
  }
  PageKey page_key() { return {PartitionId{number<uint32_t>()}, time(), number<uint16_t>()}; }
  PageHead head() {
    PageHead out{.key = page_key(),
                 .version = Version{any()},
                 .digest = digest(),
                 .live_events = number<int64_t>(),
                 .rows = any(),
                 .keys = number<uint32_t>()};
    out.parts = list<PartRef>([&] { return PartRef{any(), any(), any(), Version{any()}}; });
    out.damage = bytes();
    return out;
  }
  Row row() {
    return {.at = {AggregateId{number<uint32_t>()}, Duration(number<int64_t>()), time(),
                   PartitionId{number<uint32_t>()}, number<uint16_t>(), bytes()},
            .version = Version{any()},
            .events = any(),
            .digest = digest(),
            .cause = {Cause::Kind::kReplay, any()},
            .published_at = ProcessingTime(Duration(number<int64_t>())),
            .state = bytes()};
  }
  PageParts page() {
    PageParts out{.head = head(), .parts = list<Bytes>([&] { return bytes(); })};
    out.damaged = list<PageParts::Damage>([&] {
      return PageParts::Damage{number<uint32_t>(), bytes()};
    });
    return out;
  }
  Commit commit() {
    Commit out{.lane = Lane::kReplay,
               .cause = {Cause::Kind::kRepair, any()},
               .published_at = ProcessingTime(Duration(number<int64_t>()))};
    out.pages = list<PageAdd>([&] {
      return PageAdd{.key = page_key(),
                     .expected = Version{any()},
                     .part = bytes(),
                     .folds_parts = coin(),
                     .folds_from = number<uint32_t>(),
                     .rows_gone = any(),
                     .live_change = number<int64_t>(),
                     .digest_change = digest(),
                     .new_keys = number<uint32_t>(),
                     .rows = any(),
                     .head_lost = coin(),
                     .above = Version{any()},
                     .unread_parts = list<uint32_t>([&] { return number<uint32_t>(); })};
    });
    out.rows = list<Row>([&] { return row(); });
    out.marks = list<Mark>([&] {
      return Mark{.aggregate = AggregateId{number<uint32_t>()},
                  .resolution = Duration(number<int64_t>()),
                  .bucket = time(),
                  .partition = PartitionId{number<uint32_t>()},
                  .slot = number<uint16_t>(),
                  .keys = list<Bytes>([&] { return bytes(); }),
                  .cause = {Cause::Kind::kReplay, any()}};
    });
    out.gaps = list<Gap>([&] {
      return Gap{.id = any(), .stream = StreamId{number<uint32_t>()}, .range = window()};
    });
    return out;
  }
  SubwindowResult result() {
    SubwindowResult out{.window = window(), .certain = coin(), .wrote = coin()};
    out.through_log = any();
    out.counts.read = any();
    out.counts.bytes_written = any();
    out.shorts = list<HistoryShort>([&] {
      return HistoryShort{PartitionId{number<uint32_t>()}, bytes(), window(), any()};
    });
    out.missing = list<HistoryChunk::Missing>([&] {
      return HistoryChunk::Missing{window(), list<Bytes>([&] { return bytes(); }), bytes()};
    });
    out.dead = list<DeadLetter>([&] { return DeadLetter{.reason = "malformed", .raw = bytes()}; });
    return out;
  }
  wire::Done done() {
    wire::Done out;
    if (coin())
      out.state =
          wire::PieceState{PieceWork::Need::kCommit, any(), corruption("why"), ByteCount{any()},
                           list<SubwindowResult>([&] { return result(); })};
    if (coin()) out.error = unavailable("later");
    out.value = bytes();
    return out;
  }
  PieceOrder order() {
    PieceOrder out{
        .piece = window(), .events_max = any(), .names_gaps = coin(), .separate = coin()};
    out.job.id = any();
    out.job.keys = list<Bytes>([&] { return bytes(); });
    for (uint64_t i = rng_.below(4); i > 0; --i)
      out.frontiers[PartitionId{number<uint32_t>()}] = {time(), number<uint16_t>()};
    return out;
  }
  std::vector<LogAppend> appends() {
    return list<LogAppend>([&] {
      return LogAppend{{.partition = PartitionId{number<uint32_t>()},
                        .source = SourceId{number<uint32_t>()},
                        .events = number<uint32_t>()},
                       bytes()};
    });
  }
  wire::Hello hello() {
    return {bytes(), bytes(), bytes(), {{bytes(), bytes()}, {bytes(), bytes()}}};
  }

  /// What may come instead of `bytes`.
  Bytes mangled(Bytes bytes) {
    if (bytes.empty() || coin()) bytes.resize(bytes.size() * rng_.below(101) / 100);
    for (uint64_t i = rng_.below(4); i > 0 && !bytes.empty(); --i)
      bytes[rng_.below(bytes.size())] = static_cast<char>(rng_.below(256));
    return bytes;
  }

 private:
  Rng rng_;
};

/// Encoding what was decoded gives the same bytes, so nothing was lost; and nonsense is survived.
template <class Encode, class Decode>
void check(Random& random, const Bytes& bytes, Encode encode, Decode decode) {
  const auto decoded = decode(BytesView(bytes));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(encode(*decoded), bytes);
  for (int i = 0; i < 20; ++i) {
    const auto other = decode(BytesView(random.mangled(bytes)));
    if (other) {
      (void)encode(*other);
    } else {
      EXPECT_EQ(other.error().code, ErrorCode::kCorruption);
    }
  }
  for (size_t size = 0; size < bytes.size(); ++size) (void)decode(BytesView(bytes).substr(0, size));
}

#define HC_CHECK(value, encode, decode)                               \
  check(                                                              \
      random, encode(value), [](const auto& v) { return encode(v); }, \
      [](BytesView bytes) { return decode(bytes); })

TEST(PieceCodecPropertyTest, EveryMessageSurvivesTheWayAndNonsenseIsSurvived) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    SCOPED_TRACE("seed " + std::to_string(seed));
    HC_CHECK(random.head(), wire::encode_head, wire::decode_head);
    HC_CHECK(random.list<PageHead>([&] { return random.head(); }), wire::encode_heads,
             wire::decode_heads);
    HC_CHECK(random.page(), wire::encode_page, wire::decode_page);
    HC_CHECK(random.list<Row>([&] { return random.row(); }), wire::encode_rows, wire::decode_rows);
    HC_CHECK(random.commit(), wire::encode_commit, wire::decode_commit);
    const CommitResult result{CommitState::kConflict, {random.page_key()}, {}};
    HC_CHECK(result, wire::encode_commit_result, wire::decode_commit_result);
    HC_CHECK(random.order(), wire::encode, wire::decode_piece_order);
    HC_CHECK(random.done(), wire::encode, wire::decode_done);
    HC_CHECK(random.appends(), wire::encode, wire::decode_appends);
    HC_CHECK(random.result().counts, wire::encode, wire::decode_counts);
    HC_CHECK(random.hello(), wire::encode, wire::decode_hello);
    HC_CHECK(Result<Bytes>(random.bytes()), wire::encode, wire::decode_answer);
    HC_CHECK(Result<Bytes>(unavailable("later")), wire::encode, wire::decode_answer);
    HC_CHECK(PieceWork::Read{Duration(random.number<int64_t>())}, wire::encode, wire::decode_read);
  }
}

}  // namespace
}  // namespace hindcast
