#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "net/json_reader.h"
#include "net/json_writer.h"
#include "server/feed_core_internal.h"
#include "server/params.h"

namespace hindcast {
namespace {

using Kind = FeedFault::Kind;

// Of one message.
constexpr size_t kEventsMax = 1000;
constexpr size_t kBytesMax = 256 << 10;
// Records that as-fast-as-possible lets out at once.
constexpr size_t kFastStep = 2000;
constexpr size_t kAnswersMax = 64;
// What a client has left to read is waited for so long when it is disconnected.
constexpr Duration kDrain = 10s;

/// Where the clock stands before the first event: in nanoseconds, or in events.
FeedClock make_clock(const FeedPace& pace, const FeedPlan& plan) {
  if (pace.kind == FeedPace::Kind::kRate) return {0, pace.number};
  return {unix_ns(plan.time()), pace.number * 1e9};
}

}  // namespace

FeedCore::FeedCore(const FeedData& data, const FeedOptions& options, std::function<void()> wake)
    : data_(data),
      options_(options),
      wake_(std::move(wake)),
      plan_(data),
      pace_(options.pace),
      clock_(make_clock(pace_, plan_)),
      sent_of_channel_(data.channels.size()) {}

void FeedCore::start(MonoTime now) {
  if (std::exchange(started_, true)) return;
  clock_.pause(false, now);
}

void FeedCore::step(MonoTime now) {
  if (options_.start_now) start(now);
  settle(now);  // a fault of this instant acts before time goes on
  if (!started_) return;
  move(now);
  settle(now);
}

void FeedCore::settle(MonoTime now) {
  cut(now);
  std::vector<WebsocketPeer*> peers;  // connections may leave meanwhile
  for (const auto& [peer, _] : connections_) peers.push_back(peer);
  for (WebsocketPeer* peer : peers) {
    const auto found = connections_.find(peer);
    if (found == connections_.end()) continue;
    Connection& connection = found->second;
    if (connection.ends_at && now >= connection.ends_by) {
      peer->cut();
      continue;
    }
    const bool stalled = plan_.acting(Kind::kStall, connection.channels) != nullptr;
    if (stalled != connection.held) peer->hold(connection.held = stalled);
    pump(connection);
  }
}

void FeedCore::move(MonoTime now) {
  const auto release = [&](size_t records) {
    const size_t count = std::min(records, data_.records.size());
    if (count > 0) plan_.advance(data_.records[count - 1].time);
    if (count == data_.records.size()) plan_.advance(plan_.end());  // those held back as well
  };
  switch (pace_.kind) {
    case FeedPace::Kind::kSpeed:
      plan_.advance(event_time_ns(clock_.at(now)));
      break;
    case FeedPace::Kind::kRate:
      release(static_cast<size_t>(clock_.at(now)));
      break;
    case FeedPace::Kind::kFastest:
      if (clock_.paused()) break;
      if (!connections_.empty()) {
        bool somebody = false, all = true;
        for (const auto& [_, connection] : connections_) {
          if (connection.closing) continue;
          somebody = true;
          all = all && caught_up(connection);
        }
        if (somebody && all) release(plan_.passed() + kFastStep);
      } else if (const FeedFault* away = plan_.acting(Kind::kDisconnect, {})) {
        // Nobody may come before that time, so nobody would make time go on.
        if (away->when.end != kMaxEventTime) plan_.advance(away->when.end);
      }
      break;
  }
  if (!ended_ && plan_.finished()) {
    ended_ = true;
    plan_.advance(plan_.time() + options_.end_heartbeats);
  }
}

void FeedCore::cut(MonoTime now) {
  for (const FeedPlan::Cut& cut : plan_.take_cuts()) {
    std::vector<std::shared_ptr<WebsocketPeer>> lost;
    for (auto& [_, connection] : connections_) {
      if (!cut.fault.concerns(connection.channels)) continue;
      if (cut.fault.abrupt) {
        lost.push_back(connection.peer);
      } else if (!connection.ends_at) {
        connection.ends_at = std::max(cut.at, connection.cursor);
        connection.ends_by = now + kDrain;
      }
    }
    for (const auto& peer : lost) peer->cut();
  }
}

bool FeedCore::wants(const Connection& connection, uint32_t channel) const {
  return connection.channels.empty() ||
         std::binary_search(connection.channels.begin(), connection.channels.end(), channel);
}

bool FeedCore::caught_up(const Connection& connection) const {
  return connection.held || (!connection.sending && connection.cursor == plan_.log().size());
}

void FeedCore::pump(Connection& connection) {
  if (connection.sending || connection.closing) return;
  const bool stalled = connection.held;
  if (!stalled && !connection.answers.empty()) {
    Bytes answer = std::move(connection.answers.front());
    connection.answers.pop_front();
    return send(connection, std::move(answer));
  }
  if (connection.ends_at && (stalled || connection.cursor >= *connection.ends_at)) {
    connection.closing = true;
    return connection.peer->close(1001, "going away");
  }
  if (stalled || send_events(connection) || connection.ends_at) return;
  // All that there was is out: from here on nothing older follows.
  const EventTime promise = plan_.time() - options_.max_late;
  if (!started_ || promise < connection.promised + options_.heartbeat) return;
  connection.promised = promise;
  Bytes message;
  JsonWriter json(message);
  json.begin_object().field("e", "heartbeat").field("time", to_rfc3339(promise));
  json.field("ms", unix_ns(promise) / 1'000'000).end_object();
  send(connection, std::move(message));
}

bool FeedCore::send_events(Connection& connection) {
  const size_t end = std::min(connection.ends_at.value_or(SIZE_MAX), plan_.log().size());
  Bytes message = R"({"e":"event","data":[)";
  for (; connection.cursor < end; ++connection.cursor) {
    const uint32_t record = plan_.log()[connection.cursor];
    if (!wants(connection, data_.records[record].channel)) continue;
    if (connection.in_flight.size() == kEventsMax || message.size() >= kBytesMax) break;
    if (!connection.in_flight.empty()) message += ',';
    data_.append(record, message);
    connection.in_flight.push_back(record);
  }
  if (connection.in_flight.empty()) return false;
  message += "]}";
  send(connection, std::move(message));
  return true;
}

void FeedCore::send(Connection& connection, Bytes message) {
  connection.sending = true;
  WebsocketPeer* const peer = connection.peer.get();
  peer->send(std::move(message), [this, peer] { taken(peer); });
}

void FeedCore::taken(WebsocketPeer* peer) {
  const auto found = connections_.find(peer);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  connection.sending = false;
  ++connection.messages;
  for (const uint32_t record : connection.in_flight) {
    sent_.push_back({record, connection.id, connection.messages});
    ++sent_of_channel_[data_.records[record].channel];
  }
  connection.in_flight.clear();
  pump(connection);
  if (pace_.kind == FeedPace::Kind::kFastest && !ended_) wake_();
}

Result<std::vector<uint32_t>> FeedCore::channels_of(const std::string& target) const {
  const size_t question = std::min(target.find('?'), target.size());
  if (target.substr(0, question) != "/stream")
    return not_found("WebSockets are at /stream, with ?channel=NAME for one channel");
  constexpr std::string_view kKnown[] = {"channel"};
  HC_TRY_ASSIGN(const Params params, Params::create(parse_query(std::string_view(target).substr(
                                                        std::min(question + 1, target.size()))),
                                                    kKnown));
  const auto name = params.text("channel");
  if (!name) return std::vector<uint32_t>();
  const size_t channel = data_.find_channel(*name);
  const std::vector<std::string_view> known(data_.channels.begin(), data_.channels.end());
  if (channel == SIZE_MAX)
    return not_found("there is no channel '" + *name + "'" + did_you_mean(*name, known));
  return std::vector<uint32_t>{static_cast<uint32_t>(channel)};
}

void FeedCore::opened(const std::shared_ptr<WebsocketPeer>& peer, std::vector<uint32_t> channels,
                      MonoTime now) {
  Connection& connection = connections_[peer.get()];
  connection.id = ++last_connection_;
  connection.peer = peer;
  connection.channels = std::move(channels);
  connection.cursor = plan_.log().size();  // what went out before is missed
  // The first heartbeat comes in its time; once the feed has ended, at once.
  if (!ended_) connection.promised = plan_.time() - options_.max_late;
  start(now);
  wake_();
}

void FeedCore::received(WebsocketPeer& peer, BytesView message) {
  const auto found = connections_.find(&peer);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  if (connection.answers.size() >= kAnswersMax) return peer.close(1008, "too many messages");
  Bytes answer;
  JsonWriter json(answer);
  const auto refuse = [&](const std::string& why) {
    json.begin_object().field("e", "error").field("reason", why).end_object();
  };
  const auto document = parse_json(message);
  if (!document) {
    refuse(document.error().message);
  } else if ((*document)["op"].to_string() != "subscribe") {
    refuse(R"(the only message here is {"op":"subscribe","channel":NAME})");
  } else {
    const std::string name = (*document)["channel"].to_string();
    const size_t channel = data_.find_channel(name);
    if (channel == SIZE_MAX) {
      refuse("there is no channel '" + name + "'");
    } else {
      // The first choice replaces "all", or what the target said; others add to it.
      if (!std::exchange(connection.chose, true)) connection.channels.clear();
      if (connection.channels.empty() || !wants(connection, static_cast<uint32_t>(channel)))
        connection.channels.push_back(static_cast<uint32_t>(channel));
      std::sort(connection.channels.begin(), connection.channels.end());
      json.begin_object().field("e", "subscribed").field("channel", name).end_object();
    }
  }
  connection.answers.push_back(std::move(answer));
  pump(connection);
}

Status FeedCore::set_clock(BytesView text, MonoTime now) {
  constexpr std::string_view kKnown[] = {"speed", "pause", "advance_to"};
  HC_TRY_ASSIGN(const JsonValue document, parse_json(text));
  for (const auto& [name, value] : document.members) {
    if (name == "speed") {
      double speed = 0;
      const std::string& number = value.text;
      const auto [end, error] =
          std::from_chars(number.data(), number.data() + number.size(), speed);
      if (value.kind != JsonValue::Kind::kNumber || error != std::errc() || !(speed >= 0))
        return invalid_argument("'speed' must be a number: seconds of feed time a second");
      pace_ = {FeedPace::Kind::kSpeed, speed};
      const bool paused = clock_.paused();
      clock_ = make_clock(pace_, plan_);
      if (!paused) clock_.pause(false, now);
    } else if (name == "pause") {
      if (value.kind != JsonValue::Kind::kBoolean)
        return invalid_argument("'pause' must be true or false");
      started_ = true;
      clock_.pause(value.boolean, now);
    } else if (name == "advance_to") {
      HC_TRY_ASSIGN(const EventTime to, parse_request_time(value.to_string()));
      start(now);
      plan_.advance(to);
      clock_.set(pace_.kind == FeedPace::Kind::kRate ? static_cast<int64_t>(plan_.passed())
                                                     : unix_ns(plan_.time()),
                 now);
    } else {
      return invalid_argument("unknown member '" + name + "'" + did_you_mean(name, kKnown) +
                              "; there are speed, pause and advance_to");
    }
  }
  return {};
}

Bytes FeedCore::render_state() const {
  Bytes out;
  JsonWriter json(out);
  const bool all_sent =
      std::all_of(connections_.begin(), connections_.end(), [this](const auto& entry) {
        return !entry.second.sending && entry.second.cursor == plan_.log().size();
      });
  constexpr std::string_view kPaces[] = {"speed", "rate", "as-fast-as-possible"};
  json.begin_object().field("time", to_rfc3339(plan_.time())).field("started", started_);
  json.field("paused", clock_.paused()).field("pace", kPaces[static_cast<size_t>(pace_.kind)]);
  json.field("pace_number", pace_.number);
  json.field("events", uint64_t{data_.records.size()}).field("passed", uint64_t{plan_.passed()});
  json.field("finished", ended_).field("all_sent", all_sent);
  json.key("channels").begin_array();
  for (size_t c = 0; c < data_.channels.size(); ++c) {
    const auto& records = data_.of_channel[c];
    const auto passed =
        std::lower_bound(records.begin(), records.end(), plan_.passed()) - records.begin();
    const auto connections = std::count_if(
        connections_.begin(), connections_.end(),
        [&](const auto& entry) { return wants(entry.second, static_cast<uint32_t>(c)); });
    json.begin_object().field("channel", data_.channels[c]);
    json.field("events", uint64_t{records.size()}).field("passed", static_cast<uint64_t>(passed));
    json.field("sent", sent_of_channel_[c])
        .field("connections", static_cast<uint64_t>(connections));
    json.end_object();
  }
  json.end_array().key("connections").begin_array();
  for (const auto& [_, connection] : connections_) {
    if (connection.closing) continue;
    json.begin_object().field("id", uint64_t{connection.id});
    json.key("channels").begin_array();
    for (const uint32_t channel : connection.channels) json.string(data_.channels[channel]);
    json.end_array();
    json.field("behind", uint64_t{plan_.log().size() - connection.cursor});
    json.field("messages", uint64_t{connection.messages}).end_object();
  }
  json.end_array().end_object();
  out.push_back('\n');
  return out;
}

Bytes FeedCore::render_sent(std::optional<uint32_t> channel, uint64_t after, uint64_t limit) const {
  Bytes out;
  JsonWriter json(out);
  json.begin_object().key("data").begin_array();
  uint64_t n = after, written = 0;
  for (; n < sent_.size() && written < limit; ++n) {
    const Sent& sent = sent_[n];
    const FeedRecord& record = data_.records[sent.record];
    if (channel && record.channel != *channel) continue;
    ++written;
    json.begin_object().field("n", n + 1).field("key", data_.keys[record.key]);
    json.field("seq", record.seq).field("time", to_rfc3339(record.time));
    json.field("connection", uint64_t{sent.connection});
    json.field("message", uint64_t{sent.message}).end_object();
  }
  json.end_array().key("next");
  n < sent_.size() ? json.number(n) : json.null();
  json.end_object();
  out.push_back('\n');
  return out;
}

}  // namespace hindcast
