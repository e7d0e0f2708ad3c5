# Faults put into governor, limiters, book and chain on purpose; the named tests must catch each
# (cmake/hc_mutant.cmake).
include(${CMAKE_SOURCE_DIR}/cmake/hc_mutant.cmake)

# ── ceiling and floor ────────────────────────────────────────────────────────────────────────────
hc_unit_mutant(NAME limiter_without_debt FILE src/replay/token_bucket.cc
  FROM "time_for(cost, options_.rate))"
  TO "time_for(std::min(cost, options_.burst), options_.rate))"
  CAUGHT_BY "TokenBucketTest.*:ThrottleTest.*")
hc_unit_mutant(NAME more_than_the_burst_waits_for_ever FILE src/replay/token_bucket.cc
  FROM "const uint64_t spare ="
  TO "if (cost > options_.burst) return MonoTime::max(); const uint64_t spare ="
  CAUGHT_BY "TokenBucketTest.*:ThrottleTest.*")
hc_unit_mutant(NAME floor_ignored FILE src/replay/valve.cc
  FROM "rate_ = std::clamp(rate_, in.floor, in.ceiling)"
  TO "rate_ = std::min(rate_, in.ceiling)"
  CAUGHT_BY "GovernorTest.UnderAnyPressureTheFloorIsLeft")
hc_unit_mutant(NAME stopped_store_is_not_heard FILE src/replay/pressure.cc
  FROM "if (s.store.stopped || s.disk_full) return Reason::kStore;"
  TO ""
  CAUGHT_BY "GovernorTest.AStoppedStore*:PressureTest.*")

# ── the valve ────────────────────────────────────────────────────────────────────────────────────
hc_unit_mutant(NAME slow_down_without_hold FILE src/replay/valve.cc
  FROM "const bool held = closed_at_ && now < *closed_at_ + kHold"
  TO "const bool held = false"
  CAUGHT_BY "ValveTest.*")
hc_unit_mutant(NAME opens_where_it_closes FILE src/replay/valve.cc
  FROM "} else if (in.pressure.value < kOpensBelow && !held && !in.frozen) {"
  TO "} else if (!held && !in.frozen) {"
  CAUGHT_BY "ValveTest.BetweenTheThresholdsItStays")
hc_unit_mutant(NAME no_ramp_after_a_stop FILE src/replay/valve.cc
  FROM "rate_ = *before_stop_ * kRampFrom"
  TO "rate_ = *before_stop_"
  CAUGHT_BY "ValveTest.*")
hc_unit_mutant(NAME few_samples_judge FILE src/replay/pressure.cc
  FROM "latency.samples < samples_min ? 0 :"
  TO "latency.samples < samples_min && false ? 0 :"
  CAUGHT_BY "PressureTest.*")
hc_unit_mutant(NAME storm_by_choice FILE src/replay/governor.cc
  FROM "const bool chosen = !signals.running || out.ramping || by_choice(out.binding)"
  TO "const bool chosen = false"
  CAUGHT_BY "StormTest.*")

# ── turns, caps and the chain ────────────────────────────────────────────────────────────────────
hc_unit_mutant(NAME cap_per_job FILE src/replay/job_book_turns.cc
  FROM "given += static_cast<size_t>("
  TO "given = static_cast<size_t>("
  CAUGHT_BY "JobBookTest.*")
hc_unit_mutant(NAME any_number_of_sources_at_once FILE src/replay/job_book_turns.cc
  FROM "busy.size() < limits_.sources_at_once"
  TO "busy.size() < 256"
  CAUGHT_BY "JobBookTest.NoMoreSources*")
hc_unit_mutant(NAME link_unbounded FILE src/replay/credits.cc
  FROM "const bool fits = used_.value == 0 || (used_ <= max_ && bytes <= max_ - used_)"
  TO "const bool fits = true"
  CAUGHT_BY "CreditsTest.*:ChainTest.*")
hc_unit_mutant(NAME idle_stream_saves_up FILE src/replay/fair_queue.cc
  FROM "saves nothing up
    line.deficit = std::min<int64_t>(line.deficit, 0);"
  TO "saves nothing up"
  CAUGHT_BY "FairQueueTest.*")

# ── why this speed ───────────────────────────────────────────────────────────────────────────────
hc_unit_mutant(NAME charged_to_two_reasons FILE src/replay/time_ledger.cc
  FROM "if (running_) of(totals_, reason_) += now - charged_to_"
  TO "if (running_) of(totals_, Reason::kReader) += of(totals_, reason_) += now - charged_to_"
  CAUGHT_BY "TimeLedgerTest.*")
hc_unit_mutant(NAME a_pause_is_charged FILE src/replay/time_ledger.cc
  FROM "if (running_) of(totals_, reason_)"
  TO "of(totals_, reason_)"
  CAUGHT_BY "TimeLedgerTest.*")

# ── the log as a history ─────────────────────────────────────────────────────────────────────────
hc_unit_mutant(NAME freed_log_counts_as_complete FILE src/replay/log_history.cc
  FROM "if (from > range.start) {"
  TO "if (false) {"
  CAUGHT_BY "LogHistoryTest.WhatWasFreedIsMissing*")
hc_unit_mutant(NAME broken_lease_is_not_noticed FILE src/replay/log_history.cc
  FROM "if (!of_.log.holds(held_.at(block.partition).lease)) {"
  TO "if (false) {"
  CAUGHT_BY "LogHistoryTest.WhenLiveNeedsTheSpace*")
