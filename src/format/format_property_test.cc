// Properties: the fast path agrees with the general one, cuts change nothing, decimals agree with
// arithmetic on digits, CSV cells come back as they were written.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "format/decode_test_util.h"
#include "format/json_record.h"
#include "format/json_shape.h"
#include "format/time_parser.h"
#include "format/value_parser.h"

namespace hindcast {
namespace {

template <class T>
rc::Gen<T> one_of(std::vector<T> choices) {
  return rc::gen::elementOf(std::move(choices));
}

/// Scalars as feeds write them, and as they should not.
rc::Gen<std::string> json_scalar() {
  return rc::gen::oneOf(
      one_of<std::string>({"0",
                           "-0",
                           "17",
                           "1570752011620",
                           "12.5",
                           "-0.50",
                           "1e-7",
                           "3.10E2",
                           "123456789012345",
                           "1234567890123456",
                           "0.000000001",
                           "99999999999.12345",
                           "true",
                           "false",
                           "null",
                           "01",
                           "1.",
                           ".5",
                           "+1",
                           "1e",
                           "NaN",
                           "nope",
                           ""}),
      one_of<std::string>({R"("")", R"("BTC")", R"("12.5")", R"("1570752011620")", R"("01")",
                           R"("a longer text than sixteen bytes")", R"("caf\u00e9")",
                           "\"caf\xc3\xa9\"", "\"caf\xe9\"", R"("tab\tquote\"")", "\"a\tb\"",
                           R"("unclosed)"}),
      rc::gen::map(rc::gen::inRange<int64_t>(-1'000'000'000'000, 1'000'000'000'000),
                   [](int64_t v) { return std::to_string(v); }),
      rc::gen::map(rc::gen::pair(rc::gen::inRange(0, 100'000), rc::gen::inRange(0, 1000)),
                   [](std::pair<int, int> v) {
                     return std::to_string(v.first) + "." + std::to_string(v.second);
                   }));
}

/// Records of a few templates, so that shapes are learnt and then hit, missed and hit again.
rc::Gen<std::string> json_record() {
  return rc::gen::map(
      rc::gen::tuple(rc::gen::inRange(0, 7), json_scalar(), json_scalar(), json_scalar(),
                     json_scalar()),
      [](const auto& v) {
        const auto& [form, s, t, i, p] = v;
        switch (form) {
          case 0:
          case 1:
          case 2:
            return fmt::format(R"({{"s":{},"t":{},"i":{},"p":{}}})", s, t, i, p);
          case 3:
            return fmt::format(R"({{"i":{}, "s":{} ,"x":[1,{{"y":"z"}}],"t":{},"p":{}}})", i, s, t,
                               p);
          case 4:
            return fmt::format(R"({{"s":{},"s":{},"t":{},"p":{}}})", s, i, t, p);
          case 5:
            return fmt::format(R"({{"s":{},"n":{{"a":[{},{}]}},"p":{}}})", s, t, i, p);
          default:
            return fmt::format(R"({{"s":{},"t":{},"i":{},"p":{}}}])", s, t, i, p);
        }
      });
}

std::string show(const std::vector<Cell>& cells) {
  std::string out;
  for (const Cell& cell : cells)
    out += fmt::format("{}:'{}' ", static_cast<int>(cell.kind), cell.text);
  return out;
}

// Whatever the fast path takes, the general path takes too, with the same cells.
RC_GTEST_PROP(JsonShapeProperty, TheFastPathAgreesWithTheGeneralOne, ()) {
  const JsonPaths paths({"s", "t", "i", "p", "n.a.1", "x.0"});
  const std::vector<bool> numeric = {false, true, true, true, true, false};
  const auto pad = [](std::string text) { return text.append(PaddedText::kPadding, '"'); };
  const auto teacher = *json_record();
  const auto shape = JsonShape::learn(teacher, paths, numeric);
  RC_PRE(shape.has_value());
  JsonRecord general;
  for (const std::string& record :
       *rc::gen::container<std::vector<std::string>>(8, json_record())) {
    const std::string padded = pad(record);
    std::vector<Cell> fast(6), slow(6);
    if (!shape->read({padded.data(), record.size()}, fast.data())) continue;
    Problem problem;
    RC_ASSERT(general.read({padded.data(), record.size()}, paths, slow.data(), problem));
    RC_ASSERT(show(fast) == show(slow));
    RC_CLASSIFY(true, "taken");
  }
}

// A body decoded at once (shapes are learnt) and record by record with fresh decoders (none is)
// gives the same.
RC_GTEST_PROP(DecoderProperty, WhatCameBeforeARecordDoesNotMatter, ()) {
  const auto records = *rc::gen::container<std::vector<std::string>>(json_record());
  const DecodeSetup setup = trades(FormatKind::kNdjson);
  std::string body, one_by_one;
  uint64_t line = 0;
  for (const std::string& record : records) {
    body += record + "\n";
    const Decoded alone = decode(setup, std::string(line++, '\n') + record);
    one_by_one += alone.to_string().substr(alone.to_string().find('\n') + 1);
  }
  const std::string all = decode(setup, body).to_string();
  // Events and dead letters interleave differently; compared as sets of lines.
  const auto lines = [](std::string text) {
    std::vector<std::string> out;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      out.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    std::sort(out.begin(), out.end());
    return out;
  };
  RC_ASSERT(lines(all.substr(all.find('\n') + 1)) == lines(one_by_one));
}

// Any bytes, cut anywhere, with or without restarts between the reads.
RC_GTEST_PROP(DecoderProperty, CutsAndResumesChangeNothing, ()) {
  const auto kind = *one_of<FormatKind>({FormatKind::kNdjson, FormatKind::kJson, FormatKind::kCsv});
  DecodeSetup setup = trades(kind);
  setup.source.format.line_max = ByteCount{*rc::gen::inRange<uint64_t>(20, 200)};
  setup.source.last_row_repeated = kind != FormatKind::kJson && *rc::gen::arbitrary<bool>();
  std::string body = kind == FormatKind::kCsv ? "s,t,i,p\n" : "";
  const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::oneOf(
      json_record(),
      one_of<std::string>({"\n", "\r\n", ",", "\"", "[", "]", "{", "}", "\\", "A,1,2,3\n",
                           "\"A\",1,2,3\n", "A,1,2,3\n", " ", "\"\"", "\xff"})));
  for (const std::string& piece : pieces) body += piece;
  const size_t step = *rc::gen::inRange<size_t>(1, 64);
  const bool resumes = *rc::gen::arbitrary<bool>();
  RC_ASSERT(decode_in_steps(setup, body, step, resumes).to_string() ==
                decode(setup, body).to_string() ||
            body.empty());
}

// The naive model: shift the point by hand, in text.
RC_GTEST_PROP(ValueParserProperty, DecimalsAgreeWithDigitsMovedByHand, ()) {
  const auto whole = *rc::gen::inRange<int64_t>(0, 1'000'000'000'000);
  const auto digits = *rc::gen::container<std::string>(
      *rc::gen::inRange(0, 14), rc::gen::inRange('0', static_cast<char>('9' + 1)));
  const bool negative = *rc::gen::arbitrary<bool>();
  const auto scale = *rc::gen::inRange<int>(0, 19);
  const std::string text =
      (negative ? "-" : "") + std::to_string(whole) + (digits.empty() ? "" : "." + digits);
  std::string shifted = std::to_string(whole) + digits;
  bool exact = true;
  for (int i = static_cast<int>(digits.size()); i < scale; ++i) shifted += '0';
  for (int i = scale; i < static_cast<int>(digits.size()); ++i) {
    exact = exact && shifted.back() == '0';
    shifted.pop_back();
  }
  shifted.erase(0, std::min(shifted.find_first_not_of('0'), shifted.size() - 1));
  const bool fits = shifted.size() <= 18;

  int64_t out = 0;
  const ParseStatus status = parse_decimal(text, 18, static_cast<uint8_t>(scale), out);
  if (exact && fits) {
    RC_ASSERT(status == ParseStatus::kOk);
    RC_ASSERT(out == (negative ? -std::stoll(shifted) : std::stoll(shifted)));
  } else {
    RC_ASSERT(status == ParseStatus::kTooManyDigits || status == ParseStatus::kOverflow);
  }
  // The same number in exponent form.
  int64_t same = 0;
  const auto exponent = *rc::gen::inRange(0, 10);
  RC_ASSERT(parse_decimal(text + std::string(digits.empty() ? "." : "") +
                              std::string(static_cast<size_t>(exponent), '0') + "e0",
                          18, static_cast<uint8_t>(scale), same) == status);
  RC_ASSERT(status != ParseStatus::kOk || same == out);
}

RC_GTEST_PROP(CsvProperty, CellsComeBackAsTheyWereWritten, ()) {
  DecodeSetup setup = trades(FormatKind::kCsv);
  setup.source.format.delimiter = *one_of<char>({',', ';', '\t'});
  const char d = setup.source.format.delimiter;
  const auto cells = *rc::gen::container<std::vector<std::string>>(
      rc::gen::nonEmpty(rc::gen::container<std::string>(
          one_of<char>({'a', '"', ',', ';', '\t', '\n', '\r', ' ', 'z'}))));
  std::string body = fmt::format("s{0}t{0}i{0}p\n", d);
  for (const std::string& cell : cells) {
    std::string quoted = "\"";
    for (const char c : cell) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    body += quoted + "\"" + fmt::format("{0}1{0}2{0}3\r\n", d);
  }
  const Decoded out = decode(setup, body);
  RC_ASSERT(out.dead_text().empty());
  RC_ASSERT(out.events.size() == cells.size());
  for (size_t i = 0; i < cells.size(); ++i)
    RC_ASSERT(out.events.keys[out.events.key[i]] == cells[i]);
}

RC_GTEST_PROP(TimeParserProperty, Rfc3339AgreesWithWhatIsPrinted, ()) {
  const int64_t ns =
      *rc::gen::inRange<int64_t>(-4'000'000'000'000'000'000, 9'000'000'000'000'000'000);
  TimeMapping mapping;
  TimeParser parser = TimeParser::create(mapping).value();
  int64_t out = 0;
  RC_ASSERT(parser.parse({to_rfc3339(event_time_ns(ns)), CellKind::kText}, "", out) ==
            TimeStatus::kOk);
  RC_ASSERT(out == ns);
}

}  // namespace
}  // namespace hindcast
