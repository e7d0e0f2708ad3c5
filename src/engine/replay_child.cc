#include "engine/replay_child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/log.h"
#include "base/posix_files.h"
#include "base/thread_class.h"
#include "base/thread_runtime.h"
#include "engine/piece_server.h"
#include "engine/replay_class.h"
#include "history/open_history.h"

namespace hindcast {
namespace {

constexpr Duration kLook = 100ms;  // for a call while the helper steps

/// Heap and other private memory: what is more cannot be had, and the process ends.
void bound_memory(ByteCount most) {
  const rlimit limit{most.value, most.value};
  if (::setrlimit(RLIMIT_DATA, &limit) != 0)
    log_warn("a replay process has no bound of its memory", {{"bytes", most}});
}

/// All that a child needs to serve.
struct World {
  Config config;
  Catalog catalog;
  PosixFileSystem files{/*past_cache=*/true};
  ThreadRuntime runtime{std::vector<std::string>{}, /*seed=*/1};  // for its clocks
  std::map<StreamId, ReplayStream> streams;
  Histories histories;
};

Result<std::unique_ptr<World>> world_of(BytesView greeting) {
  HC_TRY_ASSIGN(const wire::Hello hello, wire::decode_hello(greeting));
  ConfigOutcome parsed = parse_config(hello.config, hello.file, hello.folder);
  if (!parsed.config) return invalid_argument(to_string(parsed.problems, hello.file));
  auto world = std::make_unique<World>();
  world->config = *std::move(parsed.config);
  HC_TRY_ASSIGN(world->catalog, Catalog::open(world->config, hello.numbers));
  world->streams = replay_streams(world->catalog);
  HC_TRY_ASSIGN(world->histories,
                open_histories(world->config, world->catalog, world->files, world->runtime));
  return world;
}

/// Receives the greeting and answers it; nothing when there is no world to work in.
std::unique_ptr<World> greet(FrameChannel& channel) {
  constexpr Duration kPatience = 1min;
  const Result<FrameChannel::Frame> frame = channel.receive(64_MiB, kPatience);
  if (!frame || frame->type != static_cast<uint8_t>(wire::Call::kHello)) return nullptr;
  Result<std::unique_ptr<World>> world = world_of(frame->payload);
  wire::Done done;
  if (!world) done.error = world.error();
  if (!channel.send(wire::kDone, wire::encode(done), kPatience)) return nullptr;
  return world ? *std::move(world) : nullptr;
}

}  // namespace

int replay_child(int descriptor) {
  // The channel ends with the daemon; a long step would not notice.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  FrameChannel channel(descriptor);
  const std::unique_ptr<World> world = greet(channel);
  if (!world) return 1;
  bound_memory(world->config.replay.memory);
  PieceServer server({.channel = channel,
                      .stream = [&](StreamId id) -> const ReplayStream* {
                        const auto found = world->streams.find(id);
                        return found == world->streams.end() ? nullptr : &found->second;
                      },
                      .history = [&](SourceId id) -> History* {
                        const auto found = world->histories.find(id);
                        return found == world->histories.end() ? nullptr : found->second.get();
                      }});
  std::atomic<bool> ended{false};  // by whoever steps, under the turn of ReplayClass
  const ReplayClass::Step step = [&](MonoTime now) {
    if (ended || !channel.readable(Duration(0))) return now + kLook;
    if (const Status served = server.serve(); !served) {
      if (served.error().code == ErrorCode::kCorruption)
        log_error("replay process ends", {{"error", served.error().message}});
      channel.shut();
      ended = true;
    }
    return now;
  };
  ReplayClass threads(steady_now);
  // Begun before this thread is idle, or it would be idle, too.
  std::jthread helper([&](const std::stop_token& ending) {
    name_this_thread("replay-floor");
    threads.serve(ending, step);
  });
  name_this_thread("replay");
  enter(ThreadClass::kIdle);
  while (!ended) {
    if (channel.readable(1s)) threads.step(std::stop_token(), step);
  }
  return 0;
}

wire::Hello hello_of(const Config& config, const Catalog& catalog) {
  return {config.text, config.file, config.folder, catalog.numbers()};
}

std::map<StreamId, ReplayStream> replay_streams(const Catalog& catalog) {
  std::map<StreamId, ReplayStream> out;
  for (const auto& [name, stream] : catalog.streams())
    out[stream.id] = {stream.id, stream.schema, catalog.lane_aggregates(name), stream.partitions};
  return out;
}

Result<Histories> open_histories(const Config& config, const Catalog& catalog, FileSystem& files,
                                 const Runtime& runtime) {
  Histories out;
  for (const SourceConfig& source : config.sources) {
    if (!source.history || source.history->kind == HistoryConfig::Kind::kLog) continue;
    HC_TRY_ASSIGN(std::unique_ptr<History> history,
                  make_history(catalog.stream_of(source).schema, source, files, runtime));
    out.emplace(catalog.sources().at(source.name), std::move(history));
  }
  return out;
}

}  // namespace hindcast
