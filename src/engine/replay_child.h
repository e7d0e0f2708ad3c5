// What a replay process runs: it reads, decompresses, parses and merges history as the daemon that
// started it tells it over a channel (engine/piece_server.h), and ends with it.
#pragma once
#include <map>
#include <memory>

#include "base/files.h"
#include "base/runtime.h"
#include "engine/catalog.h"
#include "history/history.h"
#include "replay/piece_codec.h"
#include "replay/piece_work.h"

namespace hindcast {

/// The hidden command that makes of this program a replay process.
inline constexpr const char* kReplayChildCommand = "replay-process";
/// Where such a process finds its channel.
inline constexpr int kReplayChildChannel = 3;

/// Serves until the channel ends; returns an exit code. It runs on what others leave of the CPU,
/// and may have as much memory as [replay] memory grants the daemon: what is more kills it.
int replay_child(int channel);

/// What a child has to know first.
wire::Hello hello_of(const Config& config, const Catalog& catalog);

// What daemon and child both derive from configuration and catalog.
std::map<StreamId, ReplayStream> replay_streams(const Catalog& catalog);
using Histories = std::map<SourceId, std::unique_ptr<History>>;
/// Of the sources that have one. `files` and `runtime` outlive them.
Result<Histories> open_histories(const Config& config, const Catalog& catalog, FileSystem& files,
                                 const Runtime& runtime);

}  // namespace hindcast
