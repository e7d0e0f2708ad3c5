# Faults put into the log on purpose; the named tests must catch each (cmake/hc_mutant.cmake).
include(${CMAKE_SOURCE_DIR}/cmake/hc_mutant.cmake)

hc_unit_mutant(NAME lease_ignored FILE src/log/channel_log_keep.cc
  FROM "if (lease.partition == partition) below = std::min(below, lease.from);"
  TO ""
  CAUGHT_BY "*Lease*")

hc_unit_mutant(NAME live_waits_for_what_is_kept FILE src/log/channel_log_keep.cc
  FROM "if (!drop_oldest(broken)) return false;"
  TO "return false;"
  CAUGHT_BY "*WhatIsOnlyKeptNeverMakesLiveWait")

hc_unit_mutant(NAME lease_broken_silently FILE src/log/channel_log_keep.cc
  FROM "return leases_.contains(lease);"
  TO "return true;"
  CAUGHT_BY "*ItsOwnerCanTell")

hc_unit_mutant(NAME live_loses_what_it_needs FILE src/log/channel_log_keep.cc
  FROM "if (in_it(directory_.oldest(settled_))) return false;"
  TO ""
  CAUGHT_BY "*WhatLiveNeedsIsNeverGivenUp")
