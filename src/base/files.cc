#include "base/files.h"

namespace hindcast {

Result<Bytes> File::read(uint64_t offset, size_t size) {
  Bytes out(size, '\0');
  HC_TRY_ASSIGN(const size_t got, read_into(offset, out.data(), size));
  out.resize(got);
  return out;
}

Status File::write_out(uint64_t, uint64_t) { return {}; }

Result<bool> remove_piece(FileSystem& files, const std::string& path) {
  constexpr uint64_t kPiece = (1_MiB).value;
  HC_TRY_ASSIGN(const std::unique_ptr<File> file, files.open(path, OpenMode::kReadWrite));
  HC_TRY_ASSIGN(const uint64_t size, file->size());
  if (size > kPiece) {
    HC_TRY(file->truncate(size - kPiece));
    return false;
  }
  HC_TRY(files.remove(path));
  return true;
}

}  // namespace hindcast
