#include "etalon/pipeline/onnx_input.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/networks/metadata.hpp"

namespace etalon {
namespace {

// The sides of one image as the model has them, `given` where it leaves them open.
std::vector<std::int64_t> input_dims(const ModelProto& model, const std::vector<std::int64_t>& given,
                                     Layout layout) {
  const auto inputs = data_inputs(model.graph());
  if (inputs.size() != 1)
    throw Error(Kind::kUnsupported,
                fmt::format("the model has {} inputs, expected one that takes images", inputs.size()));
  const auto shape = shape_of(*inputs.front());
  if (!shape || shape->size() != 4)
    throw Error(Kind::kBadInput, fmt::format("input '{}' has {} axes, expected a batch of images with 4",
                                             escaped(inputs.front()->name()), shape ? shape->size() : 0));
  std::vector<std::int64_t> ordered = given;  // --input_dims is C,H,W whatever the layout
  if (layout == Layout::kNhwc && !ordered.empty())
    std::rotate(ordered.begin(), ordered.begin() + 1, ordered.end());
  std::vector<std::int64_t> dims;
  constexpr std::int64_t kMostSide = 65535;
  for (std::size_t i = 0; i < 3; ++i) {
    const Dimension& named = (*shape)[i + 1];
    if (named && !ordered.empty() && *named != ordered[i])
      throw Error(Kind::kWrongUsage,
                  fmt::format("--input_dims {} contradicts the model's input", fmt::join(given, ",")));
    if (!named && ordered.empty())
      throw Error(Kind::kWrongUsage,
                  fmt::format("input '{}' leaves its size open", escaped(inputs.front()->name())),
                  "add --input_dims CHANNELS,HEIGHT,WIDTH");
    dims.push_back(named ? *named : ordered[i]);
    if (dims.back() < 1 || dims.back() > kMostSide)
      throw Error(Kind::kBadInput,
                  fmt::format("input '{}' has a side of {}", escaped(inputs.front()->name()), dims.back()));
  }
  return dims;
}

InputSize size_of(const std::vector<std::int64_t>& dims, Layout layout) {
  const auto side = [&](std::size_t nchw, std::size_t nhwc) {
    return static_cast<int>(dims[layout == Layout::kNchw ? nchw : nhwc]);
  };
  const InputSize size{side(0, 2), side(1, 0), side(2, 1)};
  if (size.channels != 1 && size.channels != 3)
    throw Error(Kind::kUnsupported,
                fmt::format("the network takes images of {} channels, expected 1 or 3", size.channels),
                layout == Layout::kNchw ? "is its layout nhwc? then add --layout nhwc"
                                        : "is its layout nchw? then leave --layout nhwc away");
  return size;
}

Preprocessing preprocessing_of(const OnnxInputOptions& options, const ModelProto& model, Log& log) {
  const std::optional<Preprocessing> recorded = preprocessing_in(model);
  Preprocessing how = recorded.value_or(Preprocessing{});
  if (recorded) log.info("preprocessing is that of the model's own metadata where no flag says otherwise");
  if (options.layout) how.layout = *options.layout;
  if (options.channel_order) how.order = *options.channel_order;
  if (options.scale) how.scale = *options.scale;
  if (!std::isfinite(how.scale) || how.scale == 0)
    throw Error(Kind::kWrongUsage, fmt::format("--scale is {}, expected a number other than 0", how.scale));
  return how;
}

void set_mean(const std::vector<double>& mean, int channels, Preprocessing& how) {
  if (mean.empty()) return;
  if (mean.size() != 1 && mean.size() != static_cast<std::size_t>(channels))
    throw Error(Kind::kWrongUsage,
                fmt::format("--mean has {} numbers for {} channels", mean.size(), channels));
  for (const double value : mean)
    if (!std::isfinite(value))
      throw Error(Kind::kWrongUsage, fmt::format("--mean has {}, expected numbers", value));
  for (std::size_t c = 0; c < how.mean.size(); ++c) how.mean[c] = mean[std::min(c, mean.size() - 1)];
}

}  // namespace

OnnxInput onnx_input(const ModelProto& model, const std::filesystem::path& path,
                     const OnnxInputOptions& options, Log& log) {
  Preprocessing how = preprocessing_of(options, model, log);
  std::vector<std::int64_t> dims;
  InputSize size;
  within([&] { return quoted(path); },
         [&] {
           dims = input_dims(model, options.input_dims, how.layout);
           size = size_of(dims, how.layout);
         });
  if (size.channels == 1) how.order = ChannelOrder::kGrey;
  if (size.channels == 3 && how.order == ChannelOrder::kGrey)
    throw Error(Kind::kWrongUsage, "--channel_order grey is for networks that take one channel");
  set_mean(options.mean, size.channels, how);
  log.info(fmt::format("(pixel - {}) * {:g}, {}, {}x{}x{} (channels, height, width)",
                       fmt::join(how.mean.begin(), how.mean.begin() + size.channels, ","), how.scale,
                       how.order == ChannelOrder::kRgb   ? "RGB"
                       : how.order == ChannelOrder::kBgr ? "BGR"
                                                         : "grey",
                       size.channels, size.height, size.width));
  return {std::move(dims), size, how};
}

}  // namespace etalon
