// Calibration as every task that does it asks for it: which images, what is counted and kept, what is
// written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "etalon/base/file.hpp"
#include "etalon/base/log.hpp"
#include "etalon/calibration/cache_lines.hpp"
#include "etalon/calibration/calibration_images.hpp"
#include "etalon/calibration/ranges.hpp"
#include "etalon/calibration/shard.hpp"
#include "etalon/formats/calibration_cache/calibration_cache.hpp"
#include "etalon/images/preprocess.hpp"
#include "etalon/onnx/model.hpp"
#include "etalon/runtime/session.hpp"

namespace etalon {

// Names follow TAO's flags; defaults are the seed document's (docs/decisions.md).
struct CalibrationOptions {
  std::vector<std::filesystem::path> cal_image_dirs;
  std::filesystem::path cal_data_file;  // empty: not given
  bool use_validation_set = false;      // of the specification's data loader
  bool cal_random = false;
  std::filesystem::path data_root;  // where the specification's relative paths begin
  std::filesystem::path cal_cache_file = "./cal.bin";
  std::uint64_t batches = 10;
  std::uint64_t batch_size = 8;
  std::uint64_t seed = 42;
  RangeRule rule;
  TensorRtVersion trt_version;
  RunPrecision precision = RunPrecision::kF32;
  std::optional<std::filesystem::path> statistics;
  std::optional<Shard> shard;
  int threads = 0;  // 0: one a core
  bool force = false;
};

enum class CalibrationSource { kTensorfile, kImageFolders, kDataLoader, kNoise };

// Which source the options mean: a tensorfile that exists, else image folders, else the specification's data
// loader (docs/decisions.md). Says so in one line, with the reason where several could be meant. Error
// (kWrongUsage): none was given; flags that contradict each other or what a shard can do.
CalibrationSource choose_source(const CalibrationOptions& options, bool has_spec, Log& log);

// Opens the data loader that a network's specification describes, for inputs of this size. Talks of what it
// finds; errors name the specification's fields or files.
using SpecLoader = std::function<CalibrationImages(const CalibrationOptions&, const InputSize&, Log&)>;

// What is calibrated, and from where.
struct CalibrationJob {
  const ModelProto& model;  // whose tensors get lines
  // What is run: the same, or a graph that can be run and has the same tensors under the same names.
  const ModelProto& computed;
  CalibrationSource source;
  SpecLoader loader;  // empty where there is no specification
  InputSize size;
  Preprocessing how;
  std::vector<std::string> tensors;           // to be counted: those that decide scales and can be observed
  std::vector<std::string> unranged = {};     // get no line (scale_sources.hpp)
  std::vector<std::int64_t> input_dims = {};  // SessionOptions: for a model that leaves its size open
};

// No output of a run may replace a file that its images come from.
void protect_images(const CalibrationImages& images, OutputFiles& outputs);

// The images of the source, in drawn order, protected from being written over. Errors: as the sources throw
// them, and a loader whose pictures do not fit the network.
CalibrationImages open_images(const CalibrationOptions& options, const CalibrationJob& job,
                              OutputFiles& outputs, Log& log);

// What will be written, reserved before anything is computed: the cache unless there is a shard, the
// statistics, and a tensorfile that --cal_data_file names and that is not there. After open_images, so that
// no image is among them. Errors: as OutputFiles::reserve.
void reserve_calibration_outputs(const CalibrationOptions& options, CalibrationSource source,
                                 OutputFiles& outputs);

struct CalibrationResult {
  std::vector<std::string> images;                     // in drawn order; of a shard: of its part
  std::map<std::string, ChosenRange> chosen;           // by the tensor that decides; empty for a shard
  std::map<std::string, TensorStatistics> statistics;  // what was counted
  CalibrationCache cache;                              // empty for a shard
};

// Counts, or takes statistics that exist, and stages cache, statistics and tensorfile.
CalibrationResult calibrate(const CalibrationOptions& options, const CalibrationJob& job,
                            const CalibrationImages& images, OutputFiles& outputs, Log& log,
                            Progress& progress);

// A warning for a TensorRT that reads no caches.
void warn_of_version(const TensorRtVersion& version, Log& log);

// What was chosen by whom (with auto), and what has no line.
void tell_ranges(const MadeCache& made, const RangeRule& rule, Log& log);

}  // namespace etalon
