// What the files of the API share: api.cc (which request goes where, and errors), api_write.cc,
// api_read.cc, api_changes.cc, api_gaps.cc.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/json_reader.h"
#include "net/json_writer.h"
#include "server/api.h"

namespace hindcast {

struct Api::Call {
  const ApiRequest& request;
  std::vector<std::string> captures;
  Params params;
};

/// Rows that one request may ask for.
inline constexpr uint64_t kRowsMax = 1'000'000;

/// A JSON document as an answer.
ApiResponse json_response(Bytes body);
ApiResponse problem_response(int status, std::string_view type, std::string_view title,
                             std::string_view detail);

/// The object that a request's body holds. Errors: kInvalidArgument for anything else, and for a
/// member that is not `known` (with the nearest).
Result<JsonValue> object_body(const Bytes& body, const std::vector<std::string_view>& known);
/// A member of a request's body: RFC 3339, Unix seconds or milliseconds. Errors: kInvalidArgument.
Result<EventTime> time_member(const JsonValue& document, std::string_view name);
/// A text that must be there.
Result<std::string> text_member(const JsonValue& document, std::string_view name);
/// "keys": absent, or an array of keys as users write them: texts, numbers, arrays of components.
Result<std::vector<std::string>> keys_member(const JsonValue& document);

inline constexpr size_t kPieceBytes = 256 << 10;

/// A list that is written piece by piece: head, items with commas, tail. The state lives as long as
/// the response.
template <class State, class Item>
ApiResponse streamed(Bytes head, std::shared_ptr<State> state, size_t count, Item item,
                     Bytes tail) {
  ApiResponse response;
  auto next = std::make_shared<size_t>(0);  // owner: `more`
  response.more = [state, next, count, item, tail = std::move(tail),
                   head = std::move(head)](Bytes& out) mutable {
    out.append(std::exchange(head, {}));
    const size_t begin = out.size();
    while (*next < count && out.size() - begin < kPieceBytes) {
      if (*next > 0) out.push_back(',');
      JsonWriter json(out);
      item(json, *state, (*next)++);
    }
    if (*next < count) return true;
    out.append(tail);
    return false;
  };
  // Small answers are whole at once, with a length.
  if (!response.more(response.http.body)) response.more = nullptr;
  return response;
}
Bytes list_tail(bool truncated);

}  // namespace hindcast
