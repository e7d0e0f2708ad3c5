#include "history/link_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hindcast {
namespace {

std::optional<std::string> next(const char* header,
                                const char* url = "https://x.com:8443/v1/trades?page=1") {
  return next_link({{"content-type", "a"}, {"link", header}}, url).value();
}

TEST(LinkHeaderTest, TheLinkThatSaysNextIsTheNextPage) {
  EXPECT_EQ(next("<https://x.com:8443/v1/trades?page=2>; rel=\"next\""),
            "https://x.com:8443/v1/trades?page=2");
  EXPECT_EQ(next("</a?b=1,2>; rel=\"last\", </c>; title=\"x\"; REL=Next"), "https://x.com:8443/c");
  EXPECT_EQ(next("</c>; rel=\"prev next\""), "https://x.com:8443/c");
}

TEST(LinkHeaderTest, ThereMayBeNone) {
  EXPECT_EQ(next("</a>; rel=\"last\""), std::nullopt);
  EXPECT_EQ(next("</a>"), std::nullopt);
  EXPECT_EQ(next("</a"), std::nullopt);
  EXPECT_EQ(next(""), std::nullopt);
  EXPECT_EQ(next_link({}, "https://x.com/").value(), std::nullopt);
}

TEST(LinkHeaderTest, RelativeLinksBelongToTheRequest) {
  EXPECT_EQ(next("<?page=2>; rel=next"), "https://x.com:8443/v1/trades?page=2");
  EXPECT_EQ(next("<more>; rel=next"), "https://x.com:8443/v1/more");
  EXPECT_EQ(next("<more>; rel=next", "https://x.com"), "https://x.com/more");
  EXPECT_EQ(next("<//x.com:8443/y>; rel=next"), "https://x.com:8443/y");
}

// The request's headers may hold secrets.
TEST(LinkHeaderTest, AnotherServerIsRefused) {
  for (const char* link : {"<http://x.com:8443/y>; rel=next", "<https://x.com/y>; rel=next",
                           "<https://evil.com/y>; rel=next", "<//evil.com/y>; rel=next",
                           "<https://x.com:8443@evil.com/>; rel=next"}) {
    const auto found = next_link({{"link", link}}, "https://x.com:8443/v1");
    ASSERT_FALSE(found) << link;
    EXPECT_EQ(found.error().code, ErrorCode::kCorruption);
    EXPECT_THAT(found.error().message, testing::StartsWith("foreign-link: "));
  }
  EXPECT_TRUE(next_link({{"link", "<HTTPS://X.com:8443/y>; rel=next"}}, "https://x.com:8443/"));
}

}  // namespace
}  // namespace hindcast
