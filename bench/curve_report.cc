#include "bench/curve_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace hindcast::bench {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct Column {
  const char* name;  // in JSON
  const char* head;  // of the table
  int digits;
};
constexpr std::array<Column, kCurveColumns> kColumns{
    {{"apply_p50_ms", "apply p50", 2},
     {"apply_p99_ms", "p99", 2},
     {"apply_p999_ms", "p99.9", 2},
     {"ack_p50_ms", "ack p50", 2},
     {"ack_p99_ms", "p99", 2},
     {"seal_worst_ms", "worst seal", 0},
     {"replay_events_per_second", "replay ev/s", 0},
     {"replay_share", "of ungov.", 2},
     {"cpu_idle_share", "CPU idle", 2},
     {"cpu_steal_share", "steal", 2},
     {"others_cpus", "others CPUs", 2},
     {"rss_max_mib", "RSS MiB", 0}}};

double ms(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

}  // namespace

double quantile_ms(const LatencyCounts& counts, double share) {
  return counts.count() == 0 ? kNone : ms(counts.quantile(share));
}

namespace {

double median(std::vector<double> values) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty()) return kNone;
  std::ranges::sort(values);
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// Of `row`'s column over rounds, each divided by that of `base` in the same round.
double median_ratio(const CurveTable::Row& row, const CurveTable::Row* base, CurveColumn column) {
  std::vector<double> values;
  if (base == nullptr) return kNone;
  for (size_t i = 0; i < std::min(row.rounds.size(), base->rounds.size()); ++i) {
    if (base->rounds[i][column] > 0)
      values.push_back(row.rounds[i][column] / base->rounds[i][column]);
  }
  return median(std::move(values));
}

double largest(const CurveTable::Row& row, CurveColumn column) {
  double most = kNone;
  for (const CurveFigures& figures : row.rounds) most = std::fmax(most, figures[column]);
  return most;
}

std::string number(double value, int digits, const char* suffix = "") {
  return std::isnan(value) ? "-" : fmt::format("{:.{}f}{}", value, digits, suffix);
}

CurveMark mark(bool met, std::string text) {
  return {met ? CurveMark::Verdict::kMet : CurveMark::Verdict::kNotMet, std::move(text)};
}

/// "apply p99 1.10 x (at most 1.25 x)"
CurveMark at_most(const std::string& what, double value, double bound) {
  const std::string text = fmt::format("{} {} x (at most {:.2f} x)", what, number(value, 2), bound);
  if (std::isnan(value)) return {CurveMark::Verdict::kNotJudged, text};
  return mark(value <= bound, text);
}

std::string_view to_string(CurveMark::Verdict verdict) {
  switch (verdict) {
    case CurveMark::Verdict::kMet:
      return "met";
    case CurveMark::Verdict::kNotMet:
      return "not met";
    case CurveMark::Verdict::kNotJudged:
      return "not judged";
  }
  return "unknown";
}

std::string line_of(const std::string& name, const CurveFigures& figures, bool as_ratios) {
  std::string text = fmt::format("{:<12}", name);
  for (size_t i = 0; i < figures.size(); ++i)
    text += fmt::format(" {:>11}", as_ratios ? number(figures[i], 2, " x")
                                             : number(figures[i], kColumns[i].digits));
  return text + "\n";
}

std::string json_of(const CurveFigures& figures) {
  std::string text;
  for (size_t i = 0; i < figures.size(); ++i) {
    text += fmt::format("{}\"{}\":{}", i == 0 ? "" : ",", kColumns[i].name,
                        std::isnan(figures[i]) ? "null" : fmt::format("{:.4f}", figures[i]));
  }
  return "{" + text + "}";
}

/// The texts hold no character that JSON escapes.
std::string quoted(std::string_view text) { return fmt::format("\"{}\"", text); }

template <class Range, class Text>
std::string list_of(const Range& range, const Text& text) {
  std::string out;
  for (const auto& item : range) out += (out.empty() ? "" : ",") + text(item);
  return "[" + out + "]";
}

}  // namespace

void CurveTable::add(const std::string& config, const CurveSample& sample) {
  auto row = std::ranges::find(rows, config, &Row::config);
  if (row == rows.end()) row = rows.insert(rows.end(), Row{config, {}});
  row->rounds.push_back({quantile_ms(sample.apply, 0.5), quantile_ms(sample.apply, 0.99),
                         quantile_ms(sample.apply, 0.999), quantile_ms(sample.acknowledged, 0.5),
                         quantile_ms(sample.acknowledged, 0.99), quantile_ms(sample.seal, 1),
                         sample.replayed == 0 ? kNone : sample.replay_rate(), kNone, sample.idle,
                         sample.steal, sample.others,
                         static_cast<double>(sample.rss_max) / (1 << 20)});
}

