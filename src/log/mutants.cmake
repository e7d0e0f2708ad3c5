# Faults put into the log on purpose; the named tests must catch each (cmake/hc_mutant.cmake).
include(${CMAKE_SOURCE_DIR}/cmake/hc_mutant.cmake)

hc_unit_mutant(NAME lease_ignored FILE src/log/channel_log.cc
  FROM "if (lease.partition == partition) below = std::min(below, lease.from);"
  TO ""
  CAUGHT_BY "*Lease*")
