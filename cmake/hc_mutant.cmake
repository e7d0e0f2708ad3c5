# A fault put into the product on purpose: a copy of one source file with one literal text replaced,
# linked into a program of its own. Its object is given to the linker before all archives, so its
# definitions are the ones that count, also when the archive's member is taken for some function of
# the standard library that only its inlining left there.

# Writes the changed file and puts its path into `out`.
function(hc_mutant_copy out name file from to)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${file})
  file(READ ${CMAKE_SOURCE_DIR}/${file} text)
  string(FIND "${text}" "${from}" first)
  string(FIND "${text}" "${from}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "mutant ${name}: its text must be found exactly once in ${file}: ${from}")
  endif()
  string(REPLACE "${from}" "${to}" text "${text}")
  set(copy ${CMAKE_CURRENT_BINARY_DIR}/mutants/${name}.cc)
  file(CONFIGURE OUTPUT ${copy} CONTENT "${text}" @ONLY)  # written only when it differs
  set(${out} ${copy} PARENT_SCOPE)
endfunction()

# hc_mutant(NAME safe_too_far_ahead FILE src/lane/live_lane.cc FROM "…" TO "…")
#
# Proves that the simulator's checkers can fail. The test passes when a checker or an assertion
# catches the mutant within the seeds that CI runs.
function(hc_mutant)
  cmake_parse_arguments(PARSE_ARGV 0 M "" "NAME;FILE;FROM;TO" "")
  hc_mutant_copy(copy "${M_NAME}" "${M_FILE}" "${M_FROM}" "${M_TO}")
  set(exe sim_mutant_${M_NAME})
  add_executable(${exe} ${copy} $<TARGET_OBJECTS:hc_sim_mutant_main>)
  target_link_libraries(${exe} PRIVATE hc_sim)
  target_link_options(${exe} PRIVATE -Wl,--allow-multiple-definition)
  hc_mutant_test(sim ${M_NAME} ${exe} ${exe})
endfunction()

# hc_unit_mutant(NAME floor_ignored FILE src/replay/valve.cc FROM "…" TO "…" CAUGHT_BY "GovernorTest.UnderAny*")
#
# Proves that the named unit tests of the module can fail: the suite's own objects with the mutant.
# The test passes when one of them does (and would not if no test had such a name).
function(hc_unit_mutant)
  cmake_parse_arguments(PARSE_ARGV 0 M "" "NAME;FILE;FROM;TO;CAUGHT_BY" "")
  hc_mutant_copy(copy "${M_NAME}" "${M_FILE}" "${M_FROM}" "${M_TO}")
  get_filename_component(module ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(suite hc_${module}_unit_test)
  set(exe ${module}_mutant_${M_NAME})
  add_executable(${exe} ${copy} $<TARGET_OBJECTS:${suite}>)
  get_target_property(libs ${suite} LINK_LIBRARIES)
  list(REMOVE_ITEM libs hc_warnings)  # a fault may leave something unused
  target_link_libraries(${exe} PRIVATE ${libs})
  target_link_options(${exe} PRIVATE -Wl,--allow-multiple-definition)
  hc_mutant_test(${module} ${M_NAME} ${exe}
    ${CMAKE_SOURCE_DIR}/cmake/must_fail.sh $<TARGET_FILE:${exe}> "${M_CAUGHT_BY}")
endfunction()

function(hc_mutant_test module name exe)
  if(HC_TEST_MODULES STREQUAL "" OR module IN_LIST HC_TEST_MODULES)
    add_test(NAME ${hc_test_prefix}${module}.mutant.${name} COMMAND ${ARGN})
    set_tests_properties(${hc_test_prefix}${module}.mutant.${name} PROPERTIES LABELS sim TIMEOUT 600)
    add_dependencies(hc_tests ${exe})
  endif()
endfunction()
