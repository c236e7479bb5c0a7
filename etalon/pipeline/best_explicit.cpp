#include "etalon/pipeline/best_explicit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "etalon/calibration/cache_lines.hpp"
#include "etalon/calibration/collect.hpp"
#include "etalon/quantization/channel_balance.hpp"
#include "etalon/quantization/skip_scales.hpp"

namespace etalon {
namespace {

// Of the output that INT8 moves most, dB.
double worst_output(const ExplicitModels& models, const BestExplicitInputs& inputs, Progress& progress) {
  double worst = std::numeric_limits<double>::infinity();
  for (const auto& [name, decibel] : models.output_errors(
           *inputs.images, {.input_dims = inputs.calibration->input_dims, .threads = inputs.options.threads},
           progress))
    worst = std::min(worst, decibel);
  return worst;
}

void correct_biases(ExplicitModels& models, const BestExplicitInputs& inputs, Log& log, Progress& progress) {
  if (!inputs.plan.corrects_biases) return;
  if (!inputs.images)
    return log.info("the biases are not corrected: that needs images, which --cal_image_dir names");
  models.correct_biases(*inputs.images,
                        {.input_dims = inputs.calibration->input_dims, .threads = inputs.options.threads},
                        log, progress);
}

}  // namespace

BestExplicit::BestExplicit(const BestExplicitInputs& inputs, Log& log, Progress& progress)
    : plain_(std::make_unique<ExplicitModels>(inputs.job, log)) {
  correct_biases(*plain_, inputs, log, progress);
  if (inputs.plan.balances_channels && inputs.images && !balanceable_tensors(inputs.job.model).empty())
    try_balanced(inputs, log, progress);
}

BestExplicit::BalancedModel BestExplicit::balance_and_calibrate(const BestExplicitInputs& inputs,
                                                                Progress& progress) {
  const CalibrationJob& job = *inputs.calibration;
  const CalibrationOptions& options = inputs.options;
  const LargestOfChannels largest = balanceable_in(
      job.model, largest_of_channels(job.computed, *inputs.images,
                                     {.input_dims = job.input_dims, .threads = options.threads}, progress));
  BalancedModel balanced{.model = balance_by_ranges(job.model, largest), .computed = {}, .scales = {}};
  if (&job.computed != &job.model) balanced.computed = balance_by_ranges(job.computed, largest);

  CountedStatistics counted;
  collect_statistics(balanced.computed ? *balanced.computed : balanced.model, *inputs.images,
                     part_of(inputs.images->count(), Shard{}),
                     {.tensors = job.tensors,
                      .input_dims = job.input_dims,
                      .threads = options.threads,
                      .precision = options.precision},
                     counted, {}, progress);
  const MadeCache made =
      make_cache(balanced.model, counted.tensors, options.rule, options.trt_version, job.unranged);
  for (const auto& line : made.cache.lines) balanced.scales.emplace(line.tensor, line.scale);
  const auto skips = choose_skip_scales(balanced.computed ? *balanced.computed : balanced.model,
                                        balanced.scales, *inputs.images,
                                        {.input_dims = job.input_dims, .threads = options.threads}, progress);
  for (const auto& [tensor, scale] : skips) balanced.scales[tensor] = scale;
  return balanced;
}

void BestExplicit::try_balanced(const BestExplicitInputs& inputs, Log& log, Progress& progress) {
  SilentLog silent;  // the layers are those of the plain model
  balanced_model_ = balance_and_calibrate(inputs, progress);
  ExplicitJob job{.plain = inputs.job.plain,
                  .model = balanced_model_->model,
                  .computed = balanced_model_->computed ? *balanced_model_->computed : balanced_model_->model,
                  .scales = balanced_model_->scales,
                  .trained = nullptr,
                  .unranged = inputs.job.unranged};
  balanced_ = std::make_unique<ExplicitModels>(job, silent);
  correct_biases(*balanced_, inputs, silent, progress);
  const double plain_db = worst_output(*plain_, inputs, progress);
  const double balanced_db = worst_output(*balanced_, inputs, progress);
  const bool better = balanced_db > plain_db;
  log.info(fmt::format(
      "channel balance: the worst output is {:.1f} dB from FP32 with it and {:.1f} dB without, so "
      "the explicit models are {}",
      balanced_db, plain_db,
      better ? "balanced and have ranges of their own; the cache is the plain model's" : "left as they are"));
  if (!better) balanced_.reset();
}

}  // namespace etalon
