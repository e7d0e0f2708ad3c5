#include "source/resume_token.h"

namespace hindcast {
namespace {
constexpr uint8_t kVersion = 1;
}

Bytes encode(const FileResume& resume) {
  Bytes out;
  put_u8(out, kVersion);
  put_string(out, resume.passed);
  put_varint(out, resume.files.size());
  for (const auto& file : resume.files) {
    put_string(out, file.path);
    put_varint(out, file.offset);
    put_varint(out, file.row);
    put_u8(out, file.done ? 1 : 0);
    put_varint(out, file.head_size);
    put_u64(out, file.head_hash);
    put_string(out, file.decoder);
  }
  return out;
}

Result<FileResume> decode_file_resume(BytesView bytes) {
  ByteReader reader(bytes);
  if (reader.u8() != kVersion) return corruption("resume token of a file source: unknown version");
  FileResume resume;
  resume.passed = reader.string();
  for (uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
    FileProgress file;
    file.path = reader.string();
    file.offset = reader.varint();
    file.row = reader.varint();
    file.done = reader.u8() != 0;
    file.head_size = reader.varint();
    file.head_hash = reader.u64();
    file.decoder = reader.string();
    resume.files.push_back(std::move(file));
  }
  if (!reader.ok() || !reader.at_end())
    return corruption("resume token of a file source: cut short");
  return resume;
}

}  // namespace hindcast
