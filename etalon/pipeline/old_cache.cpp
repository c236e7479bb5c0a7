#include "etalon/pipeline/old_cache.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/quantization/simulated_int8.hpp"

namespace etalon {
namespace {

// The names of one kind, so many of them that a person wants to read; the rest with -v.
void tell_names(std::string_view what, const std::vector<std::string>& names, Log& log) {
  if (names.empty()) return;
  constexpr std::size_t kShown = 10;
  std::string shown;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i)
    shown += fmt::format("{}'{}'", i > 0 ? ", " : "", escaped(names[i]));
  log.info(fmt::format("{} {}: {}{}", names.size(), what, shown,
                       names.size() > kShown ? ", ...; -v lists them" : ""));
  for (std::size_t i = kShown; i < names.size(); ++i)
    log.debug(fmt::format("{}: '{}'", what, escaped(names[i])));
}

void tell_match(const CacheScales& found, const CalibrationCache& cache, Log& log) {
  log.info(fmt::format("the cache ({}, {} lines) has scales for {} tensors of the model",
                       escaped(cache.header), cache.lines.size(), found.scales.size()));
  std::vector<std::string> otherwise;
  for (const auto& [tensor, line] : found.spelt_otherwise) otherwise.push_back(line);
  tell_names("lines are matched with or without ':0'", otherwise, log);
  tell_names("lines are of tensors that folding took out of the model, and passed over", found.absorbed, log);
  tell_names("lines are TensorRT's own and name no tensor", found.unnamed, log);
  tell_names("lines name nothing in this model", found.foreign, log);
  tell_names("tensors of the model have no line", found.missing, log);
}

}  // namespace

CacheScales scales_of_cache(const CalibrationCache& cache, const std::filesystem::path& path,
                            const ModelProto& model, Log& log) {
  CacheScales found = cache_scales(cache, model);
  const std::size_t layers = count_quantizable_layers(model);
  const std::size_t reached = count_quantizable_layers(model, found.scales);
  if (layers == 0)
    throw Error(Kind::kBadInput,
                "the model has no layer with constant float32 weights (Conv, Gemm, MatMul) to quantise");
  if (2 * reached < layers)
    throw Error(Kind::kBadInput,
                fmt::format("{} is not of this model: it has scales for the inputs of {} of its {} layers",
                            quoted(path), reached, layers),
                "give the cache that was made for this model, or calibrate: etalon calibrate MODEL.onnx");
  check_scales(found, path);
  tell_match(found, cache, log);
  return found;
}

void check_scales(const CacheScales& found, const std::filesystem::path& path) {
  for (const auto& [tensor, scale] : found.scales)
    if (!std::isnormal(scale))
      throw Error(Kind::kBadInput,
                  fmt::format("the scale of '{}' is {} in {}: INT8 cannot be had with it", escaped(tensor),
                              scale, quoted(path)),
                  "take the line out, and the layers that read the tensor stay in floating point");
}

}  // namespace etalon
