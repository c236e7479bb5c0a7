#include "etalon/pipeline/doctor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/calibration/image_folder.hpp"
#include "etalon/engine/engine.hpp"
#include "etalon/images/image.hpp"
#include "etalon/networks/detectnet_v2/detectnet_v2.hpp"
#include "etalon/networks/mask_rcnn/describe_checkpoint.hpp"
#include "etalon/networks/mask_rcnn/spec_facts.hpp"
#include "etalon/onnx/padding_fault.hpp"
#include "etalon/pipeline/trained_mask_rcnn.hpp"
#include "etalon/pipeline/trained_model.hpp"
#include "etalon/runtime/session.hpp"
#include "etalon/spec/detectnet_v2_spec.hpp"
#include "etalon/spec/spec_kind.hpp"
#include "etalon/spec/spec_text.hpp"
#include "etalon/workers/codec.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

class Checks {
 public:
  void row(std::string_view what, std::string_view result, std::string_view detail) {
    rows_.push_back({{"what", what}, {"result", result}, {"detail", detail}});
  }
  // Runs `body`, which returns the detail of an "ok"; an Error becomes a row of its own. Whether it went
  // well.
  template <class Body>
  bool run(std::string_view what, Body&& body) {
    try {
      row(what, "ok", body());
      return true;
    } catch (const Error& error) {
      row(what, "error", error.line());
      return false;
    }
  }
  Json take() { return std::move(rows_); }

 private:
  Json rows_ = Json::array();
};

// What a use case talks of, as rows.
class Notes : public Log {
 public:
  Notes(Checks& checks, std::string_view what) : checks_(checks), what_(what) {}
  void write(LogLevel level, std::string_view text) override {
    if (level >= LogLevel::kWarning) checks_.row(what_, "note", text);
  }

 private:
  Checks& checks_;
  std::string what_;
};

void check_codec(Checks& checks) {
  try {
    if (const auto codec = find_codec())
      checks.row("codec", "ok",
                 fmt::format("nvidia-eff-tao-encryption {} in {} (Python {})", codec->package_version,
                             codec->python.string(), codec->python_version));
    else
      checks.row("codec", "note",
                 "not found: encrypted .tlt cannot be read and .etlt not written; install "
                 "nvidia-eff-tao-encryption and cryptography "
                 "in a Python 3.10 or 3.12 and name it in ETALON_CODEC_PYTHON");
  } catch (const Error& error) {
    checks.row("codec", "error", error.line());
  }
}

void check_engine_builder(EngineBackend backend, Checks& checks) {
  const std::string what = fmt::format("{} engines", engine_backend_name(backend));
  try {
    const EngineBuilder builder = find_engine_builder(backend);
    checks.row(what, "ok", fmt::format("{} in {}", builder.version, builder.command.front()));
  } catch (const Error& error) {
    // Named in the environment and not there is a mistake; not installed at all is the usual case.
    checks.row(what, error.places().empty() ? "note" : "error", error.line());
  }
}

// The ONNX that somebody else exported: only its padding is looked at.
void check_onnx_model(const fs::path& path, Checks& checks) {
  checks.run("model", [&] {
    const auto faults = find_padding_faults(read_onnx(path));
    if (faults.empty()) return std::string("ONNX without the padding fault of NVIDIA's default export route");
    throw Error(Kind::kBadInput,
                fmt::format("{} nodes have the padding fault of NVIDIA's default export route, the first is "
                            "'{}': has {}, trained with {}",
                            faults.size(), escaped(faults.front().node), faults.front().found,
                            faults.front().expected),
                "`etalon detectnet_v2 export --repair_padding` mends it");
  });
}

// Whether the model is an ONNX, and so has been looked at.
bool check_onnx_file(const fs::path& path, Checks& checks) {
  bool onnx = false;
  checks.run("model file", [&] {
    onnx = kind_of_file(path) == FileKind::kOnnx;
    return path.string();
  });
  if (onnx) check_onnx_model(path, checks);
  return onnx;
}

void check_images(const fs::path& folder, Checks& checks) {
  checks.run("images", [&] {
    const auto images = list_calibration_images(folder);
    if (images.empty())
      throw Error(Kind::kBadInput,
                  fmt::format("'{}' has no image (jpg, jpeg, png)", escaped(folder.string())));
    for (const auto& path : images)
      within([&] { return quoted(path); }, [&] { decode_image(read_file(path)); });
    return fmt::format("{} images, all can be read", images.size());
  });
}

// The picture size that training used need not be the network's, but a different one is worth a look.
void check_size(const detectnet_v2::Experiment& spec, const Deployable& model, Checks& checks) {
  const auto& wanted = spec.augmentation_config().preprocessing();
  const bool equal =
      wanted.output_image_width() == model.width && wanted.output_image_height() == model.height;
  checks.row("input size", equal ? "ok" : "note",
             fmt::format("model {}x{}, spec {}x{} (width x height)", model.width, model.height,
                         wanted.output_image_width(), wanted.output_image_height()));
  if (wanted.output_image_channel() == 0 || wanted.output_image_channel() == model.channels) return;
  checks.row("input channels", "error",
             fmt::format("model {}, spec {}: this is another model's spec", model.channels,
                         wanted.output_image_channel()));
}

