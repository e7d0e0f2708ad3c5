#include "cli/listen.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace hindcast {
namespace {

TEST(ListenTest, AnAddressIsHostAndPort) {
  EXPECT_EQ(parse_listen("127.0.0.1:0"), std::pair(std::string("127.0.0.1"), uint16_t{0}));
  EXPECT_EQ(parse_listen("::1:7171"), std::pair(std::string("::1"), uint16_t{7171}));
  for (const char* bad : {"", "7171", ":7171", "host:", "host:x", "host:70000", "host:1 "})
    EXPECT_FALSE(parse_listen(bad)) << bad;
}

TEST(ListenTest, WaitingEndsWhenTheOtherDescriptorIsReady) {
  const int ready = ::eventfd(1, EFD_CLOEXEC), never = ::eventfd(0, EFD_CLOEXEC);
  wait_for_stop(never, ready);
  wait_for_stop(ready);
  ::close(ready);
  ::close(never);
}

}  // namespace
}  // namespace hindcast
