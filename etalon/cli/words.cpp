#include "etalon/cli/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "etalon/base/error.hpp"
#include "etalon/base/name_match.hpp"

namespace etalon {
namespace {

std::string expand_flag(const std::string& word, std::span<const std::string> long_flags) {
  const std::size_t equals = word.find('=');
  const std::string name = word.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : word.substr(equals);
  if (std::ranges::find(long_flags, name) != long_flags.end()) return word;
  std::vector<std::string> candidates;
  for (const auto& flag : long_flags)
    if (flag.starts_with(name)) candidates.push_back(flag);
  if (candidates.size() == 1) return candidates.front() + value;
  if (candidates.size() > 1)
    throw Error(Kind::kWrongUsage,
                fmt::format("{} could be any of {}", escaped(name), fmt::join(candidates, ", ")),
                "write more of it");
  const auto nearest = nearest_name(name, long_flags);
  throw Error(Kind::kWrongUsage, fmt::format("unknown flag {}", escaped(name)),
              nearest ? fmt::format("did you mean {}?", *nearest) : "--help lists the flags");
}

}  // namespace

std::vector<std::string> canonical_words(std::string_view program_name, std::vector<std::string> words) {
  const std::string link = std::filesystem::path(program_name).filename().string();
  if (link == "detectnet_v2" || link == "mask_rcnn") words.insert(words.begin(), link);
  if (!words.empty() && words.front() == "model") words.erase(words.begin());
  return words;
}

std::vector<std::string> task_first(std::vector<std::string> words, std::span<const std::string> tasks) {
  if (words.empty() || !words.front().starts_with("-")) return words;
  const auto task = std::ranges::find_if(
      words, [&](const std::string& word) { return std::ranges::find(tasks, word) != tasks.end(); });
  if (task != words.end()) std::rotate(words.begin(), task, task + 1);
  return words;
}

std::vector<std::string> without_empty_values(std::vector<std::string> words) {
  std::vector<std::string> kept;
  for (auto& word : words) {
    if (word.starts_with("--") && word.find('=') == word.size() - 1) continue;
    if (word.empty() && !kept.empty() && kept.back().starts_with("-")) {
      kept.pop_back();
    } else {
      kept.push_back(std::move(word));
    }
  }
  return kept;
}

std::vector<std::string> expand_flags(std::vector<std::string> words,
                                      std::span<const std::string> long_flags) {
  for (auto& word : words) {
    if (word == "--") break;
    if (word == "-np") word = "--num_processes";
    if (word.starts_with("--")) word = expand_flag(word, long_flags);
  }
  return words;
}

}  // namespace etalon
