#include "cli/feed.h"

#include <unistd.h>

#include <charconv>
#include <ostream>
#include <tuple>

#include "base/thread_runtime.h"
#include "cli/listen.h"
#include "cli/sample_file.h"
#include "format/time_parser.h"
#include "net/compression.h"

namespace hindcast {
namespace {

constexpr ByteCount kFileMax{uint64_t{64} << 30};

/// By the name of the first file, where nobody says it.
FormatKind format_of(const FeedCommandOptions& options) {
  const std::string_view name =
      options.files.empty() ? "" : without_compression_suffix(options.files.front());
  if (options.format == "csv" || (options.format.empty() && name.ends_with(".csv")))
    return FormatKind::kCsv;
  return FormatKind::kJson;
}

Result<Duration> duration(const char* option, const std::string& text) {
  auto out = parse_duration(text);
  if (!out) return std::move(out).error().with(option);
  if (*out < Duration(0)) return invalid_argument(std::string(option) + ": must not be negative");
  return out;
}

Result<FeedData> read_files(const FeedCommandOptions& options) {
  HC_TRY_ASSIGN(const FeedMapping mapping, feed_mapping(options));
  std::vector<FeedFile> files;
  for (const std::string& path : options.files) {
    HC_TRY_ASSIGN(SampleFile file, read_sample_file(path, kFileMax));
    files.push_back({path, std::move(file.bytes)});
  }
  return read_feed(std::move(files), mapping);
}

}  // namespace

Result<FeedMapping> feed_mapping(const FeedCommandOptions& options) {
  FeedMapping out;
  out.format = format_of(options);
  if (options.delimiter.size() != 1) return invalid_argument("--delimiter must be one character");
  out.delimiter = options.delimiter[0];
  out.key = options.key;
  out.time.field.text = options.time;
  if (!parse_time_unit(options.time_unit, out.time))
    return invalid_argument("--time-unit '" + options.time_unit +
                            "' is not known: " + std::string(kTimeUnitHint));
  out.id = options.id;
  out.channel = options.channel_by;
  out.seq_name = options.seq_name;
  return out;
}

Result<FeedOptions> feed_options(const FeedCommandOptions& options) {
  FeedOptions out;
  const auto listen = parse_listen(options.listen);
  if (!listen)
    return invalid_argument("--listen '" + options.listen +
                            "' is no address; write HOST:PORT, like 127.0.0.1:0");
  std::tie(out.host, out.port) = *listen;
  out.pace = {FeedPace::Kind::kSpeed, options.speed};
  if (options.fastest) out.pace = {FeedPace::Kind::kFastest, 0};
  if (!options.rate.empty()) {
    uint64_t events = 0;
    const char* const end = options.rate.data() + options.rate.size();
    const auto [at, error] = std::from_chars(options.rate.data(), end, events);
    const std::string_view unit(at, static_cast<size_t>(end - at));
    if (error != std::errc() || events == 0 || (unit != "/s" && !unit.empty()))
      return invalid_argument("--rate '" + options.rate + "' is no rate; write 500/s (events)");
    out.pace = {FeedPace::Kind::kRate, static_cast<double>(events)};
  }
  out.start_now = options.start_at == "now";
  HC_TRY_ASSIGN(out.heartbeat, duration("--heartbeat", options.heartbeat));
  HC_TRY_ASSIGN(out.max_late, duration("--max-late", options.max_late));
  HC_TRY_ASSIGN(out.end_heartbeats, duration("--end-heartbeats", options.end_heartbeats));
  if (out.heartbeat == Duration(0)) return invalid_argument("--heartbeat: must be longer than 0");
  if (options.limit == 0) return invalid_argument("--limit: must be at least 1");
  out.limit = options.limit;
  return out;
}

int feed_command(const FeedCommandOptions& options, const Output& output) {
  const auto serving = feed_options(options);
  if (!serving) return report(serving.error(), output);
  Result<FeedData> data = read_files(options);
  if (!data) return report(data.error(), output);
  output.err << data->records.size() << " events of " << data->keys.size() << " keys in "
             << data->channels.size() << " channels, " << to_rfc3339(data->records.front().time)
             << " to " << to_rfc3339(data->records.back().time) << '\n';
  if (data->left_out > 0) {
    output.err << "hindcast: " << data->left_out << " records are left out; "
               << data->left_out_example << '\n';
  }
  const int signals = stop_signals();
  const ThreadRuntime runtime({}, 0);
  const auto feed = Feed::start(*std::move(data), *serving, runtime);
  if (!feed) return report(feed.error(), output);
  output.out << "listening on http://" << serving->host << ':' << (*feed)->port() << std::endl;
  wait_for_stop(signals);
  (*feed)->stop();
  ::close(signals);
  return kExitOk;
}

}  // namespace hindcast
