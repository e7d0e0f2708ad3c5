#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/child_process.h"
#include "bench/paths.h"
#include "bench/workload.h"

namespace hindcast::bench {
namespace {

constexpr size_t kConnections = 8;
constexpr size_t kEventsPerRequest = 1000;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "http: %s\n", what.c_str());
  std::exit(1);
}

/// A keep-alive connection: one request, one answer.
class Connection {
 public:
  explicit Connection(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      fail("cannot connect");
  }
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Status code; `answer` gets head and body.
  int request(const std::string& method, const std::string& target, std::string_view body,
              std::string& answer) {
    const std::string head =
        method + " " + target +
        " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n";
    send(head);
    send(body);
    answer.clear();
    char piece[16384];
    for (size_t need = std::string::npos; answer.size() < need;) {
      const ssize_t got = ::recv(socket_, piece, sizeof piece, 0);
      if (got <= 0) fail("connection lost");
      answer.append(piece, static_cast<size_t>(got));
      const size_t end = answer.find("\r\n\r\n");
      if (end == std::string::npos || need != std::string::npos) continue;
      const size_t length = answer.find("Content-Length: ");
      if (length == std::string::npos || length > end)
        fail("answer without length: " + answer.substr(0, end));
      need = end + 4 + std::stoul(answer.substr(length + 16));
    }
    return std::stoi(answer.substr(9, 3));
  }

 private:
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) fail("connection lost");
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  int socket_;
};

/// User and system time of a process so far.
double cpu_of(int pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(stat)), {});
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string word;
  double ticks = 0;
  for (int field = 3; field <= 15 && fields >> word; ++field) {
    if (field == 14 || field == 15) ticks += std::stod(word);
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double pending(Connection& connection) {
  std::string answer;
  connection.request("GET", "/v1/status", "", answer);
  const size_t at = answer.find("\"pending\":");
  if (at == std::string::npos) fail("status without pending: " + answer);
  return std::stod(answer.substr(at + 10));
}

}  // namespace

Sample http(const std::string& folder, std::string_view lines, const std::string& binary) {
  const std::string config = folder + "/hindcast.toml";
  std::ofstream(config) << config_toml(folder, "http", "", "5s");
  Result<ChildProcess> daemon = ChildProcess::start(
      {.arguments = {binary, "run", "-c", config, "--listen", "127.0.0.1:0"}, .folder = folder});
  if (!daemon) fail(daemon.error().message);
  const std::optional<std::string> line = daemon->read_line();
  if (!line || line->rfind(':') == std::string::npos) fail("the daemon did not start");
  const auto port = static_cast<uint16_t>(std::stoi(line->substr(line->rfind(':') + 1)));
  Connection control(port);
  std::string answer;
  while (control.request("GET", "/readyz", "", answer) != 200)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));

  const std::vector<std::string_view> bodies = cut(lines, kEventsPerRequest);
  const double cpu = cpu_of(daemon->pid()), wall = now_seconds();
  {
    std::atomic<size_t> next{0};  // written by all client threads: which body is next
    std::vector<std::jthread> clients;
    for (size_t c = 0; c < kConnections; ++c) {
      clients.emplace_back([&] {
        Connection connection(port);
        std::string reply;
        for (size_t i = next++; i < bodies.size(); i = next++) {
          while (connection.request("POST", "/v1/sources/trades/events", bodies[i], reply) == 429) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
          }
        }
      });
    }
  }
  control.request("POST", "/v1/sources/trades/heartbeat", R"({"time":"2100-01-01T00:00:00Z"})",
                  answer);
  while (pending(control) > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  Sample sample{.events = static_cast<double>(bodies.size() * kEventsPerRequest),
                .cpu = cpu_of(daemon->pid()) - cpu,
                .wall = now_seconds() - wall};
  daemon->terminate();
  daemon->wait();
  return sample;
}

}  // namespace hindcast::bench
