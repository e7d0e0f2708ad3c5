#include <algorithm>
#include <string>

#include "log/recovery_internal.h"

namespace hindcast::log {
namespace {

constexpr size_t kHeadWindow = size_t{16} << 10;   // walking from header to header
constexpr size_t kSearchWindow = size_t{1} << 20;  // looking for one, block by block

// One segment through a window, so that small frames do not cost a read each.
class Window {
 public:
  explicit Window(File& file) : file_(file) {}
  Result<BytesView> at(uint64_t offset, size_t size, size_t ahead) {
    if (offset < begin_ || offset + size > begin_ + bytes_.size()) {
      HC_TRY_ASSIGN(bytes_, file_.read(offset, std::max(size, ahead)));
      begin_ = offset;
    }
    return BytesView(bytes_).substr(offset - begin_, size);
  }

 private:
  File& file_;
  uint64_t begin_ = 0;
  Bytes bytes_;
};

class Scan {
 public:
  Scan(Segments& segments, Channel channel, Recovered& out)
      : segments_(segments), channel_(channel), out_(out) {}

  Status segment(const Recovered::Segment& segment, uint64_t first_segment) {
    Window window(*segment.file);
    const uint64_t size = out_.segment_bytes;
    size_t ahead = kHeadWindow;
    for (uint64_t offset = 0; offset < size;) {
      FramePlace expected{channel_, segment.number, segment.number * size + offset, 0};
      HC_TRY_ASSIGN(const std::optional<Frame> frame, read_head(window, offset, ahead, expected));
      // A frame that does not know of frames before it was overtaken: what follows a dropped one.
      if (!frame || frame->place.durable < out_.end) {
        offset += kBlock;
        ahead = kSearchWindow;
        continue;
      }
      check_chain(*frame, first_segment * size);
      accept(*frame, segment);
      offset = out_.end - segment.number * size;
      ahead = kHeadWindow;
    }
    return {};
  }

  /// The last frame: nothing says that it was synced.
  Status settle_tail() {
    if (!last_) return {};
    const uint64_t offset = last_->place.position % out_.segment_bytes;
    HC_TRY_ASSIGN(Bytes frame, last_file_->read(offset, last_->bytes));
    bool whole = frame.size() == last_->bytes;
    for (const Section& s : last_->sections) {
      if (!whole) break;
      whole = body_matches(s, BytesView(frame).substr(s.position - last_->place.position, s.bytes));
    }
    if (whole) {
      out_.closed = last_->sections.empty();
      frame.resize(align_up(frame.size()), '\0');
      HC_TRY(last_file_->write(offset, frame));
    } else {
      out_.torn_bytes = last_->bytes;
      out_.sections.resize(out_.sections.size() - last_->sections.size());
      // Not back to where the frame before it was found to end: if that one is damaged, its place
      // must not be written again.
      out_.end = last_->place.durable;
      HC_TRY(last_file_->write(offset, Bytes(kBlock, '\0')));
    }
    return last_file_->sync();
  }

 private:
  static Result<std::optional<Frame>> read_head_at(Window& window, uint64_t offset, size_t ahead,
                                                   const FramePlace& expected, uint64_t size) {
    HC_TRY_ASSIGN(BytesView bytes, window.at(offset, kFrameHeaderBytes, ahead));
    const auto head = frame_head_bytes(bytes, expected, size);
    if (!head) return std::optional<Frame>();
    HC_TRY_ASSIGN(bytes, window.at(offset, *head, ahead));
    return decode_frame(bytes, expected, size);
  }
  Result<std::optional<Frame>> read_head(Window& window, uint64_t offset, size_t ahead,
                                         const FramePlace& expected) const {
    return read_head_at(window, offset, ahead, expected, out_.segment_bytes);
  }

  void check_chain(const Frame& frame, uint64_t first_position) {
    const uint64_t known = last_ ? out_.end : first_position;
    if (frame.place.durable <= known) return;
    const auto place = [&](uint64_t position) {
      return segments_.name(position / out_.segment_bytes) + ": byte " +
             std::to_string(position % out_.segment_bytes);
    };
    out_.damage.push_back({Position{0, known}, Position{0, frame.place.position - 1},
                           place(known) + ": bad frame header; frames are lost up to " +
                               place(frame.place.position)});
  }

  void accept(const Frame& frame, const Recovered::Segment& segment) {
    out_.sections.insert(out_.sections.end(), frame.sections.begin(), frame.sections.end());
    out_.end = frame.end();
    last_ = frame;
    last_file_ = segment.file;
  }

  Segments& segments_;
  const Channel channel_;
  Recovered& out_;
  std::optional<Frame> last_;
  SegmentFile last_file_;
};

}  // namespace

Result<Recovered> recover(Segments& segments, Channel channel, uint64_t segment_bytes) {
  Recovered out;
  out.segment_bytes = segment_bytes;
  HC_TRY_ASSIGN(const std::vector<uint64_t> numbers, segments.list());
  if (numbers.empty()) return out;

  uint64_t largest = 0;
  for (const uint64_t number : numbers) {
    HC_TRY_ASSIGN(SegmentFile file, segments.open(number));
    HC_TRY_ASSIGN(const uint64_t size, file->size());
    largest = std::max(largest, size);
    out.segments.push_back({number, std::move(file)});
  }
  if (largest == 0 || largest % kBlock != 0) {
    return corruption(segments.name(numbers.front()) + ": is not a log segment: its size is " +
                      std::to_string(largest));
  }
  out.segment_bytes = largest;

  Scan scan(segments, channel, out);
  for (const Recovered::Segment& segment : out.segments) {
    HC_TRY(scan.segment(segment, numbers.front()));
  }
  HC_TRY(scan.settle_tail());

  // Segments behind the end hold nothing. The first is used next; others are replaced in time.
  const auto holds = [&](const Recovered::Segment& s) { return s.number * largest < out.end; };
  const auto behind = std::partition_point(out.segments.begin(), out.segments.end(), holds);
  // The segment that holds the end may itself be what is missing.
  out.next_segment =
      std::max((out.end + largest - 1) / largest,
               behind == out.segments.begin() ? numbers.front() : std::prev(behind)->number + 1);
  if (behind != out.segments.end() && behind->number == out.next_segment) {
    out.ready = behind->file;
  }
  out.segments.erase(behind, out.segments.end());
  return out;
}

}  // namespace hindcast::log