// The processor's vector instructions that matter to inference, as Linux names them; empty where it does not
// tell.
std::vector<std::string> instruction_sets() {
  constexpr std::string_view kKnown[] = {"sse4_2",   "avx",         "avx2",        "fma",      "avx512f",
                                         "avx512bw", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"};
  std::ifstream file("/proc/cpuinfo");
  std::vector<std::string> found;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("flags")) continue;
    std::istringstream words(line);
    for (std::string word; words >> word;)
      if (std::ranges::find(kKnown, word) != std::end(kKnown)) found.push_back(word);
    break;
  }
  return found;
}

void check_detectnet_v2(const DoctorOptions& options, Checks& checks) {
  std::optional<DetectnetV2Spec> spec;
  if (options.experiment_spec)
    checks.run("spec", [&] {
      spec = read_detectnet_v2_spec(*options.experiment_spec);
      for (const auto& finding : spec->findings) checks.row("spec", "note", describe(finding));
      return fmt::format("DetectNet_v2, classes {}", fmt::join(target_class_names(spec->experiment), ", "));
    });
  if (!options.model) return;
  if (check_onnx_file(*options.model, checks)) return;
  std::optional<Deployable> model;
  checks.run("model", [&] {
    model =
        deployable_from_keras(read_trained_model(*options.model, options.key), spec ? &*spec : nullptr, {});
    return fmt::format("DetectNet_v2, input {}x{}x{}, {} classes{}", model->channels, model->height,
                       model->width, model->class_count, spec ? ", as many as the spec has" : "");
  });
  if (model && model->trained)
    checks.row("quantisation", "note",
               fmt::format("the model is quantisation-aware: training fixed the ranges of {} tensors and the "
                           "steps of {} kernels, no calibration images are needed",
                           model->trained->ranges.size(), model->trained->weight_steps.size()));
  if (model && spec) check_size(spec->experiment, *model, checks);
}

// What the checkpoint is, whether the specification is its, and what TensorRT's plugins can do of it.
void check_mask_rcnn(const DoctorOptions& options, Checks& checks) {
  std::optional<MaskRcnnSpecification> specification;
  if (options.experiment_spec)
    checks.run("spec", [&] {
      Notes notes(checks, "spec");
      specification = read_mask_rcnn_specification(*options.experiment_spec, notes);
      const auto& facts = specification->facts;
      return fmt::format(
          "Mask R-CNN, ResNet-{}, input {}x{} (height x width), {} classes with the background", facts.layers,
          facts.height, facts.width, facts.class_count);
    });
  if (specification)
    for (const auto& reason : plugins_cannot(specification->facts))
      checks.row("plugins", "note", reason + ": export it with --plugins none");
  if (!options.model) return;
  if (check_onnx_file(*options.model, checks)) return;
  checks.run("model", [&] {
    const TfCheckpoint trained = read_trained_checkpoint(*options.model, options.key);
    const auto net = describe_mask_rcnn(trained);
    if (specification) mask_rcnn_deployable(trained, *options.model, specification->facts, {});
    if (!net)
      throw Error(Kind::kBadInput, fmt::format("{} is a checkpoint of {} variables and no Mask R-CNN",
                                               quoted(*options.model), trained.variables.size()));
    return fmt::format(
        "Mask R-CNN, {}{}, C2..C5 of {} channels, pyramid of {}, fc7 of {}, {} classes with the background{}",
        net->layers > 0 ? fmt::format("ResNet-{}", net->layers) : "no known backbone",
        net->pruned ? " (pruned)" : "", fmt::join(net->backbone_widths, ", "), net->pyramid_width,
        net->head_width, net->class_count, specification ? ", as the spec has it" : "");
  });
}

// By what is there: a checkpoint, or a specification that says so. What cannot be read is found out later.
bool is_mask_rcnn(const DoctorOptions& options) {
  const auto holds = [](const auto& question) {
    try {
      return question();
    } catch (const Error&) {
      return false;
    }
  };
  return (options.model && holds([&] {
            const FileKind kind = kind_of_file(*options.model);
            return kind == FileKind::kCheckpointZip || kind == FileKind::kBareCheckpoint;
          })) ||
         (options.experiment_spec && holds([&] {
            const Bytes text = read_file(*options.experiment_spec, kLargestSpecBytes);
            return recognise_spec(as_text(text)).kind == SpecKind::kMaskRcnn;
          }));
}

}  // namespace

nlohmann::ordered_json examine(const DoctorOptions& options) {
  Checks checks;
  check_codec(checks);
  for (const EngineBackend backend : {EngineBackend::kTensorrt, EngineBackend::kTensorrtRtx})
    check_engine_builder(backend, checks);
  if (is_mask_rcnn(options))
    check_mask_rcnn(options, checks);
  else
    check_detectnet_v2(options, checks);
  if (options.cal_image_dir) check_images(*options.cal_image_dir, checks);
  const RuntimeFacts runtime = runtime_facts();
  return {{"version", 1},
          {"etalon", ETALON_VERSION},
          {"runtime",
           {{"openvino", runtime.version},
            {"device", runtime.device},
            {"instruction_sets", instruction_sets()},
            {"capabilities", runtime.capabilities}}},
          {"checks", checks.take()}};
}

bool has_errors(const nlohmann::ordered_json& examined) {
  for (const auto& row : examined.at("checks"))
    if (row.at("result") == "error") return true;
  return false;
}

}  // namespace etalon
