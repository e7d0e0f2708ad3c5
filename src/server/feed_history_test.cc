#include "server/feed_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/json_reader.h"
#include "server/feed_test_util.h"

namespace hindcast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class FeedHistoryTest : public testing::Test {
 protected:
  FeedPage page(const std::string& query) {
    return feed_history(data_, plan_, "/history?" + query, "feed.test:80", 5);
  }
  JsonValue document(const std::string& query) {
    const FeedPage got = page(query);
    EXPECT_EQ(got.response.status, 200) << got.response.body;
    return parse_json(got.response.body).value();
  }
  /// Seconds of the events of one page.
  std::vector<int> seconds(const JsonValue& document) {
    std::vector<int> out;
    for (const JsonValue& event : document["data"].items)
      out.push_back(static_cast<int>(*event["ts"].unsigned_number() / 1000));
    return out;
  }
  std::vector<int> seconds(const std::string& query) { return seconds(document(query)); }
  uint64_t add(const std::string& json) {
    return plan_.add(parse_fault(json, data_, plan_.time()).value());
  }

  FeedData data_ = feed_of(12);  // at seconds 1 to 12: A of X, B of Y, C of X, …
  FeedPlan plan_{data_};
};

TEST_F(FeedHistoryTest, TheFutureIsNotThere) {
  EXPECT_THAT(seconds(""), IsEmpty());
  plan_.advance(second(3));
  EXPECT_THAT(seconds(""), ElementsAre(1, 2, 3));
  EXPECT_TRUE(document("")["next"].is_null());
}

TEST_F(FeedHistoryTest, KeyChannelAndTimesSelect) {
  plan_.advance(second(12));
  EXPECT_THAT(seconds("key=A"), ElementsAre(1, 4, 7, 10));
  EXPECT_THAT(seconds("channel=Y"), ElementsAre(2, 5, 8, 11));
  EXPECT_THAT(seconds("channel=X&key=B"), IsEmpty());
  EXPECT_THAT(seconds("key=nobody"), IsEmpty());
  EXPECT_THAT(seconds("from=1970-01-01T00:00:04Z&to=7"), ElementsAre(4, 5, 6));
  EXPECT_THAT(seconds("key=A&from=4&to=10"), ElementsAre(4, 7));
}

TEST_F(FeedHistoryTest, SequenceNumbersAreThoseOfTheLiveFeed) {
  plan_.advance(second(12));
  EXPECT_EQ(document("key=A&from=7&limit=1")["data"].items.at(0)["seq"].text, "3");
}

TEST_F(FeedHistoryTest, ACursorWalksThroughEverything) {
  plan_.advance(second(12));
  std::vector<int> all;
  std::string cursor;
  for (int pages = 0; pages < 10; ++pages) {
    const JsonValue got = document("limit=5" + cursor);
    for (const int s : seconds(got)) all.push_back(s);
    if (got["next"].is_null()) break;
    cursor = "&cursor=" + got["next"].to_string();
  }
  EXPECT_THAT(all, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
}

TEST_F(FeedHistoryTest, SoDoLinksPagesIdsAndTimes) {
  plan_.advance(second(12));
  const FeedPage first = page("key=A&limit=2&page=1");
  ASSERT_EQ(first.response.headers.size(), 1u);
  EXPECT_EQ(first.response.headers[0].first, "Link");
  EXPECT_EQ(first.response.headers[0].second,
            "<http://feed.test:80/history?key=A&limit=2&cursor=6>; rel=\"next\"");
  EXPECT_THAT(seconds("key=A&limit=2&cursor=6"), ElementsAre(7, 10));
  EXPECT_TRUE(page("key=A&limit=2&cursor=6").response.headers.empty());
  EXPECT_THAT(seconds("key=A&limit=2&page=2"), ElementsAre(7, 10));
  EXPECT_THAT(seconds("key=A&limit=2&page=3"), IsEmpty());
  EXPECT_THAT(seconds("key=A&limit=2&from_id=3"), ElementsAre(7, 10));
  EXPECT_THAT(seconds("key=A&limit=2&after_seq=2"), ElementsAre(7, 10));
  EXPECT_THAT(seconds("limit=3&from=4"), ElementsAre(4, 5, 6));
}

TEST_F(FeedHistoryTest, APageHoldsNoMoreThanTheFeedAllows) {
  plan_.advance(second(12));
  EXPECT_EQ(seconds("limit=1000").size(), 5u);
  EXPECT_EQ(seconds("").size(), 5u);
}

TEST_F(FeedHistoryTest, WhatIsWrongIsRefused) {
  EXPECT_EQ(page("symbol=A").response.status, 400);
  EXPECT_THAT(page("form=7").response.body, HasSubstr("did you mean 'from'?"));
  EXPECT_EQ(page("cursor=x").response.status, 400);
}

TEST_F(FeedHistoryTest, ItLacksAndContradictsWhereItIsTold) {
  plan_.advance(second(12));
  const uint64_t lacks = add(
      R"({"kind":"history-lacks","channel":"X","from":"1970-01-01T00:00:02Z","to":"1970-01-01T00:00:05Z"})");
  EXPECT_THAT(seconds(""), ElementsAre(1, 2, 5, 6, 7));  // 3 and 4 are of X
  plan_.remove(lacks);
  add(R"({"kind":"history-contradicts","field":"price","from":"1970-01-01T00:00:03Z","to":"1970-01-01T00:00:04Z"})");
  const JsonValue got = document("");
  EXPECT_EQ(got["data"].items.at(1)["price"].text, "1");
  EXPECT_EQ(got["data"].items.at(2)["price"].text, "3");  // it is 2
  EXPECT_EQ(got["data"].items.at(2)["seq"].text, "1");
}

TEST_F(FeedHistoryTest, AnswersFailAsTheyAreTold) {
  plan_.advance(second(12));
  add(R"({"kind":"http-429","retry_after":2.5,"count":1})");
  const FeedPage limited = page("");
  EXPECT_EQ(limited.response.status, 429);
  EXPECT_THAT(limited.response.headers, ElementsAre(testing::Pair("Retry-After", "3")));
  add(R"({"kind":"http-500","channel":"Y","count":1})");
  EXPECT_EQ(page("key=A").response.status, 200);  // of X
  EXPECT_EQ(page("key=B").response.status, 500);
  EXPECT_EQ(page("key=B").response.status, 200);
  add(R"({"kind":"slow-pages","delay":0.25,"count":1})");
  EXPECT_EQ(page("").delay, Duration(250ms));
  EXPECT_EQ(page("").delay, Duration(0));
  add(R"({"kind":"truncate-page","count":1})");
  EXPECT_FALSE(parse_json(page("").response.body));
  EXPECT_TRUE(parse_json(page("").response.body));
}

}  // namespace
}  // namespace hindcast
