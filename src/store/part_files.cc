#include "store/part_files.h"

#include <algorithm>
#include <charconv>

#include "base/assert.h"
#include "base/hash.h"
#include "base/log.h"

namespace hindcast {
namespace {

constexpr BytesView kFileMagic("hcparts\x01", 8);
constexpr uint64_t kFileHeaderBytes = 16;
constexpr uint32_t kRecordMagic = 0x31706368;  // "hcp1"
constexpr size_t kRecordHeaderBytes = 28;
constexpr size_t kChecksummedFrom = 12;  // of the record's header
constexpr BytesView kNamePrefix = "parts-";

uint64_t record_bytes(const PartRef& part) { return kRecordHeaderBytes + part.size; }

Bytes place_bytes(const PageKey& key) {
  Bytes out;
  put_u32(out, key.partition.value);
  put_u64(out, static_cast<uint64_t>(unix_ns(key.window)));
  put_u32(out, key.slot);
  return out;
}

void put_record(Bytes& out, const PageKey& key, BytesView part) {
  const Bytes place = place_bytes(key);
  put_u32(out, kRecordMagic);
  put_u32(out, static_cast<uint32_t>(part.size()));
  put_u32(out, crc32c(part, crc32c(place)));
  out += place;
  out += part;
}

// "parts-000012" → 12; 0 = not a part file's name.
uint64_t number_of(const std::string& name) {
  if (!name.starts_with(kNamePrefix)) return 0;
  uint64_t number = 0;
  const char* const begin = name.data() + kNamePrefix.size();
  const char* const end = name.data() + name.size();
  const auto [at, error] = std::from_chars(begin, end, number);
  return error == std::errc() && at == end ? number : 0;
}

}  // namespace

std::string PartFiles::path_of(uint64_t file) const {
  std::string digits = std::to_string(file);
  if (digits.size() < 6) digits.insert(0, 6 - digits.size(), '0');
  return options_.folder + "/" + std::string(kNamePrefix) + digits;
}

Result<std::unique_ptr<PartFiles>> PartFiles::open(FileSystem& files, PartFilesOptions options,
                                                   Accounts accounts, bool read_only) {
  std::unique_ptr<PartFiles> out(new PartFiles(files, std::move(options), std::move(accounts)));
  const std::string& folder = out->options_.folder;
  if (!read_only) HC_TRY(files.make_folder(folder));
  for (const auto& [number, live] : out->accounts_) {
    out->next_file_ = std::max(out->next_file_, number + 1);
    if (live == 0) out->changed_.insert(number);  // a file abandoned before its account was
  }
  std::erase_if(out->accounts_, [](const auto& entry) { return entry.second == 0; });
  HC_TRY_ASSIGN(const std::vector<std::string> names, files.list(folder));
  for (const std::string& name : names) {
    const uint64_t number = number_of(name);
    if (number == 0) continue;
    out->next_file_ = std::max(out->next_file_, number + 1);
    if (!read_only && !out->accounts_.contains(number)) HC_TRY(files.remove(out->path_of(number)));
  }
  return out;
}

PartRef PartFiles::add(Lane lane, const PageKey& key, BytesView part) {
  HC_ASSERT(part.size() <= UINT32_MAX);
  Active& active = active_[static_cast<size_t>(lane)];
  const std::lock_guard lock(books_);
  // Rolled only where nothing waits for a sync: a group of parts stays in one file per lane.
  if (active.buffer.empty() && active.synced >= options_.file_bytes.value) retire(active);
  if (active.number == 0) {
    active.number = adding_to_[static_cast<size_t>(lane)] = next_file_++;
    active.buffer = Bytes(kFileMagic);
    put_u64(active.buffer, active.number);
    HC_ASSERT(active.buffer.size() == kFileHeaderBytes);
  }
  const PartRef place{
      .file = active.number, .offset = active.synced + active.buffer.size(), .size = part.size()};
  put_record(active.buffer, key, part);
  active.parts += 1;
  unsettled_[active.number] += 1;
  return place;
}

Status PartFiles::sync(Lane lane, const Pace& pace) {
  Active& active = active_[static_cast<size_t>(lane)];
  if (active.buffer.empty()) return {};
  Status flushed = flush(active, pace);
  if (!flushed) abandon(active);
  return flushed;
}

// What was written of the buffer is unknown. Cutting it off, or removing a file that holds nothing
// else, only saves space (a full disk is the usual cause): nobody names those bytes either way.
void PartFiles::abandon(Active& active) {
  const uint64_t number = active.number;
  const bool never_named = active.synced == 0;
  if (active.file && !never_named) (void)active.file->truncate(active.synced).has_value();
  {
    const std::lock_guard lock(books_);
    unsettle(number, active.parts);
    retire(active);
    if (never_named) {
      accounts_.erase(number);
      changed_.erase(number);
    }
  }
  if (never_named) (void)files_.remove(path_of(number)).has_value();
}

Status PartFiles::flush(Active& active, const Pace& pace) {
  const std::string path = path_of(active.number);
  if (!active.file) {
    HC_TRY_ASSIGN(active.file, files_.open(path, OpenMode::kCreate));
    HC_TRY(files_.sync_folder(options_.folder));
  }
  HC_TRY(write(active, pace));
  HC_TRY(active.file->sync());
  active.synced += active.buffer.size();
  active.buffer.clear();
  active.parts = 0;
  return {};
}

Status PartFiles::write(Active& active, const Pace& pace) {
  for (size_t at = 0; at < active.buffer.size(); at += kDiskPiece.value) {
    const BytesView piece = BytesView(active.buffer).substr(at, kDiskPiece.value);
    if (pace) HC_TRY(pace(ByteCount{piece.size()}));
    HC_TRY(active.file->write(active.synced + at, piece));
    // What is small goes out with the sync.
    if (pace || piece.size() < active.buffer.size())
      HC_TRY(active.file->write_out(active.synced + at, piece.size()));
  }
  return {};
}

// Nothing is added to it any more. take_changes() sees it, because its account may be zero already.
void PartFiles::retire(Active& active) {
  std::ranges::replace(adding_to_, active.number, uint64_t{0});
  changed_.insert(active.number);
  accounts_.try_emplace(active.number, 0);
  active = Active{};
}

void PartFiles::unsettle(uint64_t file, size_t parts) {
  const auto found = unsettled_.find(file);
  HC_ASSERT(found != unsettled_.end() && found->second >= parts);
  found->second -= parts;
  if (found->second == 0) unsettled_.erase(found);
}

void PartFiles::settled(const std::vector<PartRef>& parts) {
  const std::lock_guard lock(books_);
  for (const PartRef& part : parts) unsettle(part.file, 1);
}

void PartFiles::name(const PartRef& part) {
  const std::lock_guard lock(books_);
  accounts_[part.file] += record_bytes(part);
  changed_.insert(part.file);
}

void PartFiles::unname(const PartRef& part) {
  const std::lock_guard lock(books_);
  const auto account = accounts_.find(part.file);
  if (account == accounts_.end() || account->second < record_bytes(part)) {
    log_error("a head gives back more of a part file than was named of it; the file stays",
              {{"file", path_of(part.file)}, {"byte", part.offset}});
    return;
  }
  account->second -= record_bytes(part);
  changed_.insert(part.file);
}

std::vector<std::pair<uint64_t, uint64_t>> PartFiles::take_changes() {
  const std::lock_guard lock(books_);
  std::vector<std::pair<uint64_t, uint64_t>> out;
  for (const uint64_t file : changed_) {
    const auto it = accounts_.find(file);
    out.emplace_back(file, it == accounts_.end() ? 0 : it->second);
  }
  changed_.clear();
  return out;
}

std::vector<uint64_t> PartFiles::take_dead() {
  const std::lock_guard lock(books_);
  std::vector<uint64_t> dead;
  std::erase_if(accounts_, [&](const auto& entry) {
    if (entry.second != 0 || unsettled_.contains(entry.first) ||
        std::ranges::count(adding_to_, entry.first) != 0)
      return false;
    dead.push_back(entry.first);
    return true;
  });
  return dead;
}

Result<bool> PartFiles::remove_piece(uint64_t file) {
  for (Readers& readers : readers_) {
    // A reader that is in there gives the committer no CPU to wait for; its handle ages out then.
    const std::unique_lock lock(readers.mutex, std::try_to_lock);
    if (lock) readers.open.remove_if([&](const Reader& reader) { return reader.number == file; });
  }
  Result<bool> gone = hindcast::remove_piece(files_, path_of(file));
  if (!gone && gone.error().code == ErrorCode::kNotFound) return true;  // never created
  return gone;
}

Result<PartFiles::Reader> PartFiles::reader(uint64_t file, Lane lane) const {
  Readers& readers = readers_[static_cast<size_t>(lane)];
  std::list<Reader>& open = readers.open;
  {
    const std::lock_guard lock(readers.mutex);
    const auto it = std::ranges::find(open, file, &Reader::number);
    if (it != open.end()) {
      open.splice(open.begin(), open, it);
      return *it;
    }
  }
  HC_TRY_ASSIGN(
      std::shared_ptr<File> opened,
      files_.open(path_of(file), lane == Lane::kReplay ? OpenMode::kReadOnce : OpenMode::kRead));
  HC_TRY_ASSIGN(const Bytes header, opened->read(0, kFileHeaderBytes));
  Bytes expected(kFileMagic);
  put_u64(expected, file);
  Reader reader{file, std::move(opened), header != expected};
  const std::lock_guard lock(readers.mutex);
  open.push_front(reader);
  if (open.size() > options_.open_files_max) open.pop_back();
  return reader;
}

Result<PartFiles::Content> PartFiles::read(const PageKey& key, const PartRef& part,
                                           Lane lane) const {
  Content out;
  const auto damage = [&](const char* what) {
    if (!out.damage.empty()) return;
    out.damage =
        path_of(part.file) + ": " + what + " in the part at byte " + std::to_string(part.offset);
  };
  const auto opened = reader(part.file, lane);
  if (!opened) {
    // A head names it, so it has to be there.
    if (opened.error().code != ErrorCode::kNotFound) return opened.error();
    out.damage = path_of(part.file) + ": missing, though a page has a part at its byte " +
                 std::to_string(part.offset);
    return out;
  }
  File& file = *opened->file;
  HC_TRY_ASSIGN(const uint64_t size, file.size());
  // A head that was damaged may name any place.
  if (part.offset > size || size - part.offset < kRecordHeaderBytes) {
    damage("the file ends");
    return out;
  }
  char header[kRecordHeaderBytes] = {};
  HC_TRY_ASSIGN(const size_t got, file.read_into(part.offset, header, sizeof header));
  const uint64_t content = std::min(part.size, size - part.offset - kRecordHeaderBytes);
  HC_TRY_ASSIGN(out.part, file.read(part.offset + sizeof header, content));
  if (got != sizeof header || out.part.size() != part.size) damage("the file ends");
  const BytesView place(header + kChecksummedFrom, sizeof header - kChecksummedFrom);
  ByteReader in(BytesView(header, sizeof header));
  if (in.u32() != kRecordMagic) damage("no record begins");
  if (in.u32() != part.size) damage("another size stands");
  const uint32_t checksum = in.u32();
  if (checksum != crc32c(out.part, crc32c(place))) damage("the checksum does not match");
  if (place != place_bytes(key)) {
    // Another page's events, unless the damage is in the place itself.
    const bool ours = checksum == crc32c(out.part, crc32c(place_bytes(key)));
    damage(ours ? "the name of its page does not stand" : "another page's events stand");
    if (!ours) out.part.clear();
  }
  if (out.damage.empty() && opened->header_damaged)
    out.damage =
        path_of(part.file) + ": not a part file's beginning, or of another version, at byte 0";
  return out;
}

Result<Bytes> PartFiles::read_range(const PageKey& key, const PartRef& part, uint64_t from,
                                    uint64_t size) const {
  const auto damage = [&](const char* what) {
    return corruption(path_of(part.file) + ": " + what + " in the part at byte " +
                      std::to_string(part.offset));
  };
  if (from > part.size || size > part.size - from) return damage("nothing stands so far");
  // A few bytes here and there: through the page cache, whoever asks.
  const auto opened = reader(part.file, Lane::kLive);
  if (!opened) {
    if (opened.error().code != ErrorCode::kNotFound) return opened.error();
    return damage("the file is missing, which a head names");
  }
  if (opened->header_damaged)
    return damage("no part file's beginning stands before what is wanted");
  const uint64_t header = from == 0 ? kRecordHeaderBytes : 0;
  HC_TRY_ASSIGN(Bytes bytes, opened->file->read(part.offset + kRecordHeaderBytes - header + from,
                                                header + size));
  if (bytes.size() != header + size) return damage("the file ends");
  if (header == 0) return bytes;
  ByteReader in(bytes);
  const bool begins = in.u32() == kRecordMagic && in.u32() == part.size;
  if (!begins || BytesView(bytes).substr(kChecksummedFrom, header - kChecksummedFrom) !=
                     BytesView(place_bytes(key))) {
    return damage("another record stands");
  }
  bytes.erase(0, header);
  return bytes;
}

}  // namespace hindcast
