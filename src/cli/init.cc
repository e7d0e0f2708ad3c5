#include "cli/init.h"

#include <filesystem>
#include <fstream>
#include <ostream>

#include "cli/sample_file.h"
#include "format/sample.h"

namespace hindcast {

int init_command(const InitOptions& options, const Output& output) {
  const bool to_file = options.output != "-";
  if (to_file && !options.force && std::filesystem::exists(options.output)) {
    output.err << "hindcast: " << options.output
               << " is there already; --force replaces it, -o writes elsewhere\n";
    return kExitNo;
  }
  const auto sample = read_sample_file(options.sample, 1_MiB);
  if (!sample) {
    output.err << "hindcast: " << sample.error().message << '\n';
    return kExitNo;
  }
  const auto text = guess_config({options.sample, sample->bytes, sample->whole});
  if (!text) {
    output.err << "hindcast: " << options.sample << ": " << text.error().message << '\n';
    return kExitNo;
  }
  if (!to_file) {
    output.out << *text;
    return kExitOk;
  }
  std::ofstream file(options.output, std::ios::binary | std::ios::trunc);
  file << *text;
  if (!file.flush()) {
    output.err << "hindcast: cannot write " << options.output << '\n';
    return kExitNo;
  }
  output.out << options.output << " is written: read it, then\n  hindcast check -c "
             << options.output << " --sample " << options.sample << "\n  hindcast run -c "
             << options.output << '\n';
  return kExitOk;
}

}  // namespace hindcast
