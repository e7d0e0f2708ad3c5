#include "replay/fair_queue.h"

#include <algorithm>

#include "base/assert.h"

namespace hindcast {
namespace {
constexpr uint64_t kCostMax = uint64_t{1} << 40;
}

FairQueue::FairQueue(uint64_t quantum, size_t pieces_max)
    : quantum_(static_cast<int64_t>(std::min(quantum, kCostMax))), pieces_max_(pieces_max) {
  HC_ASSERT(quantum > 0 && pieces_max > 0);
}

bool FairQueue::push(Turn turn) {
  Line& line = lines_[turn.stream];
  if (line.pieces.size() >= pieces_max_) return false;
  if (line.pieces.empty()) round_.push_back(turn.stream);
  turn.cost = std::min(turn.cost, kCostMax);
  line.pieces.push_back(turn);
  return true;
}

std::optional<Turn> FairQueue::pop() {
  if (round_.empty()) return std::nullopt;
  for (size_t passed = 0;; ++passed) {
    if (passed == round_.size()) {
      skip_fruitless_rounds();
      passed = 0;
    }
    Line& line = lines_.at(round_.front());
    if (!credited_) line.deficit += quantum_;
    credited_ = true;
    if (static_cast<int64_t>(line.pieces.front().cost) <= line.deficit) return serve(line);
    round_.push_back(round_.front());
    leave_front();
  }
}

Turn FairQueue::serve(Line& line) {
  const Turn turn = line.pieces.front();
  line.pieces.pop_front();
  line.deficit -= static_cast<int64_t>(turn.cost);
  if (line.pieces.empty()) {  // who has nothing waiting saves nothing up
    line.deficit = std::min<int64_t>(line.deficit, 0);
    leave_front();
  }
  return turn;
}

void FairQueue::leave_front() {
  round_.pop_front();
  credited_ = false;
}

// Everybody was visited in vain. All the rounds in which that would happen again are one step, so
// the work of a pop() does not depend on the size of pieces.
void FairQueue::skip_fruitless_rounds() {
  int64_t rounds = INT64_MAX;
  for (const StreamId stream : round_) {
    const Line& line = lines_.at(stream);
    const int64_t lacking = static_cast<int64_t>(line.pieces.front().cost) - line.deficit;
    rounds = std::min(rounds, (lacking + quantum_ - 1) / quantum_);
  }
  for (const StreamId stream : round_) lines_.at(stream).deficit += (rounds - 1) * quantum_;
}

void FairQueue::charge(StreamId stream, uint64_t events) {
  Line& line = lines_[stream];
  line.deficit = std::max(line.deficit - static_cast<int64_t>(std::min(events, kCostMax)),
                          -static_cast<int64_t>(kCostMax));
}

void FairQueue::drop(StreamId stream) {
  const auto found = std::find(round_.begin(), round_.end(), stream);
  if (found == round_.end()) return;
  if (found == round_.begin()) credited_ = false;
  round_.erase(found);
  Line& line = lines_.at(stream);
  line.pieces.clear();
  line.deficit = std::min<int64_t>(line.deficit, 0);
}

size_t FairQueue::waiting(StreamId stream) const {
  const auto line = lines_.find(stream);
  return line == lines_.end() ? 0 : line->second.pieces.size();
}

}  // namespace hindcast
