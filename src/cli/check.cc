#include "cli/check.h"

#include <algorithm>
#include <ostream>

#include "base/text.h"
#include "base/thread_runtime.h"
#include "cli/load_config.h"
#include "cli/sample_file.h"
#include "cli/table.h"
#include "format/decoder.h"
#include "net/path_template.h"
#include "server/render.h"

namespace hindcast {
namespace {

constexpr size_t kShown = 5;
constexpr size_t kPiece = 64 << 10;
constexpr ByteCount kSampleMax =
    16_MiB;  // a sample without five events in so much shows those it has

struct Sample {
  EventBatch events;
  std::vector<DeadLetter> dead;
  Decoder::Counts counts;
};

std::string count_of(size_t n, std::string_view what) {
  return std::to_string(n) + " " + std::string(what) + (n == 1 ? "" : "s");
}

/// The source a sample belongs to.
Result<const SourceConfig*> source_of(const Config& config, const CheckOptions& options) {
  std::vector<std::string_view> names;
  for (const auto& source : config.sources) names.push_back(source.name);
  if (!options.source.empty()) {
    const SourceConfig* source = config.source(options.source);
    if (source == nullptr)
      return invalid_argument("no source '" + options.source + "'" +
                              did_you_mean(options.source, names));
    return source;
  }
  if (config.sources.size() == 1) return &config.sources[0];
  for (const auto& source : config.sources) {
    if (!source.path.empty() && match_end(source.path, options.sample)) return &source;
  }
  return invalid_argument("there are several sources: say --source with one of their names");
}

Result<Sample> read_sample(const std::string& path, const SourceConfig& source,
                           const StreamSchema& schema) {
  HC_TRY_ASSIGN(const SampleFile file, read_sample_file(path, kSampleMax));
  const MatchedFile matched{
      path, source.path.empty() ? PathParts{} : match_end(source.path, path).value_or(PathParts{})};
  const ThreadRuntime clock({"check"}, 1);
  const auto decoder = make_decoder(schema, source);
  decoder->begin({display_name(path, path), object_name(matched), matched.parts, clock.wall_now()});
  Sample sample;
  sample.events.reset(schema);
  // In pieces, because five events are enough.
  const BytesView bytes = file.bytes;
  for (size_t begin = 0, end = 0; end < bytes.size() && sample.events.size() < kShown;) {
    end = std::min(end + kPiece, bytes.size());
    const bool last = file.whole && end == bytes.size();
    begin += decoder->decode(bytes.substr(begin, end - begin), last, sample.events, sample.dead,
                             sample.counts);
  }
  return sample;
}

int show_sample(const Config& config, const CheckOptions& options, const Output& output) {
  const auto source = source_of(config, options);
  if (!source) return report(source.error(), output);
  const StreamSchema& schema = config.stream((*source)->stream)->schema;
  const auto sample = read_sample(options.sample, **source, schema);
  if (!sample) {
    output.err << "hindcast: " << options.sample << ": " << sample.error().message << '\n';
    return kExitNo;
  }
  output.out << "\n" << options.sample << " as source '" << (*source)->name << "':\n";
  Bytes document = "{\"events\":[";
  for (size_t row = 0; row < std::min(kShown, sample->events.size()); ++row) {
    if (row > 0) document += ',';
    JsonWriter json(document);
    render_event(json, schema, sample->events, row);
  }
  document += "]}";
  print_events(document, Format::kTable, "", output);
  for (size_t i = 0; i < std::min(kShown, sample->dead.size()); ++i) {
    const DeadLetter& letter = sample->dead[i];
    output.out << "refused: " << letter.place << ": " << letter.reason << ": " << letter.detail
               << '\n';
  }
  if (sample->dead.size() > kShown)
    output.out << "… " << sample->dead.size() - kShown << " more were refused\n";
  if (sample->counts.ignored > 0)
    output.out << count_of(sample->counts.ignored, "message") << " ignored: no match\n";
  return sample->events.empty() ? kExitNo : kExitOk;
}

}  // namespace

int check_command(const CheckOptions& options, const Output& output) {
  const std::optional<Config> config = load_config(options.config);
  if (!config) return kExitNo;
  output.out << options.config << " is right: " << count_of(config->sources.size(), "source")
             << ", " << count_of(config->aggregates.size(), "aggregate") << "\n";
  for (const auto& aggregate : config->aggregates) {
    output.out << "  " << aggregate.name << " over " << aggregate.stream << " at";
    for (const Duration resolution : aggregate.resolutions())
      output.out << " " << to_string(resolution);
    output.out << "\n";
  }
  for (const auto& source : config->sources) {
    if (!source.history) continue;
    output.out << "  the history of " << source.name << " keeps "
               << (source.history->keep
                       ? "what is younger than " + human_duration(*source.history->keep)
                       : "everything")
               << "\n";
  }
  const ReplayRoute route = config->replay.route;
  output.out << "  replay route " << to_string(route) << ": " << couples(route) << "\n";
  return options.sample.empty() ? kExitOk : show_sample(*config, options, output);
}

}  // namespace hindcast
