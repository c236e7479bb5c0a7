#include "etalon/pipeline/deepstream_output.hpp"

#include <fmt/format.h>

#include "etalon/base/error.hpp"
#include "etalon/deployment/deepstream.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

NetworkMode network_mode(DataType type) {
  switch (type) {
    case DataType::kFp32:
      return NetworkMode::kFp32;
    case DataType::kFp16:
      return NetworkMode::kFp16;
    case DataType::kInt8:
      return NetworkMode::kInt8;
  }
  return NetworkMode::kFp32;
}

// Files beside the model that a second export would write again: the same bytes are left alone.
void stage_unless_equal(OutputFiles& outputs, const fs::path& path, IfExists if_exists, unsigned mode,
                        const std::string& text, Log& log) {
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored) && fs::file_size(path, ignored) == text.size() &&
      as_text(read_file(path)) == text) {
    constexpr unsigned kOwnerOnly = 0600;
    if (mode == kOwnerOnly)
      fs::permissions(path,
                      fs::perms::owner_read | fs::perms::owner_write);  // it may have been opened up since
    log.info(fmt::format("{} is there already with the same content", quoted(path)));
    return;
  }
  outputs.stage(path, if_exists, mode, text);
}

// nvinfer takes paths relative to the folder of its configuration.
std::string relative_to(const fs::path& folder, const fs::path& path) {
  return fs::weakly_canonical(fs::absolute(path))
      .lexically_proximate(fs::weakly_canonical(fs::absolute(folder)))
      .string();
}

}  // namespace

void stage_deepstream_files(const ExportOptions& options, const Deployable& deployable,
                            const ModelOutput& output, OutputFiles& outputs, Log& log) {
  const IfExists if_exists = options.calibration.force ? IfExists::kReplace : IfExists::kRefuse;
  const fs::path folder = output.path.has_parent_path() ? output.path.parent_path() : fs::path(".");
  DeepStreamModel model;
  model.model_file = output.path.filename().string();
  model.encrypted = output.codec.has_value();
  model.key = options.key;
  model.mode = network_mode(options.data_type);
  if (options.data_type == DataType::kInt8)
    model.calibration_cache = relative_to(folder, options.calibration.cal_cache_file);
  const auto in_spec = [&] { return quoted(*options.experiment_spec); };
  const NvinferConfig config = within(in_spec, [&] { return nvinfer_config(deployable, model); });
  const std::string labels =
      within([] { return std::string("labels.txt"); }, [&] { return labels_txt(deployable.labels); });
  for (const auto& warning : config.warnings) log.warning(warning);
  const bool holds_key = !options.key.empty();
  if (holds_key)
    log.info(fmt::format("{} holds the key, as TAO writes it: only you may read it (mode 0600)",
                         quoted(folder / "nvinfer_config.txt")));
  if (labels.empty()) log.warning("no labels.txt is written: the names of the classes are not known");
  if (!labels.empty()) stage_unless_equal(outputs, folder / "labels.txt", if_exists, 0666, labels, log);
  stage_unless_equal(outputs, folder / "nvinfer_config.txt", if_exists, holds_key ? 0600 : 0666, config.text,
                     log);
}

}  // namespace etalon
