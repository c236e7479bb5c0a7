#include "etalon/pipeline/build_engine.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "etalon/base/error.hpp"
#include "etalon/engine/engine_worker.hpp"
#include "etalon/onnx/model.hpp"
#include "etalon/pipeline/exported_model.hpp"
#include "etalon/pipeline/old_cache.hpp"
#include "etalon/pipeline/written_files.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostTimingBytes = std::uint64_t{1} << 30;

IfExists if_exists(const EngineOptions& options) {
  return options.force ? IfExists::kReplace : IfExists::kRefuse;
}

Bytes read_timings(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored) ? read_file(path, kMostTimingBytes) : Bytes();
}

// "10.3.0.26" -> 10.3.0
TensorRtVersion version_of(const EngineBuilder& builder) {
  int numbers[3] = {0, 0, 0};
  const char* at = builder.version.data();
  const char* const end = at + builder.version.size();
  for (int& number : numbers) {
    at = std::from_chars(at, end, number).ptr;
    if (at != end && *at == '.') ++at;
  }
  return {numbers[0], numbers[1], numbers[2]};
}

// The cache's text for this builder. TensorRT reads no table of another version (TensorRT 10 calls one of 8.6
// by another algorithm's name and asks for images), although the ranges mean the same: the first line is made
// the builder's.
std::string table_for(const EngineBuilder& builder, CalibrationCache cache, Log& log) {
  const std::string header = cache_header(version_of(builder));
  if (cache.header != header) {
    log.info(fmt::format(
        "the cache's header is {}, TensorRT {} reads {} alone: it gets the lines under that, the file stays",
        escaped(cache.header), builder.version, header));
    cache.header = header;
  }
  return format_calibration_cache(cache);
}

std::vector<std::string> capabilities_for(const EngineBuilder& builder, const EngineOptions& options,
                                          Log& log) {
  if (builder.compute_capabilities.empty() || !options.compute_capabilities.empty())
    return options.compute_capabilities;
  std::vector<std::string> usual = parse_compute_capabilities(kUsualComputeCapabilities);
  std::erase_if(usual, [&](const std::string& capability) {
    return std::ranges::find(builder.compute_capabilities, capability) == builder.compute_capabilities.end();
  });
  log.info(fmt::format("building for compute capability {}; --compute_capability names others",
                       fmt::join(usual, ", ")));
  return usual;
}

EngineRequest request_of(const EngineOptions& options, const ModelToBuild& model) {
  EngineRequest request;
  request.onnx = model.name;
  request.model = model.described;
  request.precision = options.precision;
  if (options.precision == EnginePrecision::kInt8) request.calibration_cache = model.cache_name;
  request.profile = options.profile;
  request.max_workspace_bytes = options.max_workspace_bytes;
  request.timing_cache = options.timing_cache;
  request.version_compatible = options.version_compatible;
  request.strict_types = options.strict_types;
  request.compute_capabilities = options.compute_capabilities;
  request.time_limit = options.time_limit;
  return request;
}

// What a backend's engine is no good for, or needs.
void say_what_it_is_for(EngineBackend backend, Log& log) {
  if (backend == EngineBackend::kTensorrtRtx)
    log.info(
        "an engine of TensorRT for RTX is for programs that use it: neither DeepStream nor Triton load it");
  if (backend == EngineBackend::kOpenvino)
    log.info(
        "a compiled model is for this OpenVINO on a processor like this one; import it with "
        "INFERENCE_PRECISION_HINT f32 to compute as the ONNX says");
}

// What was given and does not matter to this build, said once.
void say_what_is_unused(const EngineJob& job, const ModelToBuild& model, Log& log) {
  if (job.options.timing_cache && job.builder.backend != EngineBackend::kTensorrt)
    log.warning(fmt::format("{} keeps no timings: --timing_cache is neither read nor written",
                            engine_backend_name(job.builder.backend)));
  if (model.cache &&
      (model.described.explicit_precision() || job.options.precision != EnginePrecision::kInt8))
    log.info(model.described.explicit_precision()
                 ? "the model is explicit and has its ranges in it: the calibration cache is not used"
                 : "--data_type is not int8: the calibration cache is not used");
  if (model.described.quantized && !model.described.half && job.options.precision == EnginePrecision::kFp16 &&
      job.builder.major() >= 10)
    log.info("--data_type fp16 changes nothing: the model is explicit, and its types are kept");
  if (!model.described.open_batch() && job.options.profile.largest != BatchProfile().largest)
    log.info("the model's batch is fixed: the batch sizes mean nothing to it");
}

}  // namespace

