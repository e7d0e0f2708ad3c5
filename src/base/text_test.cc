#include "base/text.h"

#include <gtest/gtest.h>

#include <array>

namespace hindcast {
namespace {

constexpr std::array<std::string_view, 4> kWords = {"delay", "idle_after", "max_ahead", "accept"};

TEST(TextTest, DistanceCountsInsertionsDeletionsSubstitutionsAndSwaps) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("abc", "abc"), 0u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("delya", "delay"), 1u);
}

TEST(TextTest, AMistypedWordIsRecognised) {
  EXPECT_EQ(nearest_word("delya", kWords), "delay");
  EXPECT_EQ(nearest_word("dela", kWords), "delay");
  EXPECT_EQ(nearest_word("IDLE_AFTR", kWords), "idle_after");
}

TEST(TextTest, AWordThatIsNowhereNearGetsNoHint) {
  EXPECT_EQ(did_you_mean("colour", kWords), "");
  EXPECT_EQ(did_you_mean("max_ahed", kWords), " (did you mean 'max_ahead'?)");
}

// An unknown key may be a pasted document: the hint must not cost its square.
TEST(TextTest, AnAbsurdlyLongWordGetsNoHint) {
  EXPECT_EQ(nearest_word(std::string(1 << 20, 'a'), kWords), "");
}

}  // namespace
}  // namespace hindcast
