// What standard output is.
#pragma once
#include <cstddef>

namespace hindcast {

struct Terminal {
  size_t columns = 80, rows = 24;
  bool colour = false;
  bool live = false;  // somebody watches: what is shown may be replaced in its place
};
/// Of a terminal its size, and colour unless NO_COLOR is set; of a pipe or a file the default.
Terminal terminal_of_stdout();

}  // namespace hindcast
