#include "cli/run.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdio>
#include <thread>
#include <tuple>

#include "base/log.h"
#include "base/posix_files.h"
#include "cli/listen.h"
#include "cli/load_config.h"
#include "engine/engine.h"
#include "server/api_server.h"

namespace hindcast {
namespace {

/// True if a source failed; says so.
bool report_failures(Engine& engine) {
  bool failed = false;
  for (const SourceStatus& source : engine.status().sources) {
    if (!source.state.starts_with("failed")) continue;
    std::fprintf(stderr, "hindcast: source '%s' %s\n", source.name.c_str(), source.state.c_str());
    failed = true;
  }
  return failed;
}

}  // namespace

int run_command(const RunOptions& options) {
  std::optional<Config> config = load_config(options.config);
  if (!config) return 2;
  if (!options.listen.empty()) {
    const auto listen = parse_listen(options.listen);
    if (!listen) {
      std::fprintf(stderr,
                   "hindcast: --listen '%s' is no address; write HOST:PORT, like 127.0.0.1:7171\n",
                   options.listen.c_str());
      return 2;
    }
    std::tie(config->server.host, config->server.port) = *listen;
  }
  const int signals = stop_signals();
  PosixFileSystem files(/*past_cache=*/config->replay.isolation != IsolationKind::kOff);
  Result<std::unique_ptr<Engine>> opened = Engine::open(*config, files);
  if (!opened) {
    std::fprintf(stderr, "hindcast: cannot start: %s\n", opened.error().message.c_str());
    return 2;
  }
  Engine& engine = **opened;
  Result<std::unique_ptr<ApiServer>> server = ApiServer::start(engine, api_server_options(*config));
  if (!server) {
    std::fprintf(stderr, "hindcast: cannot listen on %s:%u: %s\n", config->server.host.c_str(),
                 config->server.port, server.error().message.c_str());
    return 2;
  }
  engine.start();
  std::printf("listening on http://%s:%u\n", config->server.host.c_str(), (*server)->port());
  std::fflush(stdout);

  const int drained = eventfd(0, EFD_CLOEXEC);
  std::jthread waiter;
  if (options.until_drained) {
    waiter = std::jthread([&engine, drained] {
      engine.wait_drained();
      const uint64_t one = 1;
      if (::write(drained, &one, sizeof one) < 0)
        log_error("drained, but the main thread cannot be told");
    });
  }
  wait_for_stop(signals, drained);
  engine.interrupt();
  (*server)->stop();  // what is under way is answered
  const bool failed = options.until_drained && report_failures(engine);
  engine.stop();
  if (waiter.joinable()) waiter.join();
  ::close(drained);
  ::close(signals);
  return failed ? 1 : 0;
}

}  // namespace hindcast
