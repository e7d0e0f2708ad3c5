#include "source/stdin_source.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace hindcast {
namespace {

constexpr size_t kReadSize = 256 << 10;
constexpr size_t kEventsPerBatch = 8192;
constexpr Duration kLookAgain = 20ms;

class StdinSource final : public Source {
 public:
  StdinSource(const StreamSchema& schema, std::unique_ptr<Decoder> decoder, const Runtime& runtime,
              int fd)
      : schema_(schema), decoder_(std::move(decoder)), runtime_(runtime), fd_(fd) {}

  void poll(ByteCount max, Done<SourceBatch> done) override {
    SourceBatch batch;
    batch.events.reset(schema_);
    batch.connected = !std::exchange(connected_, true);
    const Delivery delivery{"stdin", "stdin", {}, runtime_.wall_now()};
    if (batch.connected) {
      decoder_->begin(delivery);
    } else {
      decoder_->resume(delivery, decoder_->row(), decoder_->header());  // a fresh arrival time
    }
    uint64_t taken = 0;
    while (!ended_ && taken < max.value && batch.events.size() < kEventsPerBatch) {
      const size_t have = buffer_.size();
      buffer_.resize(have + kReadSize);
      const ssize_t got = read_now(buffer_.data() + have);
      buffer_.resize(have + static_cast<size_t>(std::max<ssize_t>(got, 0)));
      if (got == kNothingNow) break;
      if (got == kFailed) return done(unavailable(std::string("stdin: ") + std::strerror(errno)));
      ended_ = got == 0;
      taken += static_cast<uint64_t>(got);
      Decoder::Counts counts;
      buffer_.erase(0, decoder_->decode(buffer_, ended_, batch.events, batch.dead, counts));
      batch.ignored += counts.ignored;
    }
    batch.ended = ended_;
    if (taken == 0 && !ended_) batch.retry_after = kLookAgain;
    done(std::move(batch));
  }
  void durable(BytesView) override {}

 private:
  static constexpr ssize_t kNothingNow = -1, kFailed = -2;

  /// Bytes read, 0 at the end, or one of the constants.
  ssize_t read_now(char* out) const {
    pollfd waiting{fd_, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, 0);
    if (ready < 0) return errno == EINTR ? kNothingNow : kFailed;
    if (ready == 0) return kNothingNow;
    const ssize_t got = ::read(fd_, out, kReadSize);
    if (got >= 0) return got;
    return errno == EINTR || errno == EAGAIN ? kNothingNow : kFailed;
  }

  const StreamSchema schema_;
  std::unique_ptr<Decoder> decoder_;
  const Runtime& runtime_;
  const int fd_;
  Bytes buffer_;
  bool connected_ = false, ended_ = false;
};

}  // namespace

std::unique_ptr<Source> make_stdin_source(const StreamSchema& schema,
                                          std::unique_ptr<Decoder> decoder, const Runtime& runtime,
                                          int fd) {
  HC_ASSERT(decoder != nullptr);
  return std::make_unique<StdinSource>(schema, std::move(decoder), runtime, fd);
}

}  // namespace hindcast
