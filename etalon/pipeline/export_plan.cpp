#include "etalon/pipeline/export_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "etalon/base/error.hpp"
#include "etalon/pipeline/existing_cache.hpp"

namespace etalon {
namespace {

// A builder that takes no cache takes explicit models for reduced precision: of those that were asked for the
// one of the data type, which comes first.
std::optional<ExplicitPrecision> engine_model(const ExportOptions& options, const EngineBuilder* builder) {
  if (!builder || builder->takes_cache() || options.data_type == DataType::kFp32) return std::nullopt;
  if (options.data_type == DataType::kFp16) return ExplicitPrecision::kFp16;
  for (const auto precision : options.explicit_precisions)
    if (has_int8(precision)) return precision;
  return ExplicitPrecision::kInt8;
}

bool can_be_quantized(const ModelProto& model) {
  return opset_of(model) >= kOpset && !is_explicitly_quantized(model);
}

RangesFrom ranges_from(const ExportOptions& options, const Deployable& deployable, bool explicit_int8) {
  const bool int8 = options.data_type == DataType::kInt8;
  const bool wanted = int8 || explicit_int8 || !options.cal_json_file.empty();
  if (wanted && deployable.trained && !options.force_ptq) return RangesFrom::kTraining;
  if (!int8) return RangesFrom::kNowhere;
  return uses_existing_cache(options) ? RangesFrom::kExistingCache : RangesFrom::kCalibration;
}

}  // namespace

ExportPlan plan_export(const ExportOptions& options, const Deployable& deployable,
                       const EngineBuilder* builder) {
  ExportPlan plan;
  plan.built_as = engine_model(options, builder);
  const bool writes_int8 = std::ranges::any_of(options.explicit_precisions, has_int8);
  const bool explicit_int8 = writes_int8 || (plan.built_as && has_int8(*plan.built_as));
  plan.ranges = ranges_from(options, deployable, explicit_int8);
  if (explicit_int8 && plan.ranges == RangesFrom::kNowhere)
    throw Error(Kind::kWrongUsage, "explicit INT8 needs ranges, and the model has none of training",
                "add --data_type int8 with --cal_image_dir, or with a --cal_cache_file that exists");
  if (plan.ranges == RangesFrom::kTraining && (options.calibration.shard || options.calibration.statistics))
    throw Error(Kind::kWrongUsage,
                "--shard and --statistics: the model was trained for INT8, so that nothing is counted",
                "leave them out, or add --force_ptq");
  const bool ranged = plan.ranges != RangesFrom::kNowhere;
  // Training fixed the grids of a quantisation-aware model together with its biases.
  plan.corrects_biases =
      ranged && options.bias_correction.value_or(explicit_int8 && plan.ranges != RangesFrom::kTraining);
  plan.corrects_exported = plan.corrects_biases && !explicit_int8;
  plan.balances_channels =
      options.balance_channels && explicit_int8 && plan.ranges == RangesFrom::kCalibration;
  plan.makes_explicit = !options.explicit_precisions.empty() || plan.built_as || plan.corrects_biases;
  if (plan.makes_explicit && ranged) check_can_be_quantized(deployable.model);
  // The report shows what INT8 costs, where that can be had.
  plan.makes_explicit |= ranged && !options.report.empty() && can_be_quantized(deployable.model);
  return plan;
}

}  // namespace etalon
