// What benchmarks do with an engine in this process.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/result.h"
#include "engine/engine.h"

namespace hindcast::bench {

/// The value, or the end of the program with the error.
template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(1);
  }
  return *std::move(result);
}

/// One push to the source "trades", answered. Waits and repeats while the log is at its bound.
void push(Engine& engine, std::string_view body);

}  // namespace hindcast::bench
