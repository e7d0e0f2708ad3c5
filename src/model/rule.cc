// Reading the definition of an aggregate, and its hash.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "model/function.h"

namespace hindcast {
namespace {

struct Known {
  FunctionKind kind;
  std::string_view word;
  size_t least, most;  // arguments
  bool numbers;        // its arguments must be numbers
  std::string_view usage;
};
constexpr std::array<Known, 12> kKnown = {{
    {FunctionKind::kCount, "count", 0, 1, false, "count() or count(value)"},
    {FunctionKind::kSum, "sum", 1, 1, true, "sum(value)"},
    {FunctionKind::kMin, "min", 1, 1, false, "min(value)"},
    {FunctionKind::kMax, "max", 1, 1, false, "max(value)"},
    {FunctionKind::kFirst, "first", 1, 1, false, "first(value)"},
    {FunctionKind::kLast, "last", 1, 1, false, "last(value)"},
    {FunctionKind::kMean, "mean", 1, 1, true, "mean(value)"},
    {FunctionKind::kVwap, "vwap", 2, 2, true, "vwap(price, quantity)"},
    {FunctionKind::kVariance, "variance", 1, 1, true, "variance(value)"},
    {FunctionKind::kStddev, "stddev", 1, 1, true, "stddev(value)"},
    {FunctionKind::kDistinct, "distinct", 1, 1, false, "distinct(value)"},
    {FunctionKind::kRate, "rate", 0, 1, true, "rate() or rate(value)"},
}};

// What other systems call them: too far from our words to be found as a slip of the finger.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kElsewhere = {{
    {"avg", "mean"},
    {"average", "mean"},
    {"std", "stddev"},
    {"stdev", "stddev"},
    {"var", "variance"},
    {"var_pop", "variance"},
    {"count_distinct", "distinct"},
    {"uniq", "distinct"},
    {"total", "sum"},
}};

std::string_view trim(std::string_view s) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t begin = s.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return s.substr(begin, s.find_last_not_of(kBlank) - begin + 1);
}

std::string quoted(std::string_view s) { return "'" + std::string(s) + "'"; }

Error unknown_function(std::string_view word) {
  std::string message = "unknown function " + quoted(word);
  for (const auto& [theirs, ours] : kElsewhere) {
    if (word == theirs) return invalid_argument(message + " (did you mean " + quoted(ours) + "?)");
  }
  std::array<std::string_view, kKnown.size()> words;
  std::transform(kKnown.begin(), kKnown.end(), words.begin(),
                 [](const Known& k) { return k.word; });
  const std::string hint = did_you_mean(word, words);
  if (!hint.empty()) return invalid_argument(message + hint);
  message += "; known are ";
  for (const std::string_view known : words) {
    message += std::string(known) + (known == words.back() ? "" : ", ");
  }
  return invalid_argument(message);
}

Result<int> find_field(const StreamSchema& schema, std::string_view word) {
  for (size_t i = 0; i < schema.values.size(); ++i) {
    if (schema.values[i].name == word) return static_cast<int>(i);
  }
  std::vector<std::string_view> names;
  for (const ValueField& field : schema.values) names.push_back(field.name);
  return invalid_argument("unknown value " + quoted(word) + did_you_mean(word, names));
}

std::string_view type_word(ValueType type) {
  switch (type) {
    case ValueType::kDecimal:
      return "decimal";
    case ValueType::kDouble:
      return "double";
    case ValueType::kText:
      return "text";
  }
  return "unknown";
}

}  // namespace

std::string_view to_string(FunctionKind kind) {
  for (const Known& known : kKnown) {
    if (known.kind == kind) return known.word;
  }
  return "unknown";
}

Result<FunctionSpec> parse_function(const StreamSchema& schema, std::string name,
                                    std::string_view text) {
  const std::string_view all = trim(text);
  const size_t open = all.find('(');
  if (open == std::string_view::npos || all.back() != ')' ||
      all.find('(', open + 1) != std::string_view::npos) {
    return invalid_argument("expected a function of values, as in first(price) or count(), not " +
                            quoted(all));
  }
  const std::string_view word = trim(all.substr(0, open));
  const auto known =
      std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) { return k.word == word; });
  if (known == kKnown.end()) return unknown_function(word);

  std::vector<std::string_view> arguments;
  std::string_view rest = trim(all.substr(open + 1, all.size() - open - 2));
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    arguments.push_back(trim(rest.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
    if (rest.empty()) arguments.emplace_back();  // "vwap(price,)": an argument that names nothing
  }
  if (arguments.size() < known->least || arguments.size() > known->most) {
    return invalid_argument("expected " + std::string(known->usage) + ", got " +
                            std::to_string(arguments.size()) + " values in " + quoted(all));
  }

  FunctionSpec spec{.name = std::move(name), .kind = known->kind};
  for (size_t i = 0; i < arguments.size(); ++i) {
    HC_TRY_ASSIGN(const int field, find_field(schema, arguments[i]));
    if (known->numbers && schema.values[static_cast<size_t>(field)].type == ValueType::kText) {
      return invalid_argument(std::string(word) + " needs numbers, but " + quoted(arguments[i]) +
                              " is text");
    }
    (i == 0 ? spec.field : spec.weight) = field;
  }
  return spec;
}

Hash128 Rule::hash(const StreamSchema& schema) const {
  Bytes canonical = "hindcast rule 1";
  put_varint(canonical, schema.id.size());
  for (const PartType type : schema.id)
    put_string(canonical, type == PartType::kInt ? "int" : "text");
  put_varint(canonical, functions.size());
  for (const FunctionSpec& f : functions) {
    put_string(canonical, f.name);
    put_string(canonical, hindcast::to_string(f.kind));
    for (const int field : {f.field, f.weight}) {
      if (field < 0) {
        put_string(canonical, "");
        continue;
      }
      const ValueField& value = schema.values[static_cast<size_t>(field)];
      put_string(canonical, value.name);
      put_string(canonical, type_word(value.type));
      put_varint(canonical, value.type == ValueType::kDecimal ? value.scale : 0);
    }
  }
  return hash128(canonical);
}

}  // namespace hindcast
