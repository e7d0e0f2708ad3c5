#include "engine/open_parts.h"

#include <algorithm>

#include "base/thread_runtime.h"
#include "format/decoder.h"
#include "log/threaded_log.h"
#include "source/file_source.h"
#include "source/stdin_source.h"
#include "source/websocket_source.h"
#include "store/embedded_store.h"

namespace hindcast {

Result<std::unique_ptr<Store>> open_store(const Config& config, FileSystem& files, bool read_only) {
  EmbeddedStoreOptions options;
  options.dir = config.data_dir + "/store";
  options.cache = config.store.cache;
  options.keep_versions = config.store.keep_versions;
  options.read_only = read_only;
  options.bulk_rate =
      config.replay.isolation == IsolationKind::kOff ? ByteCount{} : config.limits.bulk_rate;
  HC_TRY_ASSIGN(std::unique_ptr<Store> store, EmbeddedStore::open(files, std::move(options)));
  return store;
}

Result<std::unique_ptr<Log>> open_log(const Config& config, FileSystem& files,
                                      const Catalog& catalog, const Store& store,
                                      std::function<void()> live_begins) {
  EmbeddedLogOptions options;
  options.folder = config.log.dir;
  options.segment = config.log.segment;
  options.retention = config.log.retention;
  options.age = config.log.age;
  options.now = steady_now;
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store.snapshot());
  Position& live = options.above[static_cast<size_t>(Channel::kLive)];
  Position& replay = options.above[static_cast<size_t>(Channel::kReplay)];
  for (const auto& [name, stream] : catalog.streams()) {
    for (const PartitionId partition : stream.partitions) {
      HC_TRY_ASSIGN(const auto checkpoint, snapshot->checkpoint(partition));
      HC_TRY_ASSIGN(const auto drained, snapshot->drain_checkpoint(partition));
      if (checkpoint) {
        live = std::max(live, checkpoint->applied);
        for (const ReplayRange& range : checkpoint->replay) replay = std::max(replay, range.last);
      }
      if (drained) replay = std::max(replay, drained->applied);
    }
  }
  HC_TRY_ASSIGN(std::unique_ptr<Log> log,
                ThreadedLog::open(files, std::move(options), std::move(live_begins)));
  return log;
}

Result<std::unique_ptr<Source>> open_source(const SourceConfig& config, const StreamSchema& schema,
                                            FileSystem& files, Runtime& runtime, BytesView resume) {
  switch (config.kind) {
    case SourceKind::kFile:
      return make_file_source(schema, config, make_decoder(schema, config), files, runtime, resume);
    case SourceKind::kStdin:
      return make_stdin_source(schema, make_decoder(schema, config), runtime);
    case SourceKind::kWebsocket:
      return make_websocket_source(schema, config, make_decoder(schema, config), runtime);
    default:
      return invalid_argument("a source of kind '" + std::string(kind_name(config.kind)) +
                              "' cannot be read");
  }
}

std::string_view kind_name(SourceKind kind) {
  switch (kind) {
    case SourceKind::kHttp:
      return "http";
    case SourceKind::kFile:
      return "file";
    case SourceKind::kStdin:
      return "stdin";
    case SourceKind::kWebsocket:
      return "websocket";
    case SourceKind::kKafka:
      return "kafka";
    case SourceKind::kRedis:
      return "redis";
  }
  return "unknown";
}

}  // namespace hindcast
