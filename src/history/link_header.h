// The next page by RFC 8288: `Link: <https://example.com/trades?page=2>; rel="next"`.
// Pure; any thread.
#pragma once
#include <optional>
#include <string>

#include "base/result.h"
#include "net/http_client.h"

namespace hindcast {

/// The absolute URL of the next page; absent when there is none. Errors: kCorruption
/// ("foreign-link: …") when it leads to another scheme, host or port: the request's headers, which
/// may hold secrets, must not go there.
Result<std::optional<std::string>> next_link(const HttpHeaders& headers, const std::string& url);

}  // namespace hindcast
