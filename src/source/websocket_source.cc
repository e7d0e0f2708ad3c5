#include "source/websocket_source.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "base/log.h"
#include "format/heartbeat_reader.h"
#include "net/websocket_client.h"
#include "source/backoff.h"
#include "source/silence.h"

namespace hindcast {
namespace {

constexpr Duration kWait = 50ms;  // of one poll with nothing there
constexpr Duration kConnectTimeout = 10s;
constexpr size_t kRawMax = 4096;  // of a dead letter

WebsocketClientOptions client_options(const SourceConfig& config) {
  return {.url = config.url,
          .headers = {config.headers.begin(), config.headers.end()},
          .tls_ca = config.tls_ca,
          .message_max = std::max(config.max_body, config.format.line_max)};
}

class WebsocketSource final : public Source {
 public:
  WebsocketSource(const StreamSchema& schema, const SourceConfig& config,
                  std::unique_ptr<Decoder> decoder, std::optional<HeartbeatReader> heartbeats,
                  std::unique_ptr<WebsocketClient> client, const Runtime& runtime)
      : schema_(schema),
        config_(config),
        decoder_(std::move(decoder)),
        heartbeats_(std::move(heartbeats)),
        runtime_(runtime),
        rng_(hash64(config.name) ^ static_cast<uint64_t>(unix_ns(runtime.wall_now()))),
        backoff_(config.reconnect_min, config.reconnect_max),
        silence_(config.silence_after, config.expected_rate),
        client_(std::move(client)),
        since_(runtime.mono_now()) {}

  ~WebsocketSource() override {
    if (client_ == nullptr || client_->state() != WebsocketClient::State::kOpen) return;
    client_->close();  // says goodbye, and does not wait for the answer
    std::vector<Bytes> ignored;
    client_->receive(ByteCount{0}, Duration(0), ignored);
  }

  void poll(ByteCount max, Done<SourceBatch> done) override {
    SourceBatch batch;
    batch.events.reset(schema_);
    if (client_ == nullptr) {
      const Duration wait = connect_at_ - runtime_.mono_now();
      if (wait > Duration(0)) {
        batch.retry_after = wait;
        return done(std::move(batch));
      }
      connect();
    }
    if (client_ != nullptr) {
      std::vector<Bytes> messages;
      client_->receive(max, kWait, messages);
      follow(!messages.empty(), batch);
      decode(messages, batch);
      judge(messages.size(), batch);
      if (messages.empty()) batch.retry_after = Duration(0);  // it was waited for here
    }
    done(std::move(batch));
  }
  void durable(BytesView) override {}

 private:
  void connect() {
    since_ = runtime_.mono_now();
    auto client = WebsocketClient::connect(client_options(config_));
    if (!client)
      return lose(std::move(client).error().message, nullptr);  // tls_ca went away meanwhile
    client_ = std::move(client).value();
  }

  /// What became of the connection. Messages that came with its end came before it.
  void follow(bool heard, SourceBatch& batch) {
    const MonoTime now = runtime_.mono_now();
    const WebsocketClient::State state = client_->state();
    if (!open_ && (state == WebsocketClient::State::kOpen || heard)) {
      open_ = batch.connected = true;
      since_ = heard_at_ = now;
      frames_ = 0;
      silence_.connected(now);
      failure_.clear();
      log_info("source connected", {{"source", config_.name}, {"url", config_.url}});
      if (state == WebsocketClient::State::kOpen)
        for (const std::string& message : config_.subscribe) client_->send(message);
    }
    if (state == WebsocketClient::State::kClosed) return lose(client_->reason(), &batch);
    if (!open_) {
      if (now - since_ >= kConnectTimeout)
        lose("no answer in " + to_string(kConnectTimeout), &batch);
      return;
    }
    if (client_->frames() != frames_) {
      frames_ = client_->frames();
      heard_at_ = now;
      pinged_at_.reset();
    } else if (!pinged_at_ && now - heard_at_ >= config_.ping) {
      client_->ping();
      pinged_at_ = now;
    } else if (pinged_at_ && now - *pinged_at_ >= config_.ping) {
      lose("silent: a ping was not answered in " + to_string(config_.ping), &batch);
    }
  }

