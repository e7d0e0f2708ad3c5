// Expected failures are values: Result<T> and Status. The code of an Error says what the caller
// does.
//
// A thin [[nodiscard]] wrapper over tl::expected, spelled like C++23 std::expected, so that one
// header changes when the standard one arrives. The wrapper exists because the library's own type
// may be ignored silently.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace hindcast {

enum class ErrorCode : unsigned char {
  kInvalidArgument,  // tell the user
  kNotFound,         // a normal answer
  kUnavailable,      // retry with backoff
  kOverloaded,       // slow down: backpressure, not failure
  kUnknownOutcome,   // the answer was lost: send the same again, never a new one
  kConflict,         // reload and decide again
  kFenced,           // stop: someone newer owns this
  kCorruption,       // quarantine and report
  kCancelled,        // unwind quietly
};

std::string_view to_string(ErrorCode code);

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::kInvalidArgument;
  std::string message;

  /// Adds context in front: Error{..., "checksum mismatch"}.with("segment 17") reads
  /// "segment 17: checksum mismatch".
  Error with(std::string_view context) && {
    message = std::string(context) + ": " + message;
    return std::move(*this);
  }
  bool operator==(const Error&) const = default;
};

inline Error invalid_argument(std::string m) { return {ErrorCode::kInvalidArgument, std::move(m)}; }
inline Error not_found(std::string m) { return {ErrorCode::kNotFound, std::move(m)}; }
inline Error unavailable(std::string m) { return {ErrorCode::kUnavailable, std::move(m)}; }
inline Error overloaded(std::string m) { return {ErrorCode::kOverloaded, std::move(m)}; }
inline Error corruption(std::string m) { return {ErrorCode::kCorruption, std::move(m)}; }

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : inner_(std::move(value)) {}  // NOLINT: implicit by design
  Result(Error error) : inner_(tl::make_unexpected(std::move(error))) {}  // NOLINT

  bool has_value() const { return inner_.has_value(); }
  explicit operator bool() const { return has_value(); }
  /// Throws tl::bad_expected_access when there is none: a bug, except in tests.
  T& value() & { return inner_.value(); }
  const T& value() const& { return inner_.value(); }
  T&& value() && { return std::move(inner_).value(); }
  T& operator*() & { return *inner_; }
  const T& operator*() const& { return *inner_; }
  T&& operator*() && { return *std::move(inner_); }
  T* operator->() { return &*inner_; }
  const T* operator->() const { return &*inner_; }
  const Error& error() const& { return inner_.error(); }
  Error&& error() && { return std::move(inner_).error(); }
  template <class U>
  T value_or(U&& other) const& {
    return inner_.value_or(std::forward<U>(other));
  }

 private:
  tl::expected<T, Error> inner_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT
  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  /// Throws tl::bad_expected_access when there is none: a bug, except in tests.
  void value() const {
    if (error_) throw tl::bad_expected_access<Error>(*error_);
  }
  const Error& error() const& { return *error_; }
  Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};
using Status = Result<void>;

}  // namespace hindcast

#define HC_CONCAT_(a, b) a##b
#define HC_CONCAT(a, b) HC_CONCAT_(a, b)
/// Returns the error of `expr` to the caller, if it has one.
#define HC_TRY(expr)                                                              \
  do {                                                                            \
    if (auto hc_status = (expr); !hc_status) return std::move(hc_status).error(); \
  } while (0)
/// `HC_TRY_ASSIGN(auto x, expr)`: the value of `expr`, or returns its error to the caller.
#define HC_TRY_ASSIGN(lhs, expr) HC_TRY_ASSIGN_(lhs, expr, HC_CONCAT(hc_result_, __LINE__))
#define HC_TRY_ASSIGN_(lhs, expr, tmp)     \
  auto tmp = (expr);                       \
  if (!tmp) return std::move(tmp).error(); \
  lhs = std::move(tmp).value()
