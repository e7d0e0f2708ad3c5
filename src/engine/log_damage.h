// Says once, where a lane meets it, that a stored page is damaged and is made anew (lane/remake.h).
#pragma once
#include "base/log.h"
#include "store/store.h"

namespace hindcast {

inline void log_damage(const PageParts& page) {
  if (page.whole()) return;
  log_error("a stored page is damaged; it is made anew of what is left of it",
            {{"partition", page.head.key.partition},
             {"window", to_rfc3339(page.head.key.window)},
             {"slot", page.head.key.slot},
             {"error", page.head.damage.empty() ? page.damaged.front().what : page.head.damage}});
}

}  // namespace hindcast
