#include "cli/live_screen.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "cli/listen.h"

namespace hindcast {

LiveScreen::LiveScreen() : signals_(stop_signals()) {
  termios now{};
  if (::tcgetattr(STDIN_FILENO, &now) == 0) {
    before_ = now;
    // Keys come one by one, and are not shown; Ctrl-C stays a signal.
    now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &now);
  }
  std::fputs("\x1b[?1049h\x1b[?25l", stdout);
}

LiveScreen::~LiveScreen() {
  std::fputs("\x1b[?25h\x1b[?1049l", stdout);
  std::fflush(stdout);
  if (before_) ::tcsetattr(STDIN_FILENO, TCSANOW, &*before_);
  ::close(signals_);
}

void LiveScreen::draw(const std::string& frame, size_t rows) {
  std::string out = "\x1b[H";
  size_t at = 0;
  for (size_t row = 0; row < rows && at < frame.size(); ++row) {
    const size_t end = std::min(frame.find('\n', at), frame.size());
    out += (row > 0 ? "\n" : "") + frame.substr(at, end - at) + "\x1b[K";
    at = end + 1;
  }
  out += "\x1b[J";
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fflush(stdout);
}

bool LiveScreen::wait(Duration time) {
  pollfd waits[] = {{signals_, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  const int ready = ::poll(waits, before_ ? 2 : 1, static_cast<int>(milliseconds));
  if (ready == 0) return true;
  if (ready < 0) return errno == EINTR;  // the window has another size
  if (waits[0].revents != 0) return false;
  char key = 0;
  return ::read(STDIN_FILENO, &key, 1) == 1 && key != 'q' && key != 'Q';
}

}  // namespace hindcast
