// The HTTP API as a function: request in, response out. It knows no socket and no thread, so that
// the command line uses the same over a stopped data directory, and tests need no port.
//
// Errors are RFC 9457 problem documents whose `type` is stable: urn:hindcast:not-found and so on.
// Thread safety: any thread; handle() may block as Service does.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/service.h"
#include "net/http_server.h"
#include "server/params.h"

namespace hindcast {

struct ApiRequest {
  std::string method = "GET";
  std::string path;          // "/v1/status", still percent-encoded
  QueryPairs query;          // decoded
  std::string content_type;  // without parameters, lower case
  std::string authorization;
  std::string last_event_id;  // of a client that reads events again
  Bytes body;
  bool trusted = false;  // asked in-process: no token needed

  static ApiRequest from(HttpRequest request);
  /// "GET" of "/v1/aggregates/x/buckets?key=…", in-process.
  static ApiRequest get(std::string_view target);
};

struct ApiResponse {
  HttpResponse http;
  /// Large answers come in pieces: `http.body` is the first, then `more` appends the next one to
  /// its argument until it returns false (that piece still counts). Empty: the body is all.
  std::function<bool(Bytes&)> more;
  /// The answer has no end: when `more` appends nothing, it is asked again a little later.
  bool live = false;
  /// Nothing there yet, and the client would wait this long for it: ask again until then, then send
  /// this.
  Duration wait{};
};

/// The whole body; of a live answer, what there is now. For in-process callers.
Bytes take_body(ApiResponse response);

class Api {
 public:
  using Answer = std::function<void(ApiResponse)>;

  explicit Api(Service& service) : service_(service) {}

  enum class Kind : uint8_t {
    kQuick,   // answers at once
    kBlocks,  // may read the disk: not on an I/O thread
    kLater,   // submit(): answers after an fsync
  };
  Kind kind(const ApiRequest& request) const;
  /// Any request but those of Kind::kLater.
  ApiResponse handle(const ApiRequest& request);
  /// Requests of Kind::kLater. `answer` runs once, on an engine thread or on the caller's.
  void submit(ApiRequest request, Answer answer);

 private:
  struct Call;
  struct Route;
  struct Match;
  static const std::vector<Route>& routes();
  static Match match(const ApiRequest& request);
  std::optional<ApiResponse> refuse(const ApiRequest& request, const Match& match) const;
  std::optional<ApiResponse> refuse_token(const ApiRequest& request) const;

  using Handled = Result<ApiResponse>;
  Handled status_page(const Call& call);
  Handled openapi(const Call& call);
  Handled healthz(const Call& call);
  Handled readyz(const Call& call);
  Handled metrics(const Call& call);
  Handled status(const Call& call);
  Handled aggregates(const Call& call);
  Handled keys(const Call& call);
  Handled buckets(const Call& call);
  Handled events(const Call& call);
  Handled changes(const Call& call);
  Handled changes_stream(const Call& call);
  Handled gaps(const Call& call);
  Handled gap(const Call& call);
  Handled open_gap(const Call& call);
  Handled change_gap(const Call& call);
  Handled gap_response(GapId id);
  Handled coverage(const Call& call);
  Handled replay_response(const Result<ReplayEntry>& entry);
  Handled replays(const Call& call);
  Handled replay(const Call& call);
  Handled start_replay(const Call& call);
  Handled change_replay(const Call& call);
  Handled cancel_replay(const Call& call);
  Handled replay_report(const Call& call);
  Handled limits(const Call& call);
  Handled change_limits(const Call& call);
  Handled dead_letters(const Call& call);
  Handled verify(const Call& call);
  void push(ApiRequest request, const std::string& source, const Answer& answer);
  void heartbeat(const ApiRequest& request, const std::string& source, const Answer& answer);

  Service& service_;
};

/// The problem document of an error.
ApiResponse problem_of(const Error& error);

}  // namespace hindcast
