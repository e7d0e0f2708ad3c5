#include "cli/gaps.h"

#include <algorithm>
#include <array>
#include <ostream>
#include <set>

#include "cli/coverage_view.h"
#include "cli/json_list.h"
#include "cli/strip.h"
#include "cli/table.h"
#include "net/http_server.h"
#include "net/json_reader.h"
#include "net/json_writer.h"

namespace hindcast {
namespace {

/// How long its holes are together; of one that is still going on, nobody knows.
std::string missing(const JsonValue& gap) {
  std::vector<Window> holes;
  for (const JsonValue& hole : gap["holes"].items) {
    if (hole["end"].is_null()) return "?";
    add_window(holes, range_of(hole));
  }
  Duration sum{};
  for (const Window& hole : holes) sum += hole.end - hole.start;
  return holes.empty() ? "-" : human_duration(sum);
}

std::string scope(const JsonValue& gap) {
  constexpr size_t kNamed = 2;
  const std::string& kind = gap["scope"].text;
  if (kind == "all") return "all keys";
  if (kind == "partition") return "partition " + gap["partition"].to_string();
  const auto& keys = gap["keys"].items;
  if (keys.size() > kNamed) return std::to_string(keys.size()) + " keys";
  std::string out;
  for (const JsonValue& key : keys) out += (out.empty() ? "" : ", ") + key_text(key);
  return out;
}

/// Until when history can refill it, or what it has forgotten of it; "" where it forgets nothing.
std::string refillable(const JsonValue& gap) {
  if (gap["lost_at"].is_null()) return "";
  const Window readable{parse_rfc3339(gap["replayable_from"].text).value_or(kMinEventTime),
                        kMaxEventTime};
  std::vector<Window> lost;
  bool all = true;
  for (const JsonValue& hole : gap["holes"].items) {
    if (hole["state"].text != "open") continue;
    const Window range = range_of(hole);
    all = all && !range.intersects(readable);
    if (range.start < readable.start)
      add_window(lost, {range.start, std::min(range.end, readable.start)});
  }
  if (lost.empty()) return "refillable until " + short_time(gap["lost_at"].text).substr(0, 19);
  Duration sum{};
  for (const Window& window : lost) sum += window.end - window.start;
  return all ? "beyond what history keeps"
             : "its first " + human_duration(sum) + " are beyond what history keeps";
}

/// Why it was opened, what was said of it since, and what can be done about it yet.
std::string detail(const JsonValue& gap) {
  std::string out = gap["detail"].text;
  for (const JsonValue& outcome : gap["outcomes"].items) {
    const std::string& said = outcome["detail"].text;
    if (!said.empty()) out += (out.empty() ? "" : "; ") + outcome["kind"].text + ": " + said;
  }
  const std::string until = refillable(gap);
  return out + (out.empty() || until.empty() ? "" : "; ") + until;
}

class GapTable {
 public:
  GapTable() {
    table_.column("id");
    for (const char* name : {"stream", "state", "from", "to"})
      table_.column(name, Table::Align::kLeft);
    table_.column("missing");
    for (const char* name : {"of", "cause", "detail"}) table_.column(name, Table::Align::kLeft);
  }
  void add(const JsonValue& gap) {
    const auto text = [&](const char* name) { return gap[name].to_string(); };
    table_.row({text("id"), text("stream"), text("state"), short_time(text("start")),
                gap["end"].is_null() ? "not known yet" : short_time(text("end")), missing(gap),
                scope(gap), text("cause"), detail(gap)});
  }
  size_t rows() const { return table_.rows(); }
  void print(std::ostream& out) const { table_.print(out); }

