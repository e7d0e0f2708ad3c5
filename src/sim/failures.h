// What the checkers found: each one line that begins with the law it breaks.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace hindcast::sim {

class Failures {
 public:
  void add(std::string_view law, const std::string& text) {
    if (lines_.size() < kMax) lines_.push_back(std::string(law) + ": " + text);
  }
  bool empty() const { return lines_.empty(); }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  static constexpr size_t kMax = 20;  // one cause shows in many places
  std::vector<std::string> lines_;
};

}  // namespace hindcast::sim
