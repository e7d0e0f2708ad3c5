// Files that hand everything on: tests override what they watch or change.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"

namespace hindcast::test {

class ForwardingFile : public File {
 public:
  explicit ForwardingFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  Result<size_t> read_into(uint64_t offset, char* out, size_t size) override {
    return file_->read_into(offset, out, size);
  }
  Status write(uint64_t offset, BytesView data) override { return file_->write(offset, data); }
  Status sync() override { return file_->sync(); }
  Result<uint64_t> size() override { return file_->size(); }
  Status truncate(uint64_t size) override { return file_->truncate(size); }

 private:
  const std::unique_ptr<File> file_;
};

class ForwardingFiles : public FileSystem {
 public:
  explicit ForwardingFiles(FileSystem& files) : files_(files) {}
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    return files_.open(path, mode);
  }
  bool exists(const std::string& path) override { return files_.exists(path); }
  Result<std::vector<std::string>> list(const std::string& folder) override {
    return files_.list(folder);
  }
  Status make_folder(const std::string& path) override { return files_.make_folder(path); }
  Status remove(const std::string& path) override { return files_.remove(path); }
  Status rename(const std::string& from, const std::string& to) override {
    return files_.rename(from, to);
  }
  Status sync_folder(const std::string& folder) override { return files_.sync_folder(folder); }
  Result<ByteCount> free_space(const std::string& path) override { return files_.free_space(path); }

 private:
  FileSystem& files_;
};

}  // namespace hindcast::test