  /// Whether a connection that stands brings enough.
  void judge(size_t messages, SourceBatch& batch) {
    if (open_) {
      if (auto silence = silence_.heard(runtime_.mono_now(), messages, batch.events.time)) {
        batch.silent = true;
        batch.whole_until = silence->whole_until;
        lose(std::move(silence->why), &batch);
      }
    }
    batch.thin = silence_.thin();
  }

  /// The connection, or the attempt, is over.
  void lose(std::string reason, SourceBatch* batch) {  // a copy: the client's goes with it
    const MonoTime now = runtime_.mono_now();
    client_.reset();
    pinged_at_.reset();
    if (open_ && now - since_ >= config_.reconnect_max) backoff_.reset();
    const Duration wait = backoff_.next(rng_);
    connect_at_ = now + wait;
    if (std::exchange(open_, false)) {
      log_warn("source disconnected", {{"source", config_.name}, {"reason", reason}});
      batch->disconnected = std::move(reason);
    } else if (reason != failure_) {  // said once, not with every attempt
      log_warn("source cannot connect", {{"source", config_.name}, {"reason", reason}});
      failure_ = std::move(reason);
    }
  }

  void decode(const std::vector<Bytes>& messages, SourceBatch& batch) {
    const ProcessingTime arrival = runtime_.wall_now();
    for (const Bytes& message : messages) {
      const std::string place = "message " + std::to_string(++messages_);
      const size_t dead = batch.dead.size();
      Decoder::Counts counts;
      // Each is a delivery of its own, so that a broken one does no harm to the next.
      decoder_->begin({place, "message", {}, arrival});
      decoder_->decode(message, true, batch.events, batch.dead, counts);
      for (size_t i = dead; i < batch.dead.size(); ++i) batch.dead[i].place = place;
      if (counts.ignored == 0 || !read_heartbeat(message, place, arrival, batch))
        batch.ignored += counts.ignored;
    }
  }

  /// False: it is none.
  bool read_heartbeat(const Bytes& message, const std::string& place, ProcessingTime arrival,
                      SourceBatch& batch) {
    if (!heartbeats_) return false;
    EventTime time{};
    switch (heartbeats_->read(message, time)) {
      case HeartbeatReader::Found::kOther:
        return false;
      case HeartbeatReader::Found::kHeartbeat:
        batch.heartbeat = std::max(time, batch.heartbeat.value_or(time));
        return true;
      case HeartbeatReader::Found::kBadTime:
        batch.dead.push_back({"bad-time",
                              "field '" + config_.heartbeat_time->field.text +
                                  "' (heartbeat): is missing, or not " + heartbeats_->expected(),
                              place, message.substr(0, kRawMax), arrival});
        return true;
    }
    return false;
  }

  const StreamSchema schema_;
  const SourceConfig config_;
  std::unique_ptr<Decoder> decoder_;
  std::optional<HeartbeatReader> heartbeats_;
  const Runtime& runtime_;
  Rng rng_;  // its own: the runtime's belongs to other threads
  Backoff backoff_;
  SilenceWatch silence_;

  std::unique_ptr<WebsocketClient> client_;  // null while waiting
  bool open_ = false;                        // it was, and `connected` was said
  MonoTime since_;                           // of the attempt, then of the connection
  MonoTime connect_at_{};                    // while waiting
  MonoTime heard_at_{};
  std::optional<MonoTime> pinged_at_;  // a ping without an answer
  uint64_t frames_ = 0, messages_ = 0;
  std::string failure_;  // of the last attempt
};

}  // namespace

Result<std::unique_ptr<Source>> make_websocket_source(const StreamSchema& schema,
                                                      const SourceConfig& config,
                                                      std::unique_ptr<Decoder> decoder,
                                                      const Runtime& runtime) {
  HC_ASSERT(decoder != nullptr);
  std::optional<HeartbeatReader> heartbeats;
  if (config.heartbeat_time) {
    HC_TRY_ASSIGN(heartbeats,
                  HeartbeatReader::create(config.heartbeat_match, *config.heartbeat_time));
  }
  HC_TRY_ASSIGN(auto client, WebsocketClient::connect(client_options(config)));
  return std::unique_ptr<Source>(std::make_unique<WebsocketSource>(
      schema, config, std::move(decoder), std::move(heartbeats), std::move(client), runtime));
}

}  // namespace hindcast
