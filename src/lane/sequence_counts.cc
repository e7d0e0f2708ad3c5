#include "lane/sequence_counts.h"

#include <algorithm>

namespace hindcast {

SequenceCounts::SequenceCounts(const LaneSequence& options, PartitionId partition,
                               const std::map<Bytes, SequenceState, std::less<>>& stored)
    : options_(options), partition_(partition), judge_(options.delay) {
  // Counts that are no longer configured stay in the store and cost nothing.
  if (!options.sources.empty()) judge_.restore(stored);
}

void SequenceCounts::seen(SourceId source, const EventBatch& batch) {
  const auto counting =
      std::ranges::find(options_.sources, source, &std::pair<SourceId, LaneSequence::Place>::first);
  if (counting == options_.sources.end()) return;
  const bool in_order = counting->second == LaneSequence::Place::kOrder;
  for (size_t row = 0; row < batch.size(); ++row) {
    judge_.seen(options_.by_key ? batch.keys[batch.key[row]] : BytesView(),
                in_order ? batch.order_at(row) : batch.id[0][row], event_time_ns(batch.time[row]));
  }
}

void SequenceCounts::applied(Position record) {
  if (judge_.changed() == changed_counts_) return;
  changed_.emplace_back(record, judge_.changed() - changed_counts_);
  changed_counts_ = judge_.changed();
}

std::vector<SequenceHole> SequenceCounts::judge(EventTime watermark) {
  return judge_.judge(watermark);
}

std::vector<SequencePut> SequenceCounts::take(Position safe) {
  size_t n = 0;
  for (; !changed_.empty() && changed_.front().first <= safe; changed_.pop_front())
    n += changed_.front().second;
  changed_counts_ -= n;
  std::vector<SequencePut> puts;
  for (auto& [key, state] : judge_.take_changed(n))
    puts.push_back({partition_, std::move(key), std::move(state)});
  for (auto& [key, state] : judge_.take_judged())
    puts.push_back({partition_, std::move(key), std::move(state)});
  return puts;
}

void SequenceCounts::refused(const std::vector<SequencePut>& puts) {
  for (const SequencePut& put : puts) judge_.not_stored(put.key);
}

}  // namespace hindcast
