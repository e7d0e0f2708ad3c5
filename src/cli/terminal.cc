#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace hindcast {

Terminal terminal_of_stdout() {
  Terminal out;
  if (::isatty(STDOUT_FILENO) == 0) return out;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    out.columns = size.ws_col;
    out.rows = size.ws_row;
  }
  out.live = ::isatty(STDERR_FILENO) != 0;
  const char* const refused = std::getenv("NO_COLOR");
  out.colour = refused == nullptr || *refused == '\0';
  return out;
}

}  // namespace hindcast
