#include "cli/commands.h"

#include <algorithm>
#include <ostream>

#include "cli/table.h"
#include "net/http_server.h"

namespace hindcast {
namespace {

/// Prints a list answer in a format that needs no columns. False: it is a table or CSV.
bool print_raw(Format format, const Bytes& document, const JsonList& list, const Output& output) {
  if (format == Format::kJson) output.out << document;
  if (format == Format::kNdjson) {
    for (const BytesView element : list.elements) output.out << element << '\n';
  }
  return format == Format::kJson || format == Format::kNdjson;
}

int print_table(Format format, const Table& table, std::string_view nothing, const Output& output) {
  if (format == Format::kCsv) {
    table.print_csv(output.out);
  } else if (table.rows() == 0) {
    output.out << nothing << '\n';
  } else {
    table.print(output.out);
  }
  return kExitOk;
}

/// One row per element, read one by one; the first decides the columns.
template <class Columns, class Cells>
Status fill(Table& table, const JsonList& list, Columns columns, Cells cells) {
  for (size_t i = 0; i < list.elements.size(); ++i) {
    HC_TRY_ASSIGN(const JsonValue element, parse_json(list.elements[i]));
    if (i == 0) columns(element);
    table.row(cells(element));
  }
  return {};
}

}  // namespace

std::string key_text(const JsonValue& key) {
  if (key.kind != JsonValue::Kind::kArray) return key.to_string();
  std::string out;
  for (const auto& part : key.items) out += (out.empty() ? "" : "/") + part.to_string();
  return out;
}

Asked ask(Endpoint& endpoint, const Output& output, const std::string& target,
          const std::string& method, Bytes body) {
  auto reply = endpoint.ask(method, target, std::move(body));
  if (!reply) return {{}, report(reply.error(), output)};
  if (reply->status != 200) return {{}, report(*reply, output)};
  return {std::move(reply->body), kExitOk};
}

int said_truncated(const JsonList& list, const std::string& limit, const Output& output) {
  if (!list.truncated) return kExitOk;
  output.err << "hindcast: there are more than these " << list.elements.size()
             << "; narrow --from and --to, or raise --limit\n";
  return limit.empty() ? kExitNo : kExitOk;
}

int report(const Error& error, const Output& output) {
  output.err << "hindcast: " << error.message << '\n';
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      return kExitUsage;
    case ErrorCode::kUnavailable:
    case ErrorCode::kOverloaded:
    case ErrorCode::kUnknownOutcome:
      return kExitUnreachable;
    default:
      return kExitNo;
  }
}

int report(const Reply& reply, const Output& output) {
  const auto problem = parse_json(reply.body);
  std::string text = problem ? (*problem)["detail"].to_string() : "";
  if (text.empty() && problem) text = (*problem)["title"].to_string();
  if (text.empty()) text = "HTTP " + std::to_string(reply.status);
  output.err << "hindcast: " << text << '\n';
  if (reply.status == 400) return kExitUsage;
  return reply.status == 429 || reply.status == 503 ? kExitUnreachable : kExitNo;
}

int query_command(const QueryOptions& options, Endpoint& endpoint, const Output& output) {
  const std::string target = "/v1/aggregates/" + percent_encode(options.aggregate) + "/buckets" +
                             query_string({{"key", options.key},
                                           {"from", options.from},
                                           {"to", options.to},
                                           {"resolution", options.resolution},
                                           {"as_of", options.as_of},
                                           {"fill", options.fill},
                                           {"state", options.state},
                                           {"limit", options.limit}});
  const Asked asked = ask(endpoint, output, target);
  if (asked.exit != kExitOk) return asked.exit;
  const auto list = split_list(asked.body, "buckets");
  if (!list) return report(list.error(), output);
  if (print_raw(options.format, asked.body, *list, output))
    return said_truncated(*list, options.limit, output);

  const bool people = options.format == Format::kTable;
  Table table;
  if (list->elements.empty()) table.column("key", Table::Align::kLeft);
  const auto columns = [&](const JsonValue& first) {
    table.column("key", Table::Align::kLeft);
    table.column("start", Table::Align::kLeft);
    if (!people) table.column("end");
    if (!people) table.column("resolution");
    table.column("state", Table::Align::kLeft);
    if (!people) table.column("complete");
    table.column("version");
    table.column("events");
    if (!people) table.column("digest");
    if (!people) table.column("cause");
    if (!people) table.column("published_at");
    for (const auto& [name, _] : first["values"].members) table.column(name);
  };
  const auto cells = [&](const JsonValue& bucket) {
    std::vector<std::string> row;
    const auto text = [&](const char* name) { return bucket[name].to_string(); };
    row.push_back(key_text(bucket["key"]));
    if (people) {
      row.push_back(short_time(text("start")));
      row.push_back(text("state") + (bucket["complete"].boolean ? "" : " (gap)") +
                    (bucket["filled"].boolean ? " (filled)" : ""));
      row.insert(row.end(), {text("version"), text("events")});
    } else {
      for (const char* name : {"start", "end", "resolution", "state", "complete", "version",
                               "events", "digest", "cause", "published_at"}) {
        row.push_back(text(name));
      }
    }
    for (const auto& [_, value] : bucket["values"].members)
      row.push_back(people && value.is_null() ? "-" : value.to_string());
    return row;
  };
  if (const auto filled = fill(table, *list, columns, cells); !filled)
    return report(filled.error(), output);
  print_table(options.format, table, "no buckets", output);
  return said_truncated(*list, options.limit, output);
}

