// Words people type: the nearest known one, for "did you mean" hints.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace hindcast {

/// Edits that make `b` of `a`: insertions, deletions and substitutions of bytes, and swaps of
/// neighbours (the commonest slip of fingers). Levenshtein's distance with swaps ("optimal string
/// alignment").
size_t edit_distance(std::string_view a, std::string_view b);

/// The known word nearest to `word`, ignoring ASCII case; empty when none is near enough to be
/// meant (more than a third of the longer word would have to change, one byte always may). The
/// first of equally near ones.
std::string_view nearest_word(std::string_view word, std::span<const std::string_view> known);

/// " (did you mean 'delay'?)", or empty: to be appended to an error message.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> known);

}  // namespace hindcast