 private:
  Table table_;
};

/// The gap that a change was answered with.
int print_gap(const Asked& asked, bool json, const Output& output) {
  if (asked.exit != kExitOk) return asked.exit;
  if (json) {
    output.out << asked.body;
    return kExitOk;
  }
  const auto gap = parse_json(asked.body);
  if (!gap) return report(gap.error(), output);
  GapTable table;
  table.add(*gap);
  table.print(output.out);
  return kExitOk;
}

// ── coverage ────────────────────────────────────────────────────────────────────────────────────

/// "trades (a, b)" where its sources have names of their own.
std::string title_of(const JsonValue& stream) {
  const std::string& name = stream["stream"].text;
  const auto& sources = stream["sources"].items;
  if (sources.size() == 1 && sources[0].text == name) return name;
  std::string out;
  for (const JsonValue& source : sources) out += (out.empty() ? "" : ", ") + source.text;
  return name + " (" + out + ")";
}

void print_stream(const JsonValue& stream, const Terminal& terminal,
                  std::set<CoverageSpan::State>& seen, std::ostream& out) {
  const std::vector<CoverageSpan> spans = spans_of(stream);
  for (const CoverageSpan& span : spans) seen.insert(span.state);
  out << title_of(stream);
  const auto borders = [&] {
    for (const char* name : {"frontier", "watermark"}) {
      if (!stream[name].is_null()) out << "   " << name << " " << short_time(stream[name].text);
    }
    out << '\n';
  };
  if (spans.empty()) {
    out << "   nothing sealed here yet";
    return borders();
  }
  const Window range{spans.front().range.start, spans.back().range.end};
  const size_t columns = std::max<size_t>(terminal.columns, 24) - 4;
  out << "   " << share_covered(spans, range) << " of " << human_duration(range.end - range.start)
      << " covered";
  borders();
  out << "  " << strip(spans, range, columns, terminal.colour) << '\n';
  out << "  " << strip_axis(range, columns) << '\n';
}

/// What is not filled, with the number of those that are.
int print_unfilled(const Bytes& document, const Window& asked_for, const Output& output) {
  const auto list = split_list(document, "gaps");
  if (!list) return report(list.error(), output);
  GapTable table;
  size_t filled = 0;
  for (const BytesView element : list->elements) {
    const auto gap = parse_json(element);
    if (!gap) return report(gap.error(), output);
    if (!range_of(*gap).intersects(asked_for)) continue;
    if ((*gap)["state"].text == "filled") {
      filled += 1;
    } else {
      table.add(*gap);
    }
  }
  const std::string rest = filled == 0   ? ""
                           : filled == 1 ? "; one gap was filled"
                                         : "; " + std::to_string(filled) + " gaps were filled";
  if (table.rows() == 0) {
    output.out << "nothing is known to be missing" << rest << '\n';
  } else {
    table.print(output.out);
    if (filled > 0) output.out << "\nand" << rest.substr(1) << "; see hindcast gaps\n";
  }
  if (list->truncated) output.out << "older gaps are not listed; see hindcast gaps --limit\n";
  return kExitOk;
}

}  // namespace

int gaps_command(const GapsOptions& options, Endpoint& endpoint, const Output& output) {
  const Asked asked = ask(endpoint, output,
                          "/v1/gaps" + query_string({{"source", options.source},
                                                     {"open", options.open_only ? "true" : ""},
                                                     {"limit", options.limit}}));
  if (asked.exit != kExitOk) return asked.exit;
  const auto list = split_list(asked.body, "gaps");
  if (!list) return report(list.error(), output);
  if (options.json) {
    output.out << asked.body;
    return said_truncated(*list, options.limit, output);
  }
  GapTable table;
  for (const BytesView element : list->elements) {
    const auto gap = parse_json(element);
    if (!gap) return report(gap.error(), output);
    table.add(*gap);
  }
  if (table.rows() == 0) {
    output.out << (options.open_only ? "no open gaps\n" : "no gaps\n");
  } else {
    table.print(output.out);
  }
  return said_truncated(*list, options.limit, output);
}

int open_gap_command(const OpenGapOptions& options, bool json, Endpoint& endpoint,
                     const Output& output) {
  // Times stay text: the API reads numbers in it as it does in a query.
  Bytes body;
  JsonWriter writer(body);
  writer.begin_object().field("source", options.source);
  writer.field("from", options.from).field("to", options.to);
  if (!options.keys.empty()) {
    writer.key("keys").begin_array();
    for (const std::string& key : options.keys) writer.string(key);
    writer.end_array();
  }
  if (!options.reason.empty()) writer.field("detail", options.reason);
  writer.end_object();
  return print_gap(ask(endpoint, output, "/v1/gaps", "POST", std::move(body)), json, output);
}

int accept_gap_command(const AcceptGapOptions& options, bool json, Endpoint& endpoint,
                       const Output& output) {
  Bytes body;
  JsonWriter(body).begin_object().field("accept", options.reason).end_object();
  return print_gap(
      ask(endpoint, output, "/v1/gaps/" + percent_encode(options.id), "PATCH", std::move(body)),
      json, output);
}

int coverage_command(const CoverageOptions& options, Endpoint& endpoint, const Output& output) {
  const Asked asked = ask(
      endpoint, output,
      "/v1/coverage" +
          query_string({{"source", options.source}, {"from", options.from}, {"to", options.to}}));
  if (asked.exit != kExitOk) return asked.exit;
  if (options.json) {
    output.out << asked.body;
    return kExitOk;
  }
  const Asked gaps = ask(endpoint, output, "/v1/gaps" + query_string({{"source", options.source}}));
  if (gaps.exit != kExitOk) return gaps.exit;
  const auto document = parse_json(asked.body);
  if (!document) return report(document.error(), output);
  std::set<CoverageSpan::State> seen;
  for (const JsonValue& stream : (*document)["streams"].items) {
    print_stream(stream, options.terminal, seen, output.out);
    output.out << '\n';
  }
  if (!seen.empty()) output.out << strip_legend(seen, options.terminal.colour) << "\n\n";
  // The daemon has understood both, else it would not have answered.
  const Window asked_for{parse_request_time(options.from).value_or(kMinEventTime),
                         parse_request_time(options.to).value_or(kMaxEventTime)};
  return print_unfilled(gaps.body, asked_for, output);
}

}  // namespace hindcast