const CurveTable::Row* CurveTable::find(const std::string& config) const {
  const auto row = std::ranges::find(rows, config, &Row::config);
  return row == rows.end() ? nullptr : &*row;
}

CurveFigures medians(const CurveTable& table, const CurveTable::Row& row) {
  CurveFigures out;
  for (size_t i = 0; i < out.size(); ++i) {
    std::vector<double> values;
    for (const CurveFigures& figures : row.rounds) values.push_back(figures[i]);
    out[i] = median(std::move(values));
  }
  out[kShare] = median_ratio(row, table.find("ungoverned"), kReplay);
  return out;
}

CurveFigures ratios(const CurveTable& table, const CurveTable::Row& row) {
  CurveFigures out;
  const CurveTable::Row* const alone = table.find("none");
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = median_ratio(row, alone, static_cast<CurveColumn>(i));
  out[kReplay] = out[kShare] = kNone;
  return out;
}

std::vector<CurveMark> marks(const CurveTable& table, bool real_time) {
  const CurveTable::Row* const alone = table.find("none");
  if (alone == nullptr) return {};
  std::vector<CurveMark> out;
  for (const CurveTable::Row& row : table.rows) {
    if (&row == alone) continue;
    const CurveFigures ratio = ratios(table, row);
    if (row.config == "ungoverned") {
      out.push_back(
          mark(ratio[kApply99] > 10 || ratio[kAck99] > 10,
               fmt::format("ungoverned: apply p99 {} x, ack p99 {} x (expected above 10 x)",
                           number(ratio[kApply99], 2), number(ratio[kAck99], 2))));
      continue;
    }
    const double share = medians(table, row)[kShare];
    if (std::isnan(share) || share < 0.5) {
      out.push_back({CurveMark::Verdict::kNotJudged,
                     fmt::format("{}: at {} of the ungoverned speed (judged from 0.50 on)",
                                 row.config, number(share, 2))});
      continue;
    }
    const std::string name = row.config + ": ";
    out.push_back(at_most(name + "apply p99", ratio[kApply99], real_time ? 1.25 : 1.5));
    out.push_back(at_most(name + "ack p99", ratio[kAck99], 1.5));
    out.push_back(
        at_most(name + "worst seal", largest(row, kSealWorst) / largest(*alone, kSealWorst), 2));
  }
  return out;
}

std::string table_text(const CurveTable& table, bool real_time) {
  std::string text = fmt::format("{:<12}", fmt::format("{} keys", table.keys));
  for (const Column& column : kColumns) text += fmt::format(" {:>11}", column.head);
  text += "\n";
  for (const CurveTable::Row& row : table.rows)
    text += line_of(row.config, medians(table, row), false);
  if (table.find("none") != nullptr) {
    text += "against none of the same round\n";
    for (const CurveTable::Row& row : table.rows) {
      if (row.config != "none") text += line_of(row.config, ratios(table, row), true);
    }
  }
  for (const CurveMark& mark : marks(table, real_time))
    text += fmt::format("  {:<10}  {}\n", to_string(mark.verdict), mark.text);
  return text;
}

std::string table_json(const std::vector<CurveTable>& tables, const std::string& header,
                       bool real_time) {
  const auto row_json = [](const CurveTable& table, const CurveTable::Row& row) {
    return fmt::format(R"({{"config":"{}","median":{},"ratio":{},"rounds":{}}})", row.config,
                       json_of(medians(table, row)), json_of(ratios(table, row)),
                       list_of(row.rounds, json_of));
  };
  const auto table_of = [&](const CurveTable& table) {
    return fmt::format(
        R"({{"keys":{},"rows":{},"marks":{}}})", table.keys,
        list_of(table.rows, [&](const CurveTable::Row& row) { return row_json(table, row); }),
        list_of(marks(table, real_time), [](const CurveMark& mark) {
          return fmt::format(R"({{"verdict":{},"text":{}}})", quoted(to_string(mark.verdict)),
                             quoted(mark.text));
        }));
  };
  return fmt::format("{{{},\"real_time\":{},\"tables\":{}}}\n", header, real_time,
                     list_of(tables, table_of));
}

}  // namespace hindcast::bench
