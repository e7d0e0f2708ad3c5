#include "engine/service.h"

namespace hindcast {
namespace {

Error needs_daemon() {
  return unavailable("this changes something and needs a running daemon; start `hindcast run`");
}

}  // namespace

Result<GapId> Service::open_gap(const GapRequest&) { return needs_daemon(); }
Status Service::accept_gap(GapId, const std::string&) { return needs_daemon(); }
Result<ReplayEntry> Service::start_replay(const ReplayRequest&) { return needs_daemon(); }
Result<ReplayEntry> Service::change_replay(JobId, const ReplayChange&) { return needs_daemon(); }
Result<ReplayEntry> Service::cancel_replay(JobId) { return needs_daemon(); }
Result<Limits> Service::change_limits(const std::map<std::string, std::string>&) {
  return needs_daemon();
}

std::string_view to_string(CoverageSpan::State state) {
  switch (state) {
    case CoverageSpan::State::kCovered:
      return "covered";
    case CoverageSpan::State::kGap:
      return "gap";
    case CoverageSpan::State::kReplaying:
      return "replaying";
    case CoverageSpan::State::kUnfillable:
      return "unfillable";
    case CoverageSpan::State::kAccepted:
      return "accepted";
  }
  return "unknown";
}

}  // namespace hindcast
