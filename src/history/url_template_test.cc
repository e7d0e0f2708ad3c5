#include "history/url_template.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

std::string fill(const char* text, UrlValues values = {}) { return UrlTemplate(text).fill(values); }

TEST(UrlTemplateTest, VariablesAreFilledAndEncoded) {
  const Window window{event_time_ns(1'500'000'000), event_time_ns(3'000'000'001)};
  EXPECT_EQ(fill("https://x/{key}/t?a={from_ms}&b={to_ms}&c={from_s}&d={to_s}&n={limit}",
                 {.key = "EWR/UA", .window = window, .limit = 5}),
            "https://x/EWR%2FUA/t?a=1500&b=3001&c=1&d=4&n=5");
  EXPECT_EQ(fill("{from}|{to}", {.window = window}),
            "1970-01-01T00%3A00%3A01.500Z|1970-01-01T00%3A00%3A03.000000001Z");
  EXPECT_EQ(fill("?i={next_id}&c={cursor}", {.next_id = 7, .cursor = "a b="}), "?i=7&c=a%20b%3D");
}

TEST(UrlTemplateTest, TimesBefore1970RoundOutwardsToo) {
  const Window window{event_time_ns(-1'500'000'000), event_time_ns(-500'000'000)};
  EXPECT_EQ(fill("{from_s} {to_s}", {.window = window}), "-2 0");
}

// Many APIs answer 400 to an empty cursor.
TEST(UrlTemplateTest, WithoutACursorItsParameterIsLeftOut) {
  EXPECT_EQ(fill("https://x/t?cursor={cursor}"), "https://x/t");
  EXPECT_EQ(fill("https://x/t?cursor={cursor}&n=1"), "https://x/t?n=1");
  EXPECT_EQ(fill("https://x/t?n=1&cursor={cursor}"), "https://x/t?n=1");
  EXPECT_EQ(fill("https://x/t?n=1&cursor={cursor}&m=2"), "https://x/t?n=1&m=2");
  EXPECT_EQ(fill("https://x/t?cursor=v1.{cursor}"), "https://x/t?cursor=v1.");
  EXPECT_EQ(fill("https://x/{cursor}/t"), "https://x//t");
}

TEST(UrlTemplateTest, ItKnowsWhatItHas) {
  const UrlTemplate url("https://x/t?from={from_ms}&k={key}");
  EXPECT_TRUE(url.has("key"));
  EXPECT_FALSE(url.has("from"));
  EXPECT_TRUE(url.has_from());
  EXPECT_FALSE(url.has_to());
}

}  // namespace
}  // namespace hindcast
