// Recorded trades as the data of the demo: `hindcast demo --data DIR`.
//
// Taken are files of DIR whose names hold "trades": .json (an array, or a record a line), .ndjson
// or .csv, plain, .gz or .zst. A record is one of
//   {"symbol", "id", "price", "qty" or "amount", "time" or "timestamp"}    as exchanges' libraries
//     write them; with "info" around {"a", "p", "q", "T"}, that counts
//   {"s", "a" or "t", "p", "q", "T"}                                       as they come live
//   [time, id, _, side, price, amount, …]
//   CSV with the columns id (or agg_trade_id), price, qty (or quantity), time (or transact_time);
//     without a header in the order of Binance's archives of trades or, by the name, of aggTrades
// Where a record names no symbol, the file's name begins with it: XRP_ETH-trades.json.gz. Times are
// Unix seconds, ms or us. One trade may stand in several files. Files named SYMBOL-1m.json (5m, 1h;
// arrays of [start ms, open, high, low, close, volume]) are the exchange's own candles: the proof
// compares with them, too.
//
// Thread safety: any thread.
#pragma once
#include <string>

#include "cli/demo_data.h"

namespace hindcast {

/// As write_demo_data(). The eight symbols with the most trades are taken.
Result<DemoSet> write_trades(const std::string& data, const std::string& folder);

}  // namespace hindcast
