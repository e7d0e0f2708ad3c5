// What commands that serve have in common: the address, and ending when they are told to.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace hindcast {

/// "127.0.0.1:0" -> host and port. Absent if it is no address.
std::optional<std::pair<std::string, uint16_t>> parse_listen(const std::string& text);

/// SIGINT and SIGTERM as a file descriptor. Called before any thread starts, so that all threads
/// inherit the mask.
int stop_signals();
/// Returns when a signal asks to stop or, where `other` is given, when it can be read.
void wait_for_stop(int signals, int other = -1);

}  // namespace hindcast
