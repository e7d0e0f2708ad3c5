#include "history/http_history.h"

#include <gmock/gmock.h>

#include "base/sim_files.h"
#include "base/virtual_runtime.h"
#include "history/history_contract_test.h"
#include "net/compression_test_util.h"

namespace hindcast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

using Paging = HistoryConfig::Paging;
using Change = std::function<void(HistoryConfig&)>;

/// A history over `api`, with everything but the rest of the URL left to `change`.
struct HttpWorld {
  HttpWorld(const std::vector<Trade>& trades, const std::string& rest, const Change& change)
      : api(trades), setup([&](HistoryConfig& history) {
          history.kind = HistoryConfig::Kind::kHttp;
          history.url = api.url(rest);
          if (rest.find("{key}") != std::string::npos) history.keys = {"BTC", "ETH", "XRP"};
          history.format.kind = FormatKind::kJson;
          history.limit = 100;
          change(history);
        }) {}
  History& history() {
    if (!history_) history_ = make_history(setup.schema, setup.source, files, runtime).value();
    return *history_;
  }
  const StreamSchema& schema() { return setup.schema; }
  static constexpr bool kOnce = true;

  TradesApi api;
  SimFileSystem files{1};
  VirtualRuntime runtime{1};
  HistorySetup setup;
  std::unique_ptr<History> history_;
};

// ── the contract ────────────────────────────────────────────────────────────────────────────────

struct OneAnswer : HttpWorld {
  explicit OneAnswer(const std::vector<Trade>& trades)
      : HttpWorld(trades, "?symbol={key}&from={from_ms}&to={to_ms}", [](HistoryConfig&) {}) {}
};
struct ByCursor : HttpWorld {
  explicit ByCursor(const std::vector<Trade>& trades)
      : HttpWorld(trades, "?symbol={key}&from={from_ms}&to={to_ms}&cursor={cursor}&limit={limit}",
                  [](HistoryConfig& history) {
                    history.paging = Paging::kCursor;
                    history.cursor = "meta.next";
                    history.format.each = "data";
                  }) {
    api.envelope = true;
  }
};
struct ById : HttpWorld {
  explicit ById(const std::vector<Trade>& trades)
      : HttpWorld(trades, "?symbol={key}&fromId={next_id}&limit={limit}",
                  [](HistoryConfig& history) { history.paging = Paging::kId; }) {}
};
struct ByTime : HttpWorld {
  explicit ByTime(const std::vector<Trade>& trades)
      : HttpWorld(trades, "?symbol={key}&from={from_ms}&to={to_ms}&limit={limit}",
                  [](HistoryConfig& history) { history.paging = Paging::kTime; }) {}
  static constexpr bool kOnce = false;
};
struct ByTimeWithoutEnd : HttpWorld {
  explicit ByTimeWithoutEnd(const std::vector<Trade>& trades)
      : HttpWorld(trades, "?symbol={key}&from={from_ms}&limit={limit}",
                  [](HistoryConfig& history) { history.paging = Paging::kTime; }) {}
  static constexpr bool kOnce = false;
};
struct ByLinkAndAllKeysAtOnce : HttpWorld {
  explicit ByLinkAndAllKeysAtOnce(const std::vector<Trade>& trades)
      : HttpWorld(trades, "?from={from_ms}&to={to_ms}&limit={limit}",
                  [](HistoryConfig& history) { history.paging = Paging::kLink; }) {
    api.links = true;
  }
};
struct WithoutAWindow : HttpWorld {
  explicit WithoutAWindow(const std::vector<Trade>& trades)
      : HttpWorld(trades, "",
                  [](HistoryConfig& history) { history.format.kind = FormatKind::kCsv; }) {
    api.csv = true;
  }
};

using HttpWorlds = testing::Types<OneAnswer, ByCursor, ById, ByTime, ByTimeWithoutEnd,
                                  ByLinkAndAllKeysAtOnce, WithoutAWindow>;
INSTANTIATE_TYPED_TEST_SUITE_P(Http, HistoryContractTest, HttpWorlds);

// ── what is particular about HTTP ───────────────────────────────────────────────────────────────

