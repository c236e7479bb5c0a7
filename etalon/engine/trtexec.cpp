#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "etalon/engine/engine.hpp"

namespace etalon {
namespace {

// A word for a POSIX shell: as it is where nothing in it means anything to one.
std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted_word = "'";
  for (const char c : word) quoted_word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted_word + "'";
}

// "input_1:4x3x544x960" of every input whose batch is open.
std::string shapes(const EngineModel& model, std::int64_t batch) {
  std::string text;
  for (const EngineInput& input : model.inputs) {
    if (!input.open_batch()) continue;
    std::vector<std::int64_t> dims = input.dims;
    dims.front() = batch;
    // A colon in a name would end it: trtexec takes names in single quotes for that.
    const bool quote = input.name.find_first_of(":,") != std::string::npos;
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", quote ? "'" + input.name + "'" : input.name,
                        fmt::join(dims, "x"));
  }
  return text;
}

}  // namespace

std::string trtexec_line(const EngineRequest& request, const std::filesystem::path& engine) {
  std::vector<std::string> words{"trtexec", "--onnx=" + request.onnx.string(),
                                 "--saveEngine=" + engine.string()};
  if (request.model.open_batch()) {
    const BatchProfile& batch = request.profile;
    words.push_back("--minShapes=" + shapes(request.model, batch.smallest));
    words.push_back("--optShapes=" + shapes(request.model, batch.usual));
    words.push_back("--maxShapes=" + shapes(request.model, batch.largest));
  }
  if (request.model.explicit_precision()) {
    words.emplace_back("--stronglyTyped");
  } else if (request.precision == EnginePrecision::kInt8) {
    words.emplace_back("--int8");
    if (request.calibration_cache) words.push_back("--calib=" + request.calibration_cache->string());
    if (!request.strict_types) words.emplace_back("--fp16");
  } else if (request.precision == EnginePrecision::kFp16) {
    words.emplace_back("--fp16");
  }
  if (request.strict_types && !request.model.explicit_precision())
    words.insert(words.end(), {"--precisionConstraints=prefer", "--directIO"});
  // trtexec counts in MiB.
  words.push_back(fmt::format("--memPoolSize=workspace:{}M",
                              std::max<std::uint64_t>(1, request.max_workspace_bytes >> 20)));
  if (request.version_compatible) words.emplace_back("--versionCompatible");
  if (request.timing_cache) words.push_back("--timingCacheFile=" + request.timing_cache->string());
  words.emplace_back("--skipInference");
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + shell_word(word);
  return line;
}

}  // namespace etalon
