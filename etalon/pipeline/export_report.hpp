// `--report FILE.html`: an export, in pictures and numbers.
#pragma once

#include <string>
#include <vector>

#include "etalon/base/log.hpp"
#include "etalon/calibration/calibration_images.hpp"
#include "etalon/networks/deployable.hpp"
#include "etalon/pipeline/explicit_models.hpp"
#include "etalon/pipeline/export_options.hpp"
#include "etalon/report/html_report.hpp"

namespace etalon {

// Hands all on, and keeps the warnings.
class WarningKeeper final : public Log {
 public:
  explicit WarningKeeper(Log& log) : log_(log) {}
  void write(LogLevel level, std::string_view text) override;
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  Log& log_;
  std::vector<std::string> warnings_;
};

struct ReportInputs {
  const ExportOptions& options;
  const Deployable& deployable;
  const CalibrationResult& calibration;  // statistics and what was chosen; may be empty
  const CalibrationCache& cache;
  const ExplicitModels* models;                              // nullptr: nothing was rounded
  const CalibrationImages* images;                           // nullptr: no image was there to look at
  const ModelProto& computed;                                // what can be run of the deployable
  std::vector<std::pair<std::string, std::string>> written;  // file, what it is
  std::vector<std::string> warnings;
};

Report report_of(const ReportInputs& inputs, Log& log, Progress& progress);

}  // namespace etalon
