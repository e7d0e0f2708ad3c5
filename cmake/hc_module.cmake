# hc_module(NAME replay SRCS a.cc b.cc DEPS base model [LIBS third::party] [TESTS a_test.cc] [PROPERTY_TESTS ...]
#           [INTEGRATION_TESTS ...] [SIM_TESTS ...] [TEST_LIBS ...] [BENCHES a_bench.cc])
#
# One folder = one static library hc_<name> (alias hc::<name>) whose DEPS are other modules, by name.
# Only arrows that point down the list below may be declared; an undeclared one cannot link, because
# hc_<name>_links pulls the whole archive into an executable that has nothing but the declared DEPS.
set(HC_ORDER base model progress format net log store source history lane replay proof engine sim server cli)
# Folders on one level of the order: none of them may depend on another one of the same level.
set(HC_LEVEL_base 0)
set(HC_LEVEL_model 1)
set(HC_LEVEL_progress 2)
set(HC_LEVEL_format 3)
set(HC_LEVEL_net 4)
set(HC_LEVEL_log 5)
set(HC_LEVEL_store 5)
set(HC_LEVEL_source 5)
set(HC_LEVEL_history 5)
set(HC_LEVEL_lane 6)
set(HC_LEVEL_replay 7)
set(HC_LEVEL_proof 8)
set(HC_LEVEL_engine 9)
set(HC_LEVEL_sim 9)
set(HC_LEVEL_server 10)
set(HC_LEVEL_cli 11)

function(hc_module)
  cmake_parse_arguments(M "" "NAME" "SRCS;DEPS;LIBS;TESTS;PROPERTY_TESTS;INTEGRATION_TESTS;SIM_TESTS;TEST_LIBS;TEST_DEPS;BENCHES" ${ARGN})
  set(lib hc_${M_NAME})
  foreach(dep ${M_DEPS})
    if(NOT HC_LEVEL_${dep} LESS HC_LEVEL_${M_NAME})
      message(FATAL_ERROR "module ${M_NAME} may not depend on ${dep}: arrows point down the list in cmake/hc_module.cmake")
    endif()
    list(APPEND deps hc::${dep})
  endforeach()

  add_library(${lib} STATIC ${M_SRCS})
  add_library(hc::${M_NAME} ALIAS ${lib})
  target_include_directories(${lib} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${lib} PUBLIC ${deps} ${M_LIBS} PRIVATE hc_warnings)

  if(HC_BENCH AND M_BENCHES)
    add_executable(${lib}_bench ${M_BENCHES})
    target_link_libraries(${lib}_bench PRIVATE ${lib} benchmark::benchmark hc_warnings)
    add_dependencies(hc_bench ${lib}_bench)
  endif()
  if(NOT HC_TESTS)
    return()
  endif()
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/links.cc "int main() {}\n")
  add_executable(${lib}_links ${CMAKE_CURRENT_BINARY_DIR}/links.cc)
  target_link_libraries(${lib}_links PRIVATE "$<LINK_LIBRARY:WHOLE_ARCHIVE,${lib}>")

  hc_test_group(unit "${M_TESTS}")
  hc_test_group(property "${M_PROPERTY_TESTS}")
  hc_test_group(integration "${M_INTEGRATION_TESTS}")
  hc_test_group(sim "${M_SIM_TESTS}")
endfunction()

# One executable per module and label: <lib>_unit_test and so on. Called inside hc_module.
macro(hc_test_group label sources)
  if(NOT "${sources}" STREQUAL "")
    set(test_exe ${lib}_${label}_test)
    add_executable(${test_exe} ${sources})
    target_compile_options(${test_exe} PRIVATE -O1)  # a fifth less time to compile; what is tested is not changed
    target_link_libraries(${test_exe} PRIVATE ${lib} ${M_TEST_LIBS} hc_test_main hc_warnings)
    foreach(dep ${M_TEST_DEPS})
      target_link_libraries(${test_exe} PRIVATE hc::${dep})
    endforeach()
    # A sanitizer build registers the suites of HC_TEST_MODULES only; the others can still be built by name.
    if(HC_TEST_MODULES STREQUAL "" OR M_NAME IN_LIST HC_TEST_MODULES)
      add_test(NAME ${hc_test_prefix}${M_NAME}.${label} COMMAND ${test_exe})
      set_tests_properties(${hc_test_prefix}${M_NAME}.${label} PROPERTIES LABELS ${label} TIMEOUT 600
        ENVIRONMENT "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/cmake/tsan_suppressions.txt")
      add_dependencies(hc_tests ${test_exe})
    endif()
  endif()
endmacro()
