// The words of a command line, brought from TAO's many spellings to one. CLI11 2.1 knows neither prefixes of
// long flags nor suggestions: these functions are the small step before it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace etalon {

// `detectnet_v2 export`, `tao detectnet_v2 export`, `tao model detectnet_v2 export` (through links named
// detectnet_v2 or tao) and `etalon model detectnet_v2 export` become {"detectnet_v2", "export", ...}.
std::vector<std::string> canonical_words(std::string_view program_name, std::vector<std::string> words);

// Flags before the task go behind it: {"--gpu_index", "0", "export", ...} with known tasks {"export"} becomes
// {"export", "--gpu_index", "0", ...}. (TAO parses such flags and then forgets them.)
std::vector<std::string> task_first(std::vector<std::string> words, std::span<const std::string> tasks);

// A flag with an empty value (`--key=`, `-k ""`) is not given, as with TAO: both words are dropped.
std::vector<std::string> without_empty_values(std::vector<std::string> words);

// An unambiguous prefix of a known long flag becomes that flag, as Python's argparse does it; "-np" becomes
// "--num_processes". Errors (kWrongUsage): an ambiguous prefix (names the candidates), an unknown flag (with
// the nearest). Words after "--" are left alone.
std::vector<std::string> expand_flags(std::vector<std::string> words,
                                      std::span<const std::string> long_flags);

}  // namespace etalon
