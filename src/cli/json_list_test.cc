#include "cli/json_list.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

TEST(JsonListTest, ElementsAreViewsOfTheDocument) {
  const Bytes document =
      R"({"aggregate":"a]}\"","buckets":[{"k":["x","]"],"v":{"a":"}"}}, 17 ,"s,\"",[],null],"truncated":true})";
  const auto list = split_list(document, "buckets").value();
  EXPECT_EQ(list.elements, (std::vector<BytesView>{R"({"k":["x","]"],"v":{"a":"}"}})", "17 ",
                                                   R"("s,\"")", "[]", "null"}));
  EXPECT_TRUE(list.truncated);
}

TEST(JsonListTest, AnEmptyListHasNoElements) {
  const auto list = split_list("{\"events\":[],\"truncated\":false}\n", "events").value();
  EXPECT_TRUE(list.elements.empty());
  EXPECT_FALSE(list.truncated);
}

// A connection that broke in the middle must not look like a short list.
TEST(JsonListTest, EveryTruncationIsFound) {
  const Bytes document = R"({"n":1,"buckets":[{"a":"b"},{"c":2}],"truncated":false})";
  ASSERT_TRUE(split_list(document, "buckets"));
  for (size_t size = 0; size < document.size(); ++size) {
    EXPECT_FALSE(split_list(BytesView(document).substr(0, size), "buckets")) << size;
  }
}

TEST(JsonListTest, ADocumentWithoutTheListIsAnError) {
  EXPECT_FALSE(split_list(R"({"events":[]})", "buckets"));
  EXPECT_FALSE(split_list(R"({"buckets":{}})", "buckets"));
  EXPECT_FALSE(split_list("[]", "buckets"));
}

}  // namespace
}  // namespace hindcast
