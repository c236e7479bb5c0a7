// What an export will do, decided as soon as the model is known and before anything is computed.
//
//   const ExportPlan plan = plan_export(options, deployable, builder);
#pragma once

#include <optional>

#include "etalon/engine/engine.hpp"
#include "etalon/networks/deployable.hpp"
#include "etalon/pipeline/explicit_models.hpp"
#include "etalon/pipeline/export_options.hpp"

namespace etalon {

// Where the ranges of INT8 come from. kNowhere: none are needed.
enum class RangesFrom { kNowhere, kTraining, kExistingCache, kCalibration };

struct ExportPlan {
  RangesFrom ranges = RangesFrom::kNowhere;
  bool makes_explicit = false;     // explicit models: to write, to build from, to measure on
  bool corrects_biases = false;    // of what INT8 is made from
  bool corrects_exported = false;  // of the exported model itself: INT8 by a cache alone, if asked for
  bool balances_channels = false;  // of explicit INT8: only where ranges are counted now, for a cache is of
                                   // the plain model
  std::optional<ExplicitPrecision> built_as;  // the engine's model; nothing: the plain one
};

// `builder`: of the engine; nullptr: none is built. Error (kWrongUsage): INT8 without ranges.
ExportPlan plan_export(const ExportOptions& options, const Deployable& deployable,
                       const EngineBuilder* builder);

}  // namespace etalon