class HttpHistoryTest : public testing::Test {
 protected:
  void make(
      const std::string& rest, const Change& change = [](HistoryConfig&) {},
      std::vector<Trade> trades = make_trades(600, 1)) {
    world_.emplace(trades, rest, change);
  }
  void always(HttpResponse response) {
    world_->api.intercept = [=](const HttpRequest&, int) { return response; };
  }
  ReadAll read(std::vector<std::string> symbols = {}, Window range = kDay) {
    std::vector<Bytes> keys;
    for (const auto& symbol : symbols) keys.push_back(world_->setup.key(symbol));
    return read_all(world_->schema(), world_->history(), {range, std::move(keys), {}});
  }
  Error error_of(Window range = kDay) {
    const ReadAll all = read({}, range);
    EXPECT_TRUE(all.error);
    EXPECT_LT(all.complete_to, range.end);
    return all.error.value_or(Error{});
  }

  static inline const Window kDay = ms_window(kFirstMs, kFirstMs + kDayMs);
  static constexpr const char* kWindow = "?symbol={key}&from={from_ms}&to={to_ms}";
  std::optional<HttpWorld> world_;
};

TEST_F(HttpHistoryTest, RangesAreCutIntoPiecesOnlyWhereAPieceCanBeAskedFor) {
  make(kWindow);
  EXPECT_THAT(world_->history().pieces(kDay).value(), SizeIs(24));
  const Window century = ms_window(0, 36'525 * kDayMs);
  const auto pieces = world_->history().pieces(century).value();
  EXPECT_LE(pieces.size(), 256U);
  EXPECT_GE(pieces.size(), 200U);
  for (size_t i = 1; i < pieces.size(); ++i)
    EXPECT_EQ(unix_ns(pieces[i].start) % Duration(1h).count(), 0);
  EXPECT_LE(world_->history().pieces({kMinEventTime, kMaxEventTime})->size(), 257U);
  EXPECT_THAT(world_->history().pieces({kDay.start, kDay.start}).value(), IsEmpty());
  make("?symbol={key}&fromId={next_id}", [](HistoryConfig& h) { h.paging = Paging::kId; });
  EXPECT_THAT(world_->history().pieces(kDay).value(), ElementsAre(kDay));
}

TEST_F(HttpHistoryTest, KeysThatAreNotListedAreMissing) {
  make(kWindow);
  const ReadAll all = read({"BTC", "DOGE"});
  EXPECT_FALSE(all.error);
  ASSERT_THAT(all.missing, SizeIs(1));
  EXPECT_EQ(all.missing[0].window, kDay);
  EXPECT_THAT(all.missing[0].keys, ElementsAre(world_->setup.key("DOGE")));
  EXPECT_THAT(all.missing[0].reason, StartsWith("key-not-listed"));
  EXPECT_EQ(all.complete_to, kDay.end);
  for (const auto& target : world_->api.targets()) EXPECT_THAT(target, HasSubstr("symbol=BTC"));
  EXPECT_EQ(world_->history().estimate({kDay, {}, {}})->requests, 3U);
  EXPECT_EQ(world_->history().estimate({kDay, {world_->setup.key("BTC")}, {}})->requests, 1U);
  // And nothing is asked where nothing is listed.
  make(kWindow);
  EXPECT_THAT(read({"DOGE"}).missing, SizeIs(1));
  EXPECT_THAT(world_->api.targets(), IsEmpty());
}

// Spans follow the density: few requests where little happened.
TEST_F(HttpHistoryTest, SpansGrowWhereLittleHappens) {
  make(kWindow, [](HistoryConfig& history) { history.keys = {"BTC"}; });
  EXPECT_FALSE(read({}, ms_window(kFirstMs, kFirstMs + 160 * kDayMs)).error);
  EXPECT_LE(world_->api.targets().size(), 4U);  // 10 days, 40, 110
}

TEST_F(HttpHistoryTest, SpansShrinkWhereMuchHappens) {
  make(
      "?from={from_ms}&to={to_ms}", [](HistoryConfig&) {}, make_trades(200'000, 1));
  const auto cursor = world_->history().open({kDay, {}, {}}).value();
  std::vector<size_t> sizes;
  for (bool end = false; !end;) {
    const auto chunk = next_chunk(*cursor);
    ASSERT_TRUE(chunk) << chunk.error().message;
    sizes.push_back(chunk->events.size());
    end = chunk->end;
  }
  ASSERT_THAT(sizes, Not(IsEmpty()));
  for (const size_t size : sizes) EXPECT_LT(size, 2 * 65'536U);
  EXPECT_LT(sizes.size(), 12U);
}

TEST_F(HttpHistoryTest, PagingByIdBeginsBehindWhatIsKnownAndEndsBehindTheRange) {
  make("?symbol={key}&fromId={next_id}&limit={limit}", [](HistoryConfig& history) {
    history.paging = Paging::kId;
    history.keys = {"BTC"};
    history.limit = 10;
  });
  const Window range = ms_window(kFirstMs + kDayMs / 2, kFirstMs + kDayMs / 2 + kDayMs / 24);
  std::vector<Bytes> asked;
  const ReadAll all =
      read_all(world_->schema(), world_->history(), {range, {}, [&](BytesView key) {
                                                       asked.emplace_back(key);
                                                       return std::optional<int64_t>(95);
                                                     }});
  ASSERT_FALSE(all.error) << all.error->message;
  EXPECT_THAT(asked, ElementsAre(world_->setup.key("BTC")));
  EXPECT_THAT(world_->api.targets()[0], HasSubstr("fromId=96&"));
  EXPECT_LE(world_->api.targets().size(), 4U);
  EXPECT_EQ(all.complete_to, range.end);
  EXPECT_THAT(all.names, Not(IsEmpty()));
}

// A server that answers 50 where 100 were asked for looks as if it had no more.
TEST_F(HttpHistoryTest, AServerThatAnswersFewerThanTheLimitIsFoundOut) {
  for (const auto& [rest, paging] :
       {std::pair{"?symbol={key}&fromId={next_id}&limit={limit}", Paging::kId},
        std::pair{"?symbol={key}&from={from_ms}&to={to_ms}&limit={limit}", Paging::kTime}}) {
    make(rest, [p = paging](HistoryConfig& history) { history.paging = p; });
    world_->api.limit_max = 5;
    const Error error = error_of();
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.message, StartsWith("limit-capped: http://"));
    EXPECT_THAT(error.message, HasSubstr("set limit = 5"));
  }
}

TEST_F(HttpHistoryTest, WhetherTheLimitIsKeptIsAskedOnce) {
  make("?symbol={key}&from={from_ms}&to={to_ms}&limit={limit}", [](HistoryConfig& history) {
    history.paging = Paging::kTime;
    history.limit = 1000;
  });
  EXPECT_FALSE(read().error);
  const size_t first = world_->api.targets().size();
  EXPECT_FALSE(read().error);
  EXPECT_EQ(world_->api.targets().size() - first, first - 1);
}

TEST_F(HttpHistoryTest, AFullAnswerWithoutPagingIsNotTheWholeTruth) {
  make("?symbol={key}&from={from_ms}&to={to_ms}&limit={limit}",
       [](HistoryConfig& history) { history.limit = 2; });
  EXPECT_THAT(error_of().message, StartsWith("answer-full: http://"));
}

TEST_F(HttpHistoryTest, MoreEventsOfAnInstantThanAnAnswerHoldsAreAnError) {
  std::vector<Trade> trades;
  for (int i = 1; i <= 30; ++i) trades.push_back({"BTC", i, kFirstMs + 3'600'000});
  make(
      "?from={from_s}000&to={to_s}000&limit={limit}",
      [](HistoryConfig& history) {
        history.paging = Paging::kTime;
        history.limit = 10;
      },
      trades);
  const Error error = error_of();
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message, StartsWith("page-full-of-one-instant: http://"));
  EXPECT_THAT(error.message, HasSubstr("10 events at 2013-10-07T01:00:00Z"));
}

TEST_F(HttpHistoryTest, PagesThatBeginWithTheNewestAreRefused) {
  std::vector<Trade> trades = make_trades(600, 1);
  std::reverse(trades.begin(), trades.end());
  make(
      "?symbol={key}&from={from_ms}&limit={limit}",
      [](HistoryConfig& history) { history.paging = Paging::kTime; }, trades);
  EXPECT_THAT(error_of().message, StartsWith("unsorted: http://"));
  make(
      "?symbol={key}&fromId={next_id}&limit={limit}",
      [](HistoryConfig& history) { history.paging = Paging::kId; }, trades);
  EXPECT_THAT(error_of().message, StartsWith("unsorted: http://"));
}

TEST_F(HttpHistoryTest, EndlessPagesAreALoop) {
  const auto cursor_url = "?symbol={key}&from={from_ms}&to={to_ms}&cursor={cursor}";
  const Change by_cursor = [](HistoryConfig& history) {
    history.paging = Paging::kCursor;
    history.cursor = "next";
    history.format.each = "data";
  };
  // The same cursor again.
  make(cursor_url, by_cursor);
  always({.body = R"({"data":[],"next":"abc"})"});
  Error error = error_of();
  EXPECT_EQ(error.code, ErrorCode::kCorruption);
  EXPECT_THAT(error.message, StartsWith("pagination-loop: http://"));
  EXPECT_THAT(error.message, HasSubstr("'abc' is named as the next page again"));
  // Ever new cursors and never a new event.
  make(cursor_url, by_cursor);
  world_->api.intercept = [](const HttpRequest&, int number) {
    return HttpResponse{.body = R"({"data":[{"s":"BTC","i":1,"t":1381104000000,"p":1}],"next":)" +
                                std::to_string(number) + "}"};
  };
  error = error_of();
  EXPECT_EQ(error.code, ErrorCode::kCorruption);
  EXPECT_THAT(error.message, HasSubstr("16 answers in a row have no new event"));
  // A server that does not look at the id.
  make("?symbol={key}&fromId={next_id}", [](HistoryConfig& history) {
    history.paging = Paging::kId;
    history.limit = 2;
  });
  always({.body = array_of({{"BTC", 1, kFirstMs}, {"BTC", 2, kFirstMs + 1}})});
  error = error_of();
  EXPECT_EQ(error.code, ErrorCode::kCorruption);
  EXPECT_THAT(error.message, HasSubstr("ids do not go on behind 2"));
  // A link to itself.
  make(kWindow, [](HistoryConfig& history) { history.paging = Paging::kLink; });
  always({.body = "[]", .headers = {{"Link", "</trades?page=1>; rel=\"next\""}}});
  EXPECT_THAT(error_of().message, StartsWith("pagination-loop: http://"));
}

TEST_F(HttpHistoryTest, LinksToOtherServersAreNotFollowed) {
  make(kWindow, [](HistoryConfig& history) { history.paging = Paging::kLink; });
  always({.body = "[]", .headers = {{"Link", "<http://example.com/steal>; rel=next"}}});
  const Error error = error_of();
  EXPECT_EQ(error.code, ErrorCode::kCorruption);
  EXPECT_THAT(error.message, StartsWith("foreign-link: http://"));
}

struct StatusCase {
  int status;
  HttpHeaders headers;
  ErrorCode code;
  std::optional<Duration> retry_after;
};
class HttpStatusTest : public HttpHistoryTest, public testing::WithParamInterface<StatusCase> {};

TEST_P(HttpStatusTest, SaysWhatToDo) {
  make(kWindow);
  const auto& [status, headers, code, retry_after] = GetParam();
  always({.status = status, .content_type = "text/plain", .body = "because", .headers = headers});
  const auto cursor = world_->history().open({kDay, {}, {}}).value();
  const auto chunk = next_chunk(*cursor);
  ASSERT_FALSE(chunk);
  EXPECT_EQ(chunk.error().code, code);
  EXPECT_THAT(chunk.error().message, StartsWith("http-" + std::to_string(status) + ": http://"));
  EXPECT_EQ(cursor->retry_after(), retry_after);
  // What may pass is asked again by the same call, the same way; the rest is not asked again.
  world_->runtime.run_until(world_->runtime.mono_now() + 1h);
  const auto again = next_chunk(*cursor);
  EXPECT_EQ(again.error().code, code);
  const auto targets = world_->api.targets();
  if (code == ErrorCode::kOverloaded || code == ErrorCode::kUnavailable) {
    ASSERT_THAT(targets, SizeIs(2));
    EXPECT_EQ(targets[0], targets[1]);
  } else {
    EXPECT_THAT(targets, SizeIs(1));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, HttpStatusTest,
    testing::Values(StatusCase{429, {{"Retry-After", "7"}}, ErrorCode::kOverloaded, 7s},
                    StatusCase{429,
                               {{"Date", "Thu, 01 Jan 1970 00:00:10 GMT"},
                                {"Retry-After", "Thu, 01 Jan 1970 00:01:00 GMT"}},
                               ErrorCode::kOverloaded,
                               50s},
                    StatusCase{429, {}, ErrorCode::kOverloaded, std::nullopt},
                    StatusCase{503, {{"Retry-After", "2"}}, ErrorCode::kOverloaded, 2s},
                    StatusCase{503, {}, ErrorCode::kUnavailable, std::nullopt},
                    StatusCase{500, {}, ErrorCode::kUnavailable, std::nullopt},
                    StatusCase{408, {}, ErrorCode::kUnavailable, std::nullopt},
                    StatusCase{404, {}, ErrorCode::kNotFound, std::nullopt},
                    StatusCase{410, {}, ErrorCode::kNotFound, std::nullopt},
                    StatusCase{400, {}, ErrorCode::kInvalidArgument, std::nullopt},
                    StatusCase{401, {}, ErrorCode::kInvalidArgument, std::nullopt},
                    StatusCase{403, {}, ErrorCode::kInvalidArgument, std::nullopt},
                    StatusCase{
                        301, {{"Location", "/y"}}, ErrorCode::kInvalidArgument, std::nullopt}));

TEST_F(HttpHistoryTest, AfterAFailureItGoesOnWhereItWasAndFailuresCost) {
  make("?symbol={key}&from={from_ms}&to={to_ms}&cursor={cursor}&limit={limit}",
       [](HistoryConfig& history) {
         history.paging = Paging::kCursor;
         history.cursor = "meta.next";
         history.format.each = "data";
         history.limit = 10;
         history.weight = 3;
       });
  world_->api.envelope = true;
  world_->api.intercept = [](const HttpRequest&, int number) {
    return number % 2 == 0 ? std::optional(HttpResponse{.status = 500}) : std::nullopt;
  };
  const auto cursor = world_->history().open({kDay, {}, {}}).value();
  std::vector<std::string> names;
  uint64_t requests = 0;
  for (bool end = false; !end;) {
    const auto chunk = next_chunk(*cursor);
    if (!chunk) {
      ASSERT_EQ(chunk.error().code, ErrorCode::kUnavailable) << chunk.error().message;
      continue;
    }
    for (auto& name : names_of(world_->schema(), chunk->events)) names.push_back(std::move(name));
    requests += chunk->spent.requests;
    end = chunk->end;
  }
  EXPECT_EQ(names.size(), 600U);
  EXPECT_EQ(std::set(names.begin(), names.end()).size(), 600U);
  EXPECT_EQ(requests, 3 * world_->api.targets().size());
}

// When the server asks to be left alone, it is: by all cursors, without sleeping.
TEST_F(HttpHistoryTest, RetryAfterHoldsForAllCursorsOfTheHistory) {
  make(kWindow);
  world_->api.intercept = [](const HttpRequest&, int number) {
    return number == 0
               ? std::optional(HttpResponse{.status = 429, .headers = {{"Retry-After", "5"}}})
               : std::nullopt;
  };
  const auto one = world_->history().open({kDay, {}, {}}).value();
  const auto other = world_->history().open({kDay, {}, {}}).value();
  EXPECT_EQ(next_chunk(*one).error().code, ErrorCode::kOverloaded);
  const auto waiting = next_chunk(*other);
  ASSERT_TRUE(waiting);
  EXPECT_TRUE(waiting->events.empty());
  EXPECT_EQ(waiting->retry_after, 5s);
  EXPECT_FALSE(waiting->end);
  EXPECT_EQ(waiting->complete_to, kDay.start);
  EXPECT_THAT(world_->api.targets(), SizeIs(1));
  world_->runtime.run_until(world_->runtime.mono_now() + 5s);
  EXPECT_FALSE(next_chunk(*other)->retry_after);
  EXPECT_THAT(world_->api.targets(), SizeIs(2));
}

TEST_F(HttpHistoryTest, RequestsKeepToTheirRate) {
  make(kWindow, [](HistoryConfig& history) {
    history.requests_per_second = 20;
    history.weight = 4;
  });
  const auto cursor = world_->history().open({kDay, {}, {}}).value();
  const MonoTime begin = world_->runtime.mono_now();
  for (bool end = false; !end;) {
    const auto chunk = next_chunk(*cursor);
    ASSERT_TRUE(chunk) << chunk.error().message;
    if (chunk->retry_after)
      world_->runtime.run_until(world_->runtime.mono_now() + *chunk->retry_after);
    end = chunk->end;
  }
  // 5 requests a second.
  const double seconds = std::chrono::duration<double>(world_->runtime.mono_now() - begin).count();
  const auto requests = static_cast<double>(world_->api.targets().size());
  EXPECT_GT(requests, 8);
  EXPECT_NEAR(seconds, requests / 5, 0.5);
}

TEST_F(HttpHistoryTest, AnAnswerThatIsNotWhatItShouldBeFillsNothing) {
  const std::string good = json_of({"BTC", 1, kFirstMs});
  const auto error = [&](const Bytes& body, const std::string& each = "") {
    make(kWindow, [&](HistoryConfig& history) { history.format.each = each; });
    always({.body = body});
    return error_of();
  };
  // Cut off, in a way that only the text itself shows.
  EXPECT_EQ(error("[" + good + ",").code, ErrorCode::kCorruption);
  EXPECT_THAT(error("[" + good + ",").message, StartsWith("malformed: http://"));
  EXPECT_THAT(error("[" + good).message, StartsWith("malformed: http://"));
  EXPECT_THAT(error("[" + good.substr(0, 20)).message, StartsWith("malformed: http://"));
  EXPECT_THAT(error(R"({"data":[)" + good, "data").message, StartsWith("malformed: http://"));
  EXPECT_THAT(error("<html>Sorry</html>").message, StartsWith("malformed: http://"));
  EXPECT_THAT(error("").message, HasSubstr("the answer is empty"));
  // Something else than events.
  const Error other = error(R"({"error":"no such symbol"})");
  EXPECT_EQ(other.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(other.message, StartsWith("wrong-columns: http://"));
  EXPECT_THAT(error(R"({"error":"no such symbol"})", "data").message,
              AllOf(StartsWith("wrong-columns: http://"), HasSubstr("'data' (each)")));
  EXPECT_THAT(error("[{\"symbol\":\"BTC\"}]").message,
              AllOf(StartsWith("wrong-columns: http://"), HasSubstr("field 't' (time)")));
}

TEST_F(HttpHistoryTest, NothingHappenedIsAnAnswer) {
  for (const Bytes body : {"[]", R"({"data":[]})", R"({"data":null})"}) {
    make(kWindow,
         [&](HistoryConfig& history) { history.format.each = body[0] == '[' ? "" : "data"; });
    always({.body = body});
    const ReadAll all = read();
    EXPECT_FALSE(all.error) << all.error->message;
    EXPECT_EQ(all.complete_to, kDay.end);
    EXPECT_THAT(all.dead, IsEmpty()) << body;
  }
  make(kWindow);
  always({.status = 204});
  EXPECT_EQ(read().complete_to, kDay.end);
}

// Seconds taken for milliseconds, or parameters that the server ignores: a window without events
// would count as filled.
TEST_F(HttpHistoryTest, EventsOfAnotherTimeThanAskedForAreAnError) {
  make("?symbol={key}&start={from_ms}&end={to_ms}", [](HistoryConfig&) {},
       {{"BTC", 1, kFirstMs - kDayMs},
        {"ETH", 1, kFirstMs - kDayMs},
        {"XRP", 1, kFirstMs - kDayMs}});
  const Error error = error_of();
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message, StartsWith("outside-window: http://"));
  EXPECT_THAT(error.message, HasSubstr("the answer has 2013-10-06T00:00:00Z to 2013-10-06"));
}

TEST_F(HttpHistoryTest, TimesOf1970AreAUnitThatIsWrong) {
  make("?symbol={key}&fromId={next_id}",
       [](HistoryConfig& history) { history.paging = Paging::kId; }, {{"BTC", 1, kFirstMs / 1000}});
  EXPECT_THAT(error_of().message, StartsWith("outside-window: http://"));
}

// "The latest 500 trades" say nothing of the time before them.
TEST_F(HttpHistoryTest, AnAnswerWithoutAWindowBeginsWithItsFirstEvent) {
  make("?symbol={key}", [](HistoryConfig&) {},
       {{"BTC", 1, kFirstMs + 2 * 3'600'000 + 60'000}, {"ETH", 1, kFirstMs - 60'000}});
  const ReadAll all = read();
  ASSERT_THAT(all.missing, SizeIs(2));
  EXPECT_EQ(all.missing[0].window, ms_window(kFirstMs, kFirstMs + 2 * 3'600'000));
  EXPECT_THAT(all.missing[0].keys, ElementsAre(world_->setup.key("BTC")));
  EXPECT_EQ(all.missing[0].reason, "outside-answer: history begins with 2013-10-07T02:01:00Z");
  EXPECT_EQ(all.missing[1].window, kDay);
  EXPECT_THAT(all.missing[1].keys, ElementsAre(world_->setup.key("XRP")));
  EXPECT_THAT(all.missing[1].reason, StartsWith("no-events: "));
  EXPECT_THAT(all.names, ElementsAre("BTC 1"));
}

TEST_F(HttpHistoryTest, OneBadValueInASmallAnswerIsADeadLetter) {
  make(kWindow);
  always({.body = R"([{"s":"BTC","i":1,"t":1381104000000,"p":"NaN"}])"});
  const ReadAll all = read({"BTC"}, ms_window(kFirstMs, kFirstMs + 3'600'000));
  EXPECT_FALSE(all.error);
  EXPECT_THAT(all.dead, SizeIs(1));
}

// The URL has whole seconds; what comes before or twice because of that must not look unsorted.
TEST_F(HttpHistoryTest, RoundingOfTheWindowRepeatsNothing) {
  std::vector<Trade> trades;
  for (int i = 0; i < 5000; ++i) trades.push_back({"BTC", i + 1, kFirstMs + i * 7});
  const Change small_windows = [](HistoryConfig& history) { history.keys = {"BTC"}; };
  make("?symbol={key}&from={from_s}000&to={to_s}000", small_windows, trades);
  world_->setup.schema.page_window = 500ms;
  const Window range = ms_window(kFirstMs, kFirstMs + 35'000);
  const ReadAll cut = read({}, range);
  EXPECT_FALSE(cut.error);
  EXPECT_EQ(cut.names.size(), trades.size());
  for (const char* rest : {"?symbol={key}&from={from_s}000&to={to_s}000&limit={limit}",
                           "?symbol={key}&from={from_s}000&limit={limit}"}) {
    make(
        rest,
        [](HistoryConfig& history) {
          history.keys = {"BTC"};
          history.paging = Paging::kTime;
          history.limit = 500;
        },
        trades);
    world_->setup.schema.page_window = 500ms;
    const auto cursor = world_->history().open({range, {}, {}}).value();
    EventTime covered = kMinEventTime;
    std::set<std::string> seen;
    for (bool end = false; !end;) {
      const auto chunk = next_chunk(*cursor);
      ASSERT_TRUE(chunk) << chunk.error().message;
      for (const int64_t t : chunk->events.time) EXPECT_GE(event_time_ns(t), covered);
      for (auto& name : names_of(world_->schema(), chunk->events)) seen.insert(std::move(name));
      covered = chunk->covered_to;
      end = chunk->end;
    }
    EXPECT_EQ(seen.size(), trades.size());
  }
}

TEST_F(HttpHistoryTest, AMappedColumnThatAnAnswerLacksIsAnError) {
  make(kWindow, [](HistoryConfig& history) { history.format.kind = FormatKind::kCsv; });
  always({.content_type = "text/csv", .body = "i,price,s,t\n"});
  EXPECT_THAT(error_of().message, StartsWith("wrong-columns: http://"));
  EXPECT_THAT(error_of().message, HasSubstr("has no column 'p'"));
}

// Events that are filed under a name nobody asked for would fill nothing and look as if they had.
TEST_F(HttpHistoryTest, AnAnswerForAnotherKeyIsAnError) {
  make(kWindow);
  always({.body = array_of({{"XBT", 1, kFirstMs}})});
  const Error error = error_of();
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message, StartsWith("wrong-key: http://"));
  EXPECT_THAT(error.message, HasSubstr("asked for 'BTC', the answer has 'XBT'"));
}

TEST_F(HttpHistoryTest, TheKeyThatWasAskedForMayBeTheKeyOfTheEvents) {
  make(kWindow, [](HistoryConfig& history) {
    history.event.key = {{FieldRef::Kind::kPathPart, "{key}", std::nullopt}};
    history.keys = {"BTC"};
  });
  always({.body = array_of({{"XBT", 1, kFirstMs}})});
  EXPECT_THAT(read().names, testing::Contains("BTC 1"));
}

TEST_F(HttpHistoryTest, ACursorMayBeANumberAndMustBeAText) {
  const Change by_cursor = [](HistoryConfig& history) {
    history.paging = Paging::kCursor;
    history.cursor = "page.next";
    history.format.each = "data";
    history.keys = {"BTC"};
  };
  make("?symbol={key}&from={from}&to={to}&cursor={cursor}", by_cursor);
  world_->api.intercept = [](const HttpRequest& request, int) {
    const bool first = request.target.find("cursor=") == std::string::npos;
    return HttpResponse{.body = first ? R"({"data":[],"page":{"next":17}})"
                                      : R"({"data":[],"page":{"next":""}})"};
  };
  EXPECT_FALSE(read({}, ms_window(kFirstMs, kFirstMs + 3'600'000)).error);
  EXPECT_THAT(
      world_->api.targets(),
      ElementsAre("/trades?symbol=BTC&from=2013-10-07T00%3A00%3A00Z&to=2013-10-07T01%3A00%3A"
                  "00Z",
                  "/trades?symbol=BTC&from=2013-10-07T00%3A00%3A00Z&to=2013-10-07T01%3A00%3A"
                  "00Z&cursor=17"));
  make("?symbol={key}&cursor={cursor}", by_cursor);
  always({.body = R"({"data":[],"page":{"next":{"a":1}}})"});
  EXPECT_THAT(error_of().message, StartsWith("wrong-cursor: http://"));
}

TEST_F(HttpHistoryTest, CompressedAnswersAreReadAndCountAsTransferred) {
  make(kWindow, [](HistoryConfig& history) { history.keys = {"BTC"}; });
  const Bytes body = array_of({{"BTC", 1, kFirstMs}});
  always({.body = gzip(body), .headers = {{"Content-Encoding", "gzip"}}});
  const Window hour = ms_window(kFirstMs, kFirstMs + 3'600'000);
  const ReadAll all = read({}, hour);
  EXPECT_THAT(all.names, ElementsAre("BTC 1"));
  EXPECT_EQ(all.spent.bytes.value, gzip(body).size());
}

TEST_F(HttpHistoryTest, NobodyThereIsUnavailable) {
  make(kWindow, [](HistoryConfig& history) { history.url = "http://127.0.0.1:1/trades?x={key}"; });
  const Error error = error_of();
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_THAT(error.message, StartsWith("unreachable: "));
}

TEST_F(HttpHistoryTest, HeadersAreSent) {
  make(kWindow, [](HistoryConfig& history) { history.headers["X-Api-Key"] = "secret"; });
  std::atomic<bool> seen = false;
  world_->api.intercept = [&](const HttpRequest& request, int) {
    seen = request.header("x-api-key") == "secret";
    return std::optional<HttpResponse>();
  };
  EXPECT_FALSE(read().error);
  EXPECT_TRUE(seen);
}

TEST_F(HttpHistoryTest, ItSaysWhatItIs) {
  make(kWindow, [](HistoryConfig& history) { history.settle = 1min; });
  EXPECT_EQ(world_->history().describe(), "http " + world_->api.url(kWindow));
  EXPECT_EQ(world_->history().settle(), 1min);
}

TEST(HttpHistoryCutOffTest, AConnectionThatBreaksIsTriedAgain) {
  const auto server = HttpServer::start({}, [](HttpRequest, HttpResponder responder) {
                        HttpStream stream = responder.stream({});
                        stream.write("[{\"s\":\"BTC\"", [stream](bool) {});
                      }).value();
  HistorySetup setup([&](HistoryConfig& history) {
    history.kind = HistoryConfig::Kind::kHttp;
    history.url = "http://127.0.0.1:" + std::to_string(server->port()) + "/";
    history.format.kind = FormatKind::kJson;
  });
  SimFileSystem files(1);
  const VirtualRuntime runtime(1);
  const auto history = make_history(setup.schema, setup.source, files, runtime).value();
  const auto cursor = history->open({ms_window(0, 1), {}, {}}).value();
  const auto chunk = next_chunk(*cursor);
  ASSERT_FALSE(chunk);
  EXPECT_EQ(chunk.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(chunk.error().message, StartsWith("truncated: http://"));
}

}  // namespace
}  // namespace hindcast
