# Faults put into the product on purpose; the simulator must catch each (cmake/hc_mutant.cmake).
include(${CMAKE_SOURCE_DIR}/cmake/hc_mutant.cmake)
add_library(hc_sim_mutant_main OBJECT mutant_main.cc)
target_link_libraries(hc_sim_mutant_main PRIVATE hc_sim hc_warnings)

# ── log ──────────────────────────────────────────────────────────────────────────────────────────
hc_mutant(NAME acknowledge_before_sync FILE src/log/channel_log.cc
  FROM "if (status) status = current_->sync()"
  TO "if (status) status = Status()")
hc_mutant(NAME torn_frame_is_served FILE src/log/recovery.cc
  FROM "if (whole) {"
  TO "if (whole || !last_->sections.empty()) {")

# ── checkpoints ──────────────────────────────────────────────────────────────────────────────────
hc_mutant(NAME checkpoint_before_commit FILE src/lane/live_lane.cc
  FROM "safe = std::min(safe, oldest->before)"
  TO "safe = std::max(safe, oldest->before)")
hc_mutant(NAME frontier_ahead_of_commit FILE src/lane/live_lane.cc
  FROM ".frontier = frontier,"
  TO ".frontier = std::max(frontier, Frontier{sealable(), 0}),")
hc_mutant(NAME late_events_not_in_checkpoint FILE src/lane/live_lane.cc
  FROM "late.positions(out.exceptions)"
  TO "static_cast<void>(0)")
hc_mutant(NAME settled_records_applied_again FILE src/lane/apply.cc
  FROM "if (standing == Standing::kSettled) continue"
  TO "if (standing == Standing::kSettled && record.header.events == 0) continue")
hc_mutant(NAME void_replay_records_count FILE src/lane/drain.cc
  FROM "if (record.position < range->first) continue"
  TO "if (record.position < range->first && record.header.events == 0) continue")

# ── content ──────────────────────────────────────────────────────────────────────────────────────
hc_mutant(NAME join_prefers_the_last_comer FILE src/model/page_order.cc
  FROM "rows, run[j], rows, winner) > 0)"
  TO "rows, run[j], rows, winner) > -2)")
hc_mutant(NAME lost_tombstone FILE src/lane/page_merge.cc
  FROM "folded(schema, key, before, *after)"
  TO "folded(schema, key, before, visible(schema, *after, kNothingWithdrawn))")
hc_mutant(NAME waiting_seal_skips_events FILE src/lane/seal.cc
  FROM "frontier = std::max(frontier, Frontier{page->first, page->second})"
  TO "static_cast<void>(0)")
hc_mutant(NAME late_change_leaves_parent_stale FILE src/lane/parent_marks.cc
  FROM "out.add(aggregate, page, changed_keys[i], cause)"
  TO "static_cast<void>(0)")
hc_mutant(NAME change_without_new_version FILE src/lane/roller.cc
  FROM "entry.before ? entry.before->version.value + 1 : 1"
  TO "entry.before ? entry.before->version.value : 1")

# ── recovery ─────────────────────────────────────────────────────────────────────────────────────
hc_mutant(NAME fill_before_the_end_of_a_piece FILE src/replay/job_book.cc
  FROM "if (!result.certain) continue;"
  TO "")
hc_mutant(NAME replay_ahead_of_the_frontier FILE src/replay/job_book_turns.cc
  FROM "if (empty(at) || at.end > limit) return true;"
  TO "if (empty(at)) return true;")
hc_mutant(NAME joined_job_keeps_its_pieces FILE src/replay/job_book.cc
  FROM "entry->prepared = false;"
  TO "static_cast<void>(0);")
hc_mutant(NAME windows_nobody_read_are_filled FILE src/replay/job_book.cc
  FROM "fills.fill(window, outcomes);"
  TO "fills.fill(job.range, outcomes);")
hc_mutant(NAME pages_compared_by_count_alone FILE src/lane/subwindow.cc
  FROM "stored.digest == group.digest &&"
  TO "")
hc_mutant(NAME replay_without_conflict_check FILE src/store/memory_store.cc
  FROM "if (!fits(add, standing.version, standing.lost)) {"
  TO "if (commit.lane == Lane::kLive && !fits(add, standing.version, standing.lost)) {")
hc_mutant(NAME marks_of_partitions_become_one FILE src/lane/parent_marks.cc
  FROM "bucket, page.partition, page.slot}"
  TO "bucket, PartitionId{}, page.slot}")
