// What standard output is.
#pragma once
#include <cstddef>

namespace hindcast {

struct Terminal {
  size_t columns = 80;
  bool colour = false;
};
/// Of a terminal its width, and colour unless NO_COLOR is set; of a pipe or a file the default.
Terminal terminal_of_stdout();

}  // namespace hindcast