EngineJob prepare_engine(const EngineOptions& options, OutputFiles& outputs, Log& log) {
  check_profile(options.profile);
  outputs.reserve(options.engine_file, if_exists(options));
  EngineJob job{options, {}, {}};
  if (options.timing_cache) {
    outputs.reserve(*options.timing_cache, IfExists::kReplace);
    job.timings = read_timings(*options.timing_cache);
  }
  job.builder = find_engine_builder(options.backend);
  log.info(fmt::format("engine by {} {}{}", engine_backend_name(job.builder.backend), job.builder.version,
                       options.backend == EngineBackend::kAuto ? " (--engine_backend auto)" : ""));
  check_capabilities(job.builder, options.compute_capabilities);
  return job;
}

EngineResult stage_engine(const EngineJob& job, const ModelToBuild& model, OutputFiles& outputs, Log& log,
                          Progress& progress) {
  const EngineOptions& options = job.options;
  EngineRequest request = request_of(options, model);
  request.compute_capabilities = capabilities_for(job.builder, options, log);
  request.timings = job.timings;
  if (model.cache && !model.described.explicit_precision() && options.precision == EnginePrecision::kInt8 &&
      job.builder.takes_cache())
    request.calibration_table = table_for(job.builder, *model.cache, log);
  say_what_is_unused(job, model, log);
  say_what_it_is_for(job.builder.backend, log);
  const BuiltEngine built =
      within([&] { return quoted(model.name); },
             [&] { return build_engine(job.builder, request, model.onnx, log, progress); });
  log.info(fmt::format("built in {:.1f} s", built.seconds));
  outputs.stage(options.engine_file, if_exists(options), 0666, as_text(built.engine));
  if (!built.timings.empty())
    outputs.stage(*options.timing_cache, IfExists::kReplace, 0666, as_text(built.timings));
  return {job.builder.backend, job.builder.version, request.compute_capabilities, built.seconds,
          built.messages};
}

std::string trtexec_line(const EngineOptions& options, const ModelToBuild& model) {
  return trtexec_line(request_of(options, model), options.engine_file);
}

BuildResult build_engine_file(const BuildOptions& options, Log& log, Progress& progress) {
  OutputFiles outputs;
  outputs.protect(options.model);
  std::string decrypted;
  ModelToBuild model;
  model.name = options.model;
  model.cache_name = options.cal_cache_file;
  if (options.cal_cache_file) {
    outputs.protect(*options.cal_cache_file);
    model.cache = read_calibration_cache(*options.cal_cache_file);
  }
  {  // the parsed model is not kept while the builder works
    const ModelProto read = read_exported_model(options.model, options.key);
    within([&] { return quoted(options.model); },
           [&] {
             // Of a plain file the builder gets the file's bytes.
             if (kind_of_file(options.model) == FileKind::kEtlt) decrypted = onnx_bytes(read);
             model.described = describe_for_engine(read);
             if (model.cache && options.engine.precision == EnginePrecision::kInt8 &&
                 !model.described.explicit_precision())
               scales_of_cache(*model.cache, *options.cal_cache_file, read, log);  // says how it fits
           });
  }
  BuildResult result;
  if (options.engine.backend != EngineBackend::kOpenvino)
    result.trtexec = trtexec_line(options.engine, model);
  const EngineJob job = [&] {
    try {
      return prepare_engine(options.engine, outputs, log);
    } catch (const Error& error) {  // without a builder the line is what can be had
      if (error.kind() == Kind::kEnvironment && !result.trtexec.empty())
        log.info(fmt::format("for TensorRT on the target machine: {}",
                             escaped(result.trtexec, 4 * result.trtexec.size())));  // the model's own names
      throw;
    }
  }();
  std::optional<MappedFile> plain;
  if (decrypted.empty()) plain.emplace(options.model);
  model.onnx = plain ? plain->bytes() : as_bytes(decrypted);
  result.engine = stage_engine(job, model, outputs, log, progress);
  outputs.commit();
  result.written = outputs.written();
  log_written(result.written, log);
  return result;
}

int run_openvino_worker() {
  // Whatever prints cannot get between.
  const int answers = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (answers < 0 || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return 1;
  return serve_openvino(STDIN_FILENO, answers);
}

}  // namespace etalon
