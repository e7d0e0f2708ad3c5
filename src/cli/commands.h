// Commands that ask a daemon or a stopped data directory. Each is a function of its options and of
// an endpoint, prints to the given streams and returns the exit code; main.cc reads the command
// line.
//
// run: cli/run.h, demo: cli/demo.h, verify: cli/verify.h.
#pragma once
#include <iosfwd>
#include <string>

#include "cli/endpoint.h"
#include "cli/json_list.h"
#include "net/json_reader.h"

namespace hindcast {

/// Exit codes, the same for every command.
enum Exit : int {
  kExitOk = 0,
  kExitNo = 1,           // the answer is no: not found, differences, refused
  kExitUsage = 2,        // the command line, a parameter or the configuration is wrong
  kExitUnreachable = 3,  // no daemon, or it cannot answer now
};

struct Output {
  std::ostream& out;
  std::ostream& err;
};

enum class Format : uint8_t { kTable, kCsv, kNdjson, kJson };

struct QueryOptions {
  std::string aggregate, key, from, to, resolution, as_of, fill, state, limit;
  Format format = Format::kTable;
};
int query_command(const QueryOptions& options, Endpoint& endpoint, const Output& output);

struct EventsOptions {
  std::string source, key, from, to, limit;
  Format format = Format::kTable;
};
int events_command(const EventsOptions& options, Endpoint& endpoint, const Output& output);

int status_command(bool json, Endpoint& endpoint, const Output& output);

struct DeadLettersOptions {
  std::string source, limit;
  bool json = false;
};
int dead_letters_command(const DeadLettersOptions& options, Endpoint& endpoint,
                         const Output& output);

/// An answer of GET …/events, however it was made.
int print_events(const Bytes& document, Format format, const std::string& limit,
                 const Output& output);

/// The answer to a request, or the exit code after saying what is wrong.
struct Asked {
  Bytes body;
  int exit = kExitOk;
};
Asked ask(Endpoint& endpoint, const Output& output, const std::string& target,
          const std::string& method = "GET", Bytes body = {});
/// A list cut short looks like a whole one in every format, so it is said and, unless asked for
/// (`limit`), an error.
int said_truncated(const JsonList& list, const std::string& limit, const Output& output);
/// "EWR/UA".
std::string key_text(const JsonValue& key);

/// Prints what went wrong; the exit code that says so.
int report(const Error& error, const Output& output);
/// Of an answer that is not 200.
int report(const Reply& reply, const Output& output);

}  // namespace hindcast
