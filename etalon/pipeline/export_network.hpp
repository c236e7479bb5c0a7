// The export of any network: from a trained model to the files of a deployment. What is special to a network
// comes as functions: export_detectnet_v2.cpp, export_mask_rcnn.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "etalon/base/file.hpp"
#include "etalon/base/log.hpp"
#include "etalon/networks/deployable.hpp"
#include "etalon/pipeline/export_options.hpp"
#include "etalon/pipeline/status_log.hpp"

namespace etalon {

struct NetworkToExport {
  std::function<Deployable()> deployable;  // reads the trained model; errors name its file
  // For INT8, where the model itself cannot be run on a CPU: the same network with the same tensors in
  // operators that can. Called after `deployable`, at most once.
  std::function<ModelProto()> runnable{};
  bool exported = false;  // the model was ONNX before: some names may not be observable in it
  SpecLoader loader{};    // empty: no specification, or one without a data loader
};

struct ExportResult {
  std::vector<OutputFiles::Written> written;  // in the order they were made
  std::filesystem::path model_file;
  std::uint64_t parameter_count = 0;
  std::uint64_t model_size_bytes = 0;
  CalibrationResult calibration;  // empty when nothing was calibrated
  std::optional<EngineResult> engine;
  std::string trtexec;  // the command for the same engine; empty: none was built, or OpenVINO's
};

// All files of a run appear together at its end or not at all. Errors: as the stages throw them, with the
// file named; kWrongUsage for options that contradict each other.
ExportResult export_network(const ExportOptions& options, const NetworkToExport& network, Log& log,
                            Progress& progress, StatusLog& status);

}  // namespace etalon
