#include "cli/verify.h"

#include <ostream>

#include "cli/table.h"
#include "net/json_reader.h"

namespace hindcast {
namespace {

std::string count(const JsonValue& value) { return with_commas(value.to_string()); }

/// "2 rows, 1 damage"
std::string kinds(const JsonValue& by_kind) {
  std::string out;
  for (const auto& [kind, number] : by_kind.members)
    out += (out.empty() ? "" : ", ") + count(number) + " " + kind;
  return out;
}

void print_differences(const JsonValue& report, const Output& output) {
  const JsonValue& listed = report["differences"];
  if (listed.items.empty()) return;
  Table table;
  for (const char* name : {"kind", "aggregate", "key", "start", "end", "what"})
    table.column(name, Table::Align::kLeft);
  for (const auto& d : listed.items) {
    const auto or_dash = [&](const char* name) {
      return d[name].text.empty() ? "-" : d[name].text;
    };
    table.row({d["kind"].text, or_dash("aggregate"), or_dash("key"), short_time(d["start"].text),
               short_time(d["end"].text), d["what"].text});
  }
  output.out << '\n';
  table.print(output.out);
  const uint64_t total = report["differences_total"].unsigned_number().value_or(0);
  if (total > listed.items.size())
    output.out << "and " << with_commas(std::to_string(total - listed.items.size())) << " more\n";
}

void print_unread(const JsonValue& report, const Output& output) {
  const JsonValue& listed = report["unread"];
  if (listed.items.empty()) return;
  Table table;
  for (const char* name : {"source", "start", "end", "not compared because"})
    table.column(name, Table::Align::kLeft);
  for (const auto& u : listed.items) {
    table.row({u["source"].text, short_time(u["start"].text), short_time(u["end"].text),
               u["reason"].text});
  }
  output.out << '\n';
  table.print(output.out);
}

void print_refill(const JsonValue& report, const Output& output) {
  for (const auto& refill : report["refill"].items) {
    const auto& windows = refill["windows"].items;
    if (windows.empty()) continue;
    const std::string source = refill["source"].text;
    output.out << '\n'
               << windows.size() << (windows.size() == 1 ? " window" : " windows") << " of stream '"
               << refill["stream"].text << "', " << short_time(windows.front()["start"].text)
               << " to " << short_time(windows.back()["end"].text) << ": ";
    if (!refill["replay"].is_null()) {
      output.out << "replay " << refill["replay"].to_string() << " brings them in from '" << source
                 << "'\n";
    } else if (!refill["why_no_replay"].is_null()) {
      output.out << "no replay was started: " << refill["why_no_replay"].text << '\n';
    } else if (source.empty()) {
      output.out << "only a history could bring back what was lost, and its sources have none\n";
    } else {
      output.out << "to be brought in from the history of '" << source << "'"
                 << (report["repair"].is_null() ? " (--repair)" : "") << '\n';
    }
  }
}

}  // namespace

int verify_command(const VerifyOptions& options, Endpoint& endpoint, const Output& output) {
  const auto reply =
      endpoint.ask("POST", "/v1/verify" + query_string({{"from", options.from},
                                                        {"to", options.to},
                                                        {"against", options.against},
                                                        {"source", options.source},
                                                        {"repair", options.repair ? "true" : ""}}));
  if (!reply) return report(reply.error(), output);
  if (reply->status != 200) return report(*reply, output);
  const auto found = parse_json(reply->body);
  if (!found) return report(found.error(), output);
  const bool ok = (*found)["ok"].boolean;
  if (options.json) {
    output.out << reply->body;
    return ok ? kExitOk : kExitNo;
  }
  output.out << count((*found)["pages"]) << " pages, " << count((*found)["events"]) << " events";
  if ((*found)["history"].is_null()) output.out << ", " << count((*found)["rows"]) << " rows";
  if (ok) {
    output.out << ": all equal\n";
    return kExitOk;
  }
  output.out << ": " << count((*found)["differences_total"]) << " differences";
  if (const std::string which = kinds((*found)["by_kind"]); !which.empty())
    output.out << " (" << which << ")";
  output.out << '\n';
  print_differences(*found, output);
  print_unread(*found, output);
  if (const JsonValue& repair = (*found)["repair"]; !repair.is_null()) {
    output.out << "\nrepaired: " << count(repair["pages_remade"]) << " pages made anew, "
               << count(repair["parents_marked"]) << " rollups to be folded again\n";
    if (repair["pages_contended"].unsigned_number().value_or(0) > 0) {
      output.out << count(repair["pages_contended"])
                 << " pages were changed by others meanwhile; verify again\n";
    }
  }
  print_refill(*found, output);
  return kExitNo;
}

}  // namespace hindcast
