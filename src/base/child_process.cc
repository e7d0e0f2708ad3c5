#include "base/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

extern char** environ;

namespace hindcast {
namespace {

constexpr int kChannel = 3;

Error system_error(const std::string& what, int code) {
  return unavailable(what + ": " + std::generic_category().message(code));
}

// Frees itself; the calls that fill it return an error number, the first of which is kept.
class FileActions {
 public:
  FileActions() { note(posix_spawn_file_actions_init(&actions_)); }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;

  void open(int descriptor, const std::string& path, int flags) {
    note(posix_spawn_file_actions_addopen(&actions_, descriptor, path.c_str(), flags, 0644));
  }
  void duplicate(int from, int to) { note(posix_spawn_file_actions_adddup2(&actions_, from, to)); }
  void close_from(int first) { note(posix_spawn_file_actions_addclosefrom_np(&actions_, first)); }
  void change_folder(const std::string& folder) {
    note(posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str()));
  }
  int error() const { return error_; }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  void note(int error) {
    if (error_ == 0) error_ = error;
  }
  posix_spawn_file_actions_t actions_;
  int error_ = 0;
};

}  // namespace

Result<std::string> ChildProcess::own_path() {
  std::array<char, 4096> path;
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  if (size < 0) return system_error("/proc/self/exe", errno);
  return std::string(path.data(), static_cast<size_t>(size));
}

Result<ChildProcess> ChildProcess::start(const ChildProcessOptions& options) {
  std::array<int, 2> pipe = {-1, -1};
  FileActions actions;
  actions.open(STDIN_FILENO, "/dev/null", O_RDONLY);
  if (options.output.empty()) {
    // Close-on-exec, or the child would hold its own read end open, and siblings the write end.
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return system_error("pipe", errno);
    actions.duplicate(pipe[1], STDOUT_FILENO);
  } else {
    actions.open(STDOUT_FILENO, options.output, O_WRONLY | O_CREAT | O_TRUNC);
  }
  if (!options.errors.empty()) {
    actions.open(STDERR_FILENO, options.errors, O_WRONLY | O_CREAT | O_APPEND);
  }
  // Sockets that libraries open without close-on-exec would stay open in the child.
  if (options.channel >= 0) actions.duplicate(options.channel, kChannel);
  actions.close_from(options.channel >= 0 ? kChannel + 1 : kChannel);
  if (!options.folder.empty()) actions.change_folder(options.folder);

  std::vector<char*> arguments;
  for (const std::string& argument : options.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));  // exec takes char*, and only reads
  }
  arguments.push_back(nullptr);

  pid_t pid = -1;
  int error = actions.error();
  if (error == 0) {
    // posix_spawnp: "python3" is looked up in the path, a path with a slash is taken as it is.
    error = ::posix_spawnp(&pid, arguments[0], actions.get(), nullptr, arguments.data(), environ);
  }
  if (pipe[1] >= 0) ::close(pipe[1]);
  if (error != 0) {
    if (pipe[0] >= 0) ::close(pipe[0]);
    return system_error("cannot start " + options.arguments[0], error);
  }
  return ChildProcess(pid, pipe[0]);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::exchange(other.output_, -1)),
      unread_(std::move(other.unread_)),
      exit_code_(other.exit_code_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    release();
    pid_ = std::exchange(other.pid_, -1);
    output_ = std::exchange(other.output_, -1);
    unread_ = std::move(other.unread_);
    exit_code_ = other.exit_code_;
  }
  return *this;
}

ChildProcess::~ChildProcess() { release(); }

void ChildProcess::release() noexcept {
  if (pid_ >= 0 && !exit_code_) {
    kill();
    wait();
  }
  if (output_ >= 0) ::close(output_);
  pid_ = output_ = -1;
}

std::optional<std::string> ChildProcess::read_line() {
  while (true) {
    if (const size_t end = unread_.find('\n'); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    std::array<char, 4096> buffer;
    const ssize_t size = ::read(output_, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return std::nullopt;
    unread_.append(buffer.data(), static_cast<size_t>(size));
  }
}

void ChildProcess::kill() {
  if (!exit_code_) ::kill(pid_, SIGKILL);
}

void ChildProcess::terminate() {
  if (!exit_code_) ::kill(pid_, SIGTERM);
}

std::string ChildProcess::how_it_ended() const {
  const int code = exit_code_.value_or(0);
  if (code <= 128) return "exit code " + std::to_string(code);
  return "signal " + std::to_string(code - 128) + " (" + ::strsignal(code - 128) + ")";
}

int ChildProcess::wait() {
  if (exit_code_) return *exit_code_;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return *exit_code_;
}

}  // namespace hindcast
