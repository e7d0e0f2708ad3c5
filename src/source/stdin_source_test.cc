#include "source/stdin_source.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/virtual_runtime.h"
#include "source/line_decoder_test_util.h"

namespace hindcast {
namespace {

class StdinSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    read_end_ = ends[0];
    write_end_ = ends[1];
    source_ =
        make_stdin_source(line_schema(), std::make_unique<LineDecoder>(), runtime_, read_end_);
  }
  void TearDown() override {
    ::close(read_end_);
    if (write_end_ >= 0) ::close(write_end_);
  }
  void write(BytesView text) {
    ASSERT_EQ(::write(write_end_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  SourceBatch poll() {
    std::optional<SourceBatch> out;
    source_->poll(1_MiB, [&](Result<SourceBatch> batch) { out = std::move(batch).value(); });
    return std::move(out).value();
  }
  VirtualRuntime runtime_{1};
  int read_end_ = -1, write_end_ = -1;
  std::unique_ptr<Source> source_;
};

TEST_F(StdinSourceTest, AnIdlePipeDoesNotBlockAndTheEndEnds) {
  const SourceBatch idle = poll();
  EXPECT_TRUE(idle.connected);
  EXPECT_TRUE(idle.retry_after);
  write("head\na\nhal");
  const SourceBatch some = poll();
  EXPECT_EQ(names(some.events), std::vector<std::string>{"stdin:1:a"});
  EXPECT_FALSE(some.ended);
  write("f");
  ::close(write_end_);
  write_end_ = -1;
  const SourceBatch last = poll();
  EXPECT_EQ(names(last.events), std::vector<std::string>{"stdin:2:half"});
  EXPECT_TRUE(last.ended);
  EXPECT_TRUE(poll().ended);
}

}  // namespace
}  // namespace hindcast
