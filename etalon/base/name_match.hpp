// The nearest of some known names to a misspelt one, for "did you mean".
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace etalon {

// The candidate with the smallest edit distance (insert, delete, replace, swap of neighbours each cost 1), if
// that is at most a third of the word's length (but at least 1). Equal distances: the first.
std::optional<std::string> nearest_name(std::string_view word, std::span<const std::string> candidates);

}  // namespace etalon
