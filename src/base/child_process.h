// A program started by this one: its output, its end, and kill -9.
//
// Thread safety: confined to one thread.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace hindcast {

struct ChildProcessOptions {
  std::vector<std::string> arguments;  // [0] is the path of the program
  std::string folder;                  // its working folder; empty = ours
  std::string output;  // file for stdout (truncated); empty = read it with read_line()
  std::string errors;  // file for stderr (appended); empty = ours
  /// A descriptor of ours that the child gets as number 3; -1: none. It gets no others than these.
  int channel = -1;
};

class ChildProcess {
 public:
  /// Errors: kUnavailable, when the program or a file cannot be opened.
  static Result<ChildProcess> start(const ChildProcessOptions& options);
  /// The path of this very program.
  static Result<std::string> own_path();

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  /// kill -9 and wait, if it still runs: no process outlives its handle.
  ~ChildProcess();

  /// The next line of stdout, without its end; nothing when the program closed it. Blocks.
  std::optional<std::string> read_line();
  int pid() const { return pid_; }
  void kill();       // SIGKILL
  void terminate();  // SIGTERM: the program shuts down by itself
  /// How it ended, for people: "exit code 3", "signal 9 (Killed)". Requires: wait() returned.
  std::string how_it_ended() const;
  /// Its exit code, 128 + signal when a signal ended it. Blocks; may be called again.
  int wait();

 private:
  ChildProcess(int pid, int output) : pid_(pid), output_(output) {}
  void release() noexcept;

  int pid_ = -1;     // -1: moved from
  int output_ = -1;  // read end of its stdout; -1: none
  std::string unread_;
  std::optional<int> exit_code_;
};

}  // namespace hindcast
