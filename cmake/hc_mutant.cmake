# hc_mutant(NAME safe_too_far_ahead FILE src/lane/live_lane.cc FROM "…" TO "…")
#
# Proves that the simulator's checkers can fail: a copy of one source file with one literal text
# replaced, linked into a program of its own. Its object is given to the linker before all archives,
# so its definitions are the ones that count, also when the archive's member is taken for some
# function of the standard library that only its inlining left there. The test passes when a checker
# or an assertion catches the mutant within the seeds that CI runs.
function(hc_mutant)
  cmake_parse_arguments(PARSE_ARGV 0 M "" "NAME;FILE;FROM;TO" "")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${M_FILE})
  file(READ ${CMAKE_SOURCE_DIR}/${M_FILE} text)
  string(FIND "${text}" "${M_FROM}" first)
  string(FIND "${text}" "${M_FROM}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "mutant ${M_NAME}: its text must be found exactly once in ${M_FILE}: ${M_FROM}")
  endif()
  string(REPLACE "${M_FROM}" "${M_TO}" text "${text}")
  set(copy ${CMAKE_CURRENT_BINARY_DIR}/mutants/${M_NAME}.cc)
  file(CONFIGURE OUTPUT ${copy} CONTENT "${text}" @ONLY)  # written only when it differs

  set(exe sim_mutant_${M_NAME})
  add_executable(${exe} ${copy} $<TARGET_OBJECTS:hc_sim_mutant_main>)
  target_link_libraries(${exe} PRIVATE hc_sim)
  target_link_options(${exe} PRIVATE -Wl,--allow-multiple-definition)
  if(HC_TEST_MODULES STREQUAL "" OR "sim" IN_LIST HC_TEST_MODULES)
    add_test(NAME ${hc_test_prefix}sim.mutant.${M_NAME} COMMAND ${exe})
    set_tests_properties(${hc_test_prefix}sim.mutant.${M_NAME} PROPERTIES LABELS sim TIMEOUT 600)
    add_dependencies(hc_tests ${exe})
  endif()
endfunction()
