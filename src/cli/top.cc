#include "cli/top.h"

#include <ostream>
#include <sstream>
#include <utility>

#include "cli/live_screen.h"
#include "cli/top_view.h"

namespace hindcast {
namespace {

/// What there is to see now, or the exit code after saying to `output` why there is nothing.
int look(Endpoint& endpoint, TopData& data, const Output& output) {
  for (const auto& [path, into] :
       {std::pair("/v1/status", &data.status), std::pair("/v1/coverage", &data.coverage),
        std::pair("/v1/replays", &data.replays)}) {
    const Asked asked = ask(endpoint, output, path);
    if (asked.exit != kExitOk) return asked.exit;
    Result<JsonValue> document = parse_json(asked.body);
    if (!document) return report(document.error(), output);
    *into = *std::move(document);
  }
  return kExitOk;
}

}  // namespace

int top_command(const TopOptions& options, Endpoint& endpoint, const Output& output) {
  TopData data;
  if (const int exit = look(endpoint, data, output); exit != kExitOk) return exit;
  TopView view;
  if (options.once || !options.terminal.live) {
    output.out << view.frame(data, options.where, options.terminal);
    return kExitOk;
  }
  LiveScreen screen;
  std::string frame = view.frame(data, options.where, options.terminal);
  for (Terminal terminal = options.terminal;;) {
    screen.draw(frame, terminal.rows);
    if (!screen.wait(1s)) return kExitOk;
    terminal = terminal_of_stdout();
    std::ostringstream said;
    if (look(endpoint, data, {said, said}) == kExitOk) {
      frame = view.frame(data, options.where, terminal);
    } else {
      frame = said.str() + "trying again; q ends\n";
    }
  }
}

}  // namespace hindcast
