#include "cli/json_list.h"

namespace hindcast {
namespace {

/// Walks over JSON without reading it: strings and brackets are all it knows.
class Walker {
 public:
  explicit Walker(BytesView text) : text_(text) {}

  /// The next character that is not blank, without taking it; '\0' at the end.
  char peek() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  /// The whole value that begins here; empty when there is none.
  BytesView value() {
    const char first = peek();
    const size_t begin = at_;
    int depth = 0;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        skip_string();
        if (depth == 0 && first == '"') return text_.substr(begin, ++at_ - begin);
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (c == '}' || c == ']') {
        if (depth == 0) break;  // behind a number or word
        if (--depth == 0) return text_.substr(begin, ++at_ - begin);
      } else if (c == ',' && depth == 0) {
        break;
      }
    }
    return depth == 0 ? text_.substr(begin, at_ - begin) : BytesView();
  }

 private:
  void skip_string() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) at_ += text_[at_] == '\\' ? 1 : 0;
  }
  BytesView text_;
  size_t at_ = 0;
};

}  // namespace

Result<JsonList> split_list(BytesView document, std::string_view name) {
  JsonList list;
  bool found = false;
  Walker walker(document);
  const std::string quoted = "\"" + std::string(name) + "\"";
  const auto broken = [&] {
    return corruption("the answer has no list '" + std::string(name) + "'");
  };
  if (!walker.take('{')) return broken();
  while (walker.peek() == '"') {
    const BytesView key = walker.value();
    if (!walker.take(':')) return broken();
    if (key == quoted) {
      if (!walker.take('[')) return broken();
      while (walker.peek() != ']') {
        const BytesView element = walker.value();
        if (element.empty()) return broken();
        list.elements.push_back(element);
        walker.take(',');
      }
      found = walker.take(']');
    } else {
      const BytesView value = walker.value();
      if (value.empty()) return broken();
      if (key == "\"truncated\"") list.truncated = value == "true";
    }
    walker.take(',');
  }
  if (!found || !walker.take('}')) return broken();
  return list;
}

}  // namespace hindcast
