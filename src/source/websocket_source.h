// An exchange's WebSocket as a source: connects, subscribes, decodes messages, and comes back by
// itself when the connection breaks.
//
//             ┌── failed, no answer ──┐
//   waiting ──► connecting ──► open ──┤  closed by the server, broken, silent
//      ▲                              │
//      └── random wait (backoff.h) ◄──┘
//
// The first batch of every connection says `connected`, its last one `disconnected` with the
// reason. What the server sends meanwhile is lost to this source: it has no resume token. A
// message that cannot be read is a dead letter at "message N", counted from the start of the
// source.
//
// A connection that stands and brings too little (source/silence.h) is given up like a broken one,
// and its last batch says `silent`.
//
// While it is not polled the socket is not read, pings are not answered, and the server feels
// backpressure; a server may then hang up, and its reason says so.
//
// Thread safety: confined to one thread. poll() calls `done` before it returns, at once when there
// is something, else after at most 50 ms.
#pragma once
#include <memory>

#include "base/runtime.h"
#include "format/config.h"
#include "format/decoder.h"
#include "source/source.h"

namespace hindcast {

/// Begins to connect. `runtime` (clocks only) outlives the source. Errors: kInvalidArgument (URL,
/// tls_ca): those that no other attempt would cure.
Result<std::unique_ptr<Source>> make_websocket_source(const StreamSchema& schema,
                                                      const SourceConfig& config,
                                                      std::unique_ptr<Decoder> decoder,
                                                      const Runtime& runtime);

}  // namespace hindcast