int events_command(const EventsOptions& options, Endpoint& endpoint, const Output& output) {
  const Asked asked = ask(endpoint, output,
                          "/v1/sources/" + percent_encode(options.source) + "/events" +
                              query_string({{"key", options.key},
                                            {"from", options.from},
                                            {"to", options.to},
                                            {"limit", options.limit}}));
  return asked.exit == kExitOk ? print_events(asked.body, options.format, options.limit, output)
                               : asked.exit;
}

int print_events(const Bytes& document, Format format, const std::string& limit,
                 const Output& output) {
  const auto list = split_list(document, "events");
  if (!list) return report(list.error(), output);
  if (print_raw(format, document, *list, output)) return said_truncated(*list, limit, output);
  const bool people = format == Format::kTable;
  Table table;
  if (list->elements.empty()) table.column("key", Table::Align::kLeft);
  const auto columns = [&](const JsonValue& first) {
    for (const char* name : {"key", "time", "id"}) table.column(name, Table::Align::kLeft);
    for (const auto& [name, _] : first["values"].members) table.column(name);
  };
  const auto cells = [&](const JsonValue& event) {
    const std::string time = event["time"].to_string();
    std::vector<std::string> row = {key_text(event["key"]), people ? short_time(time) : time,
                                    key_text(event["id"])};
    for (const auto& [_, value] : event["values"].members)
      row.push_back(people && value.is_null() ? "-" : value.to_string());
    return row;
  };
  if (const auto filled = fill(table, *list, columns, cells); !filled)
    return report(filled.error(), output);
  print_table(format, table, "no events", output);
  return said_truncated(*list, limit, output);
}

int status_command(bool json, Endpoint& endpoint, const Output& output) {
  const Asked asked = ask(endpoint, output, "/v1/status");
  if (asked.exit != kExitOk) return asked.exit;
  if (json) {
    output.out << asked.body;
    return kExitOk;
  }
  const auto status = parse_json(asked.body);
  if (!status) return report(status.error(), output);
  const auto bytes = [](const JsonValue& value) {
    return human_bytes(value.unsigned_number().value_or(0));
  };
  const JsonValue& live = (*status)["log"]["live"];
  const JsonValue& replay = (*status)["log"]["replay"];
  output.out << (*status)["state"].text;
  if (live["bytes_max"].unsigned_number().value_or(0) >
      0) {  // a stopped directory's log is not open
    output.out << "   live log " << bytes(live["bytes"]) << " of " << bytes(live["bytes_max"])
               << "   replay log " << bytes(replay["bytes"]) << "   memory "
               << bytes((*status)["memory"]["rss_bytes"]);
    const JsonValue& isolation = (*status)["isolation"];
    output.out << "   isolation " << isolation["kind"].text;
    for (const JsonValue& pid : isolation["replay_pids"].items)
      output.out << " pid " << pid.to_string();
  }
  if (const JsonValue& route = (*status)["governor"]["route"]; !route.is_null())
    output.out << "\nreplay route " << route["name"].text << ": " << route["couples"].text;
  output.out << "\n\n";

  constexpr const char* kTallies[] = {"received",   "pending",       "aggregated", "duplicate",
                                      "superseded", "dead_lettered", "behind",     "late"};
  Table table;
  for (const char* name : {"source", "state"}) table.column(name, Table::Align::kLeft);
  for (const char* name : {"watermark", "frontier"}) table.column(name, Table::Align::kLeft);
  const auto& sources = (*status)["sources"].items;
  const bool forgets = std::ranges::any_of(
      sources, [](const JsonValue& source) { return !source["replayable_from"].is_null(); });
  if (forgets) table.column("replayable from", Table::Align::kLeft);
  for (const char* name : kTallies) table.column(name);
  bool balanced = true;
  for (const auto& source : sources) {
    const std::string& reason = source["reason"].text;
    std::vector<std::string> row = {
        source["name"].text, source["state"].text + (reason.empty() ? "" : ": " + reason),
        short_time(source["watermark"].to_string()), short_time(source["frontier"].to_string())};
    if (forgets) row.push_back(short_time(source["replayable_from"].to_string()).substr(0, 19));
    for (const char* name : kTallies)
      row.push_back(with_commas(source["tallies"][name].to_string()));
    table.row(std::move(row));
    balanced = balanced && source["balanced"].boolean;
  }
  print_table(Format::kTable, table, "no sources", output);
  if (!balanced) output.err << "hindcast: the books of a source do not balance\n";
  return balanced ? kExitOk : kExitNo;
}

int dead_letters_command(const DeadLettersOptions& options, Endpoint& endpoint,
                         const Output& output) {
  const Asked asked = ask(
      endpoint, output,
      "/v1/dead-letters" + query_string({{"source", options.source}, {"limit", options.limit}}));
  if (asked.exit != kExitOk) return asked.exit;
  if (options.json) {
    output.out << asked.body;
    return kExitOk;
  }
  const auto list = split_list(asked.body, "dead_letters");
  if (!list) return report(list.error(), output);
  Table table;
  for (const char* name : {"arrived", "source", "reason", "place", "detail"})
    table.column(name, Table::Align::kLeft);
  for (const BytesView element : list->elements) {
    const auto letter = parse_json(element);
    if (!letter) return report(letter.error(), output);
    const auto text = [&](const char* name) { return (*letter)[name].to_string(); };
    // Seconds are enough for people; --json has the rest.
    table.row({short_time(text("arrived")).substr(0, 19), text("source"), text("reason"),
               text("place"), text("detail")});
  }
  return print_table(Format::kTable, table, "no dead letters", output);
}

}  // namespace hindcast
