#include "server/feed.h"

#include "base/assert.h"
#include "net/json_writer.h"
#include "net/websocket_server.h"
#include "server/feed_core_internal.h"
#include "server/feed_history.h"
#include "server/params.h"

namespace hindcast {
namespace {

constexpr Duration kTick = 10ms;
constexpr uint64_t kSentMax = 100'000;  // events of an answer of GET /sent

HttpResponse refusal(const Error& error) {
  return error.code == ErrorCode::kNotFound
             ? problem(404, "urn:hindcast:not-found", "Not found", error.message)
             : problem(400, "urn:hindcast:invalid-argument", "Invalid request", error.message);
}

HttpResponse json_answer(Bytes body) {
  HttpResponse out;
  out.body = std::move(body);
  return out;
}

}  // namespace

/// Routes requests and sockets to the core, all on the server's I/O thread.
class Feed::Impl final : public WebsocketHandler {
 public:
  Impl(FeedData data, FeedOptions options, const Runtime& runtime)
      : data_(std::move(data)),
        options_(std::move(options)),
        runtime_(runtime),
        core_(data_, options_, [this] { wake(); }) {}

  Status listen() {
    HC_TRY_ASSIGN(server_,
                  WebsocketServer::listen({.host = options_.host, .port = options_.port}, *this));
    server_->post([this] { tick(); });
    server_->run();
    return {};
  }
  void stop() {
    server_->stop();
    core_.forget_connections();
  }
  uint16_t port() const { return server_->port(); }

 private:
  void tick() {
    core_.step(runtime_.mono_now());
    server_->after(kTick, [this] { tick(); });
  }
  void wake() {
    if (std::exchange(woken_, true)) return;
    server_->post([this] {
      woken_ = false;
      core_.step(runtime_.mono_now());
    });
  }

  std::optional<HttpResponse> refuse(const HttpRequest& request) override {
    const auto channels = core_.channels_of(request.target);
    if (!channels) return refusal(channels.error());
    if (core_.plan().acting(FeedFault::Kind::kDisconnect, *channels) == nullptr)
      return std::nullopt;
    return problem(503, "urn:hindcast:unavailable", "Disconnected", "as it was asked to");
  }
  void opened(const std::shared_ptr<WebsocketPeer>& peer, const HttpRequest& request) override {
    core_.opened(peer, core_.channels_of(request.target).value(), runtime_.mono_now());
  }
  void received(WebsocketPeer& peer, Bytes message) override { core_.received(peer, message); }
  void closed(WebsocketPeer& peer) override { core_.closed(peer); }

  void request(HttpRequest request, Respond respond) override {
    core_.step(runtime_.mono_now());  // what is asked for is as of now
    const std::string path = request.target.substr(0, request.target.find('?'));
    if (path != "/history") return respond(answer(path, request));
    FeedPage page = feed_history(data_, core_.plan(), request.target,
                                 std::string(request.header("host")), options_.limit);
    if (page.delay == Duration(0)) return respond(std::move(page.response));
    server_->after(page.delay, [respond = std::move(respond), response = std::move(page.response)] {
      respond(response);
    });
  }

  HttpResponse answer(const std::string& path, const HttpRequest& request) {
    const std::string what = request.method + " " + path;
    if (what == "GET /state") return json_answer(core_.render_state());
    if (what == "GET /sent") return sent(request);
    if (what == "GET /faults") return faults();
    if (what == "POST /faults") return add_fault(request);
    if (what == "DELETE /faults") return remove_faults(request);
    if (what == "POST /clock") {
      const Status set = core_.set_clock(request.body, runtime_.mono_now());
      if (!set) return refusal(set.error());
      core_.step(runtime_.mono_now());
      return json_answer(core_.render_state());
    }
    return refusal(not_found(
        "there are GET /history, /state, /sent and /faults, POST /faults and /clock, DELETE "
        "/faults, and WebSockets at /stream"));
  }

  static Result<Params> params_of(const HttpRequest& request,
                                  std::span<const std::string_view> known) {
    const size_t question = request.target.find('?');
    return Params::create(parse_query(question == std::string::npos
                                          ? std::string_view()
                                          : std::string_view(request.target).substr(question + 1)),
                          known);
  }

  HttpResponse sent(const HttpRequest& request) {
    constexpr std::string_view kKnown[] = {"channel", "after", "limit"};
    const auto params = params_of(request, kKnown);
    if (!params) return refusal(params.error());
    std::optional<uint32_t> channel;
    if (const auto name = params->text("channel")) {
      const size_t found = data_.find_channel(*name);
      if (found == SIZE_MAX) return refusal(not_found("there is no channel '" + *name + "'"));
      channel = static_cast<uint32_t>(found);
    }
    const auto after = params->number("after", 0, UINT64_MAX);
    const auto limit = params->number("limit", kSentMax, kSentMax);
    if (!after) return refusal(after.error());
    if (!limit) return refusal(limit.error());
    return json_answer(core_.render_sent(channel, *after, *limit));
  }

  HttpResponse faults() {
    Bytes out;
    JsonWriter json(out);
    json.begin_object().key("faults").begin_array();
    for (const FeedFault& fault : core_.plan().faults()) render_fault(fault, data_, json);
    json.end_array().end_object();
    out.push_back('\n');
    return json_answer(std::move(out));
  }

  HttpResponse add_fault(const HttpRequest& request) {
    auto fault = parse_fault(request.body, data_, core_.plan().time());
    if (!fault) return refusal(fault.error());
    fault->id = core_.plan().add(*fault);
    if (fault->real)
      server_->after(*fault->real, [this, id = fault->id] { core_.plan().remove(id); });
    core_.step(runtime_.mono_now());
    Bytes out;
    JsonWriter json(out);
    render_fault(*fault, data_, json);
    out.push_back('\n');
    return json_answer(std::move(out));
  }

  HttpResponse remove_faults(const HttpRequest& request) {
    constexpr std::string_view kKnown[] = {"id"};
    const auto params = params_of(request, kKnown);
    if (!params) return refusal(params.error());
    const auto id = params->number("id", 0, UINT64_MAX);
    if (!id) return refusal(id.error());
    if (*id == 0) {
      core_.plan().clear();
    } else if (!core_.plan().remove(*id)) {
      return refusal(not_found("there is no fault " + std::to_string(*id)));
    }
    return faults();
  }

  const FeedData data_;
  const FeedOptions options_;
  const Runtime& runtime_;
  FeedCore core_;  // I/O thread
  bool woken_ = false;
  std::unique_ptr<WebsocketServer> server_;
};

Feed::Feed(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Feed::~Feed() { impl_->stop(); }

Result<std::unique_ptr<Feed>> Feed::start(FeedData data, FeedOptions options,
                                          const Runtime& runtime) {
  HC_ASSERT(!data.records.empty());
  auto impl = std::make_unique<Impl>(std::move(data), std::move(options), runtime);
  HC_TRY(impl->listen());
  return std::unique_ptr<Feed>(new Feed(std::move(impl)));
}

uint16_t Feed::port() const { return impl_->port(); }
void Feed::stop() { impl_->stop(); }

}  // namespace hindcast
