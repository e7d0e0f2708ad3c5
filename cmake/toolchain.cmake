# Compiler flags of the whole tree. Asserts (HC_ASSERT) stay on in every build, so NDEBUG only
# affects third-party headers.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# -mpclmul: without it simdjson's on-demand parser silently compiles as its scalar fallback.
# -ffp-contract=off: doubles must agree between builds and machines.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(HC_MARCH "x86-64-v3" CACHE STRING "Instruction set of the build")
  add_compile_options(-march=${HC_MARCH} -mpclmul)
endif()
add_compile_options(-ffp-contract=off -fno-omit-frame-pointer -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")

if(HC_SANITIZE)
  add_compile_options(-fsanitize=${HC_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HC_SANITIZE})
  if(HC_SANITIZE MATCHES "undefined")
    # These four are checks of every access through a pointer: twice the time to compile, for what ASan or
    # the processor says anyway.
    add_compile_options(-fno-sanitize=null,alignment,object-size,vptr)
  endif()
endif()

find_program(HC_CCACHE ccache)
if(HC_CCACHE)
  # Checkouts in different folders share one cache: paths are hashed relative to the source tree.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${HC_CCACHE})
endif()
find_program(HC_MOLD mold)
if(HC_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# Warnings are errors, for our own code only; third-party headers are SYSTEM.
# -Wno-missing-field-initializers: with designated initializers, what is not named is meant to be its default.
add_library(hc_warnings INTERFACE)
target_compile_options(hc_warnings INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers -Werror)
