// The whole terminal as a picture that is drawn again and again, until somebody has seen enough.
//
// Thread safety: confined to one thread. Made before any other thread starts (cli/listen.h).
#pragma once
#include <termios.h>

#include <optional>
#include <string>

#include "base/time.h"

namespace hindcast {

class LiveScreen {
 public:
  /// Takes the alternate screen; what was there comes back at the end.
  LiveScreen();
  ~LiveScreen();
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;

  /// Lines beyond the screen's height are left out.
  void draw(const std::string& frame, size_t rows);
  /// Until the time is over or a key is pressed. False: the user leaves (q, Ctrl-C, a signal).
  bool wait(Duration time);

 private:
  int signals_;
  std::optional<termios> before_;  // absent: standard input is no terminal
};

}  // namespace hindcast
