#include "cli/demo_proof.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

namespace hindcast {
namespace {

constexpr int kLooks = 1200;  // at 100 ms: two minutes
constexpr auto kLookEvery = std::chrono::milliseconds(100);

uint64_t number(const JsonValue& object, std::string_view name) {
  return object[name].unsigned_number().value_or(0);
}

/// What must not depend on what happened; versions, causes and times of publication may.
std::string content_of(const JsonValue& row) {
  std::string out;
  for (const char* name : {"key", "start", "resolution", "events", "digest"}) {
    out += row[name].to_string();
    out += ' ';
  }
  for (const JsonMember& value : row["values"].members)
    out += value.name + "=" + value.value.to_string() + " ";
  return out;
}

}  // namespace

Result<std::string> DemoProof::books(DemoServer& daemon) {
  HC_TRY_ASSIGN(const JsonValue status, daemon.get("/v1/status"));
  HC_TRY_ASSIGN(const JsonValue replays, daemon.get("/v1/replays"));
  uint64_t received = 0, aggregated = 0, duplicate = 0, others = 0, read = 0, added = 0, twice = 0;
  for (const JsonValue& source : status["sources"].items) {
    const JsonValue& tallies = source["tallies"];
    received += number(tallies, "received");
    aggregated += number(tallies, "aggregated");
    duplicate += number(tallies, "duplicate");
    others += number(tallies, "pending") + number(tallies, "superseded") +
              number(tallies, "dead_lettered");
  }
  for (const JsonValue& job : replays["replays"].items) {
    read += number(job["counts"], "read");
    added += number(job["counts"], "added");
    twice += number(job["counts"], "duplicate") + number(job["counts"], "outside");
  }
  std::string said = fmt::format(
      "live {} received = {} aggregated + {} duplicate;  replays {} read = {} added + {} known",
      with_thousands(received), with_thousands(aggregated), with_thousands(duplicate),
      with_thousands(read), with_thousands(added), with_thousands(twice));
  if (received != aggregated + duplicate + others || others != 0 || read != added + twice ||
      aggregated + added != set_.events) {
    return corruption(fmt::format("the books do not balance ({} {}): {}; {} pending or lost",
                                  set_.events, set_.noun, said, others));
  }
  return said;
}

Status DemoProof::run_undisturbed() {
  const std::string folder = folder_.file("undisturbed");
  std::error_code failed;
  std::filesystem::create_directory(folder, failed);
  if (failed) return unavailable("cannot create " + folder);
  for (const DemoSource& source : set_.sources) {
    const std::string name = source.channel + ".ndjson";
    std::filesystem::rename(folder_.file(name), folder + "/" + name, failed);
    if (failed) return unavailable("cannot move " + name);
  }
  std::ofstream(folder + "/hindcast.toml") << recorded_config(set_);
  HC_TRY(run_program({program_, "run", "-c", "hindcast.toml", "--until-drained"}, folder,
                     folder + "/out.log", folder + "/daemon.log"));
  return {};
}

Result<DemoProof::Rows> DemoProof::fetch(const std::string& name,
                                         const std::vector<std::string>& where) {
  Rows files;
  for (const DemoSource& source : set_.sources) {
    for (const std::string& resolution : set_.levels) {
      files.push_back(folder_.file(fmt::format("{}-{}-{}.ndjson", name, source.name, resolution)));
      std::vector<std::string> arguments = {program_,   "query",    source.name, "--resolution",
                                            resolution, "--format", "ndjson"};
      arguments.insert(arguments.end(), where.begin(), where.end());
      HC_TRY(run_program(arguments, {}, files.back(), folder_.file("query.log")));
    }
  }
  return files;
}

Result<uint64_t> DemoProof::compare(const DemoServer& daemon) {
  HC_TRY_ASSIGN(recovered_, fetch("recovered", {"--url", daemon.url()}));
  const std::string other = folder_.file("undisturbed");
  HC_TRY_ASSIGN(const Rows undisturbed, fetch("undisturbed", {"-c", other + "/hindcast.toml",
                                                              "--data-dir", other + "/data"}));
  uint64_t rows = 0;
  for (size_t i = 0; i < recovered_.size(); ++i) {
    std::ifstream ours(recovered_[i]), theirs(undisturbed[i]);
    for (std::string our, their;;) {
      const bool one = static_cast<bool>(std::getline(ours, our));
      const bool two = static_cast<bool>(std::getline(theirs, their));
      if (!one && !two) break;
      if (one != two)
        return corruption(
            fmt::format("{} and {}: one has more rows", recovered_[i], undisturbed[i]));
      rows += 1;
      HC_TRY_ASSIGN(const JsonValue row, parse_json(our));
      HC_TRY_ASSIGN(const JsonValue expected, parse_json(their));
      if (row["state"].text != "final" || !row["complete"].boolean)
        return corruption("not final and complete: " + our);
      if (content_of(row) != content_of(expected))
        return corruption(fmt::format("differs: {}\nundisturbed: {}", our, their));
    }
  }
  if (rows == 0) return corruption("there are no rows");
  return rows;
}

Result<std::string> DemoProof::recompute() {
  std::ofstream(folder_.file("recompute")) << set_.recompute;
  std::vector<std::string> arguments = {"python3", folder_.file("recompute"),
                                        folder_.file("all.ndjson")};
  arguments.insert(arguments.end(), set_.oracles.begin(), set_.oracles.end());
  arguments.insert(arguments.end(), recovered_.begin(), recovered_.end());
  HC_TRY_ASSIGN(const auto lines, run_program(arguments, {}, {}, folder_.file("recompute.log")));
  if (lines.empty()) return corruption("the recomputation says nothing");
  return lines.back();
}

Result<std::string> DemoProof::replay_again(DemoServer& daemon) {
  std::vector<uint64_t> ids;
  for (const DemoSource& source : set_.sources) {
    HC_TRY_ASSIGN(const JsonValue job,
                  daemon.post("/v1/replays",
                              fmt::format(R"({{"source":"{}","from":"{}","to":"{}"}})", source.name,
                                          to_rfc3339(set_.span.start), to_rfc3339(set_.span.end))));
    ids.push_back(number(job, "id"));
  }
  uint64_t read = 0, known = 0, added = 0, pages = 0, rows = 0, bytes = 0;
  for (const uint64_t id : ids) {
    JsonValue job;
    for (int look = 0; job["state"].text != "done"; ++look) {
      if (look > 0) std::this_thread::sleep_for(kLookEvery);
      HC_TRY_ASSIGN(job, daemon.get(fmt::format("/v1/replays/{}", id)));
      if (look == kLooks || job["state"].text == "failed") {
        return unavailable(fmt::format("replay {} of {} is {}: {}", id, job["source"].text,
                                       job["state"].text, job["reason"].text));
      }
    }
    const JsonValue& counts = job["counts"];
    read += number(counts, "read");
    known += number(counts, "duplicate");
    added += number(counts, "added") + number(counts, "superseded");
    pages += number(counts, "pages_changed");
    rows += number(counts, "rows_changed");
    bytes += number(counts, "bytes_written");
  }
  std::string said = fmt::format(
      "{} {} read, {} of them known; {} added, {} pages and {} rows changed, {} bytes written",
      with_thousands(read), set_.noun, with_thousands(known), added, pages, rows, bytes);
  if (read != set_.events || known != set_.events || added + pages + rows + bytes != 0)
    return corruption("the same replay again: " + said);
  return said;
}

}  // namespace hindcast
