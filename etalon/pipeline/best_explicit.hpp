// The explicit models of an export, with channels balanced for INT8 (quantization/channel_balance.hpp) where
// that brings the outputs nearer to FP32.
//
//   const BestExplicit best(inputs, log, progress);
//   best.models().in(ExplicitPrecision::kInt8)
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "etalon/base/log.hpp"
#include "etalon/calibration/calibration_images.hpp"
#include "etalon/pipeline/calibration.hpp"
#include "etalon/pipeline/explicit_models.hpp"
#include "etalon/pipeline/export_plan.hpp"

namespace etalon {

struct BestExplicitInputs {
  const CalibrationOptions& options;
  const ExportPlan& plan;
  ExplicitJob job;                    // of the plain model
  const CalibrationJob* calibration;  // nullptr, and
  const CalibrationImages* images;    // nullptr: no images, so nothing is corrected, balanced or measured
};

class BestExplicit {
 public:
  // Balancing is a second calibration, and both models are measured on some of the images: what a network
  // gains by it depends on how its channels differ. Errors: those of the steps.
  BestExplicit(const BestExplicitInputs& inputs, Log& log, Progress& progress);

  const ExplicitModels& models() const { return balanced_ ? *balanced_ : *plain_; }

 private:
  struct BalancedModel {
    ModelProto model;                    // the same outputs, bit for bit
    std::optional<ModelProto> computed;  // where that is another graph
    std::map<std::string, float> scales;
  };
  static BalancedModel balance_and_calibrate(const BestExplicitInputs& inputs, Progress& progress);
  void try_balanced(const BestExplicitInputs& inputs, Log& log, Progress& progress);

  std::unique_ptr<ExplicitModels> plain_, balanced_;
  std::optional<BalancedModel> balanced_model_;  // what balanced_ refers to
};

}  // namespace etalon
