#include "etalon/engine/engine.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "etalon/base/error.hpp"
#include "etalon/engine/engine_worker.hpp"
#include "etalon/runtime/session.hpp"
#include "etalon/workers/python_search.hpp"

namespace etalon {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kProbeTime{
    60};  // TensorRT's libraries are gigabytes, and the disk may be slow
constexpr std::int64_t kLargestBatch = 65536;
constexpr int kOldestTensorrt = 8;
constexpr int kFirstWithoutCaches = 11;  // calibrators and caches are gone from it

struct PythonBackend {
  EngineBackend backend;
  const char* module;
  PythonSearch search;
};

// 3: whatever Python there is.
std::vector<std::string> pythons() { return {"3", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"}; }

PythonBackend python_backend(EngineBackend backend) {
  if (backend == EngineBackend::kTensorrtRtx)
    return {
        backend,
        "tensorrt_rtx",
        {"ETALON_TENSORRT_RTX_PYTHON", ETALON_SETUP_RTX_PYTHON, pythons(),
         "install it with `pip install tensorrt_rtx` and name that Python in ETALON_TENSORRT_RTX_PYTHON"}};
  return {EngineBackend::kTensorrt,
          "tensorrt",
          {"ETALON_TENSORRT_PYTHON", "", pythons(),
           "on the machine with the GPU: install NVIDIA's Python package tensorrt and name its Python in "
           "ETALON_TENSORRT_PYTHON, or build there with trtexec"}};
}

EngineBuilder probe(EngineBackend backend, std::vector<std::string> command, std::string_view module) {
  const std::string who = fmt::format("{} in '{}'", module, escaped(command.front()));
  const WorkerAnswer answer =
      ask_engine_worker(command, who, {{"op", "probe"}, {"module", module}}, {}, kProbeTime, {});
  EngineBuilder builder{backend, std::move(command), "", {}};
  if (const auto version = answer.header.find("version");
      version != answer.header.end() && version->is_string())
    builder.version = escaped(version->get<std::string>(), 40);
  if (const auto known = answer.header.find("capabilities");
      known != answer.header.end() && known->is_array())
    for (const json& capability : *known)
      if (capability.is_string())
        builder.compute_capabilities.push_back(escaped(capability.get<std::string>(), 10));
  if (builder.version.empty()) throw Error(Kind::kEnvironment, who + " tells no version");
  return builder;
}

// Of what a probe says: the package is there, but an exception came out of it, as of a library that it lacks.
bool is_no_absence(std::string_view said, std::string_view module) {
  return said.find("Error: ") != std::string_view::npos &&
         said.find(fmt::format("No module named '{}'", module)) == std::string_view::npos;
}

std::string_view precision_name(EnginePrecision precision) {
  constexpr std::string_view kNames[] = {"fp32", "fp16", "int8"};
  return kNames[static_cast<std::size_t>(precision)];
}

void refuse_precision(const EngineBuilder& builder, const EngineRequest& request) {
  const bool has_it = request.precision == EnginePrecision::kFp32 ||
                      (request.precision == EnginePrecision::kInt8 ? request.model.quantized
                                                                   : request.model.explicit_precision());
  if (has_it) return;
  const std::string_view wanted = precision_name(request.precision);
  const bool int8 = request.precision == EnginePrecision::kInt8;
  if (!builder.takes_cache() || request.model.explicit_precision())
    throw Error(Kind::kUnsupported,
                fmt::format("{} {} takes {} from an explicit model alone, and this one {}",
                            engine_backend_name(builder.backend), builder.version, wanted,
                            request.model.half ? "has half floats and no quantized tensors" : "is plain"),
                int8 ? "make one with `etalon quantize MODEL.onnx --cal_cache_file cal.bin`, or export with "
                       "--explicit int8"
                     : "export one with --explicit fp16");
  if (int8 && request.calibration_table.empty())
    throw Error(Kind::kWrongUsage, "--data_type int8 of a plain model needs a calibration cache",
                "add --cal_cache_file, or build an explicit model");
}

}  // namespace

std::string_view engine_backend_name(EngineBackend backend) {
  constexpr std::string_view kNames[] = {"auto", "tensorrt", "tensorrt_rtx", "openvino"};
  return kNames[static_cast<std::size_t>(backend)];
}

EngineBackend parse_engine_backend(std::string_view name) {
  constexpr EngineBackend kAll[] = {EngineBackend::kAuto, EngineBackend::kTensorrt,
                                    EngineBackend::kTensorrtRtx, EngineBackend::kOpenvino};
  for (const EngineBackend backend : kAll)
    if (name == engine_backend_name(backend)) return backend;
  throw Error(Kind::kWrongUsage,
              fmt::format("unknown engine backend '{}', expected auto, tensorrt, tensorrt_rtx or openvino",
                          escaped(name)));
}

int EngineBuilder::major() const {
  int number = 0;
  std::from_chars(version.data(), version.data() + version.size(), number);
  return number;
}

bool EngineBuilder::takes_cache() const {
  return backend == EngineBackend::kTensorrt && major() >= kOldestTensorrt && major() < kFirstWithoutCaches;
}

EngineBuilder find_engine_builder(EngineBackend backend) {
  if (backend == EngineBackend::kOpenvino)
    return {backend, {"/proc/self/exe", kOpenvinoWorkerVerb}, runtime_facts().version, {}};
  const PythonBackend wanted = python_backend(backend);
  std::string there_but;  // what a Python says that has the package and cannot load it
  const auto found = first_python(wanted.search, [&](const std::filesystem::path& python) {
    try {
      return probe(wanted.backend, {python.string(), "-B", "-c", kEngineWorkerSource}, wanted.module);
    } catch (const Error& error) {
      if (there_but.empty() && is_no_absence(error.line(), wanted.module)) there_but = "; " + error.line();
      throw;
    }
  });
  if (found) return *found;
  throw Error(Kind::kEnvironment,
              fmt::format("no Python has the package {} (looked at {}){}", wanted.module,
                          looked_at(wanted.search), there_but),
              wanted.search.install);
}

void check_profile(const BatchProfile& profile) {
  if (1 <= profile.smallest && profile.smallest <= profile.usual && profile.usual <= profile.largest &&
      profile.largest <= kLargestBatch)
    return;
  throw Error(Kind::kWrongUsage,
              fmt::format("batch sizes are {}, {} and {}, expected 1 <= smallest <= usual <= largest <= {}",
                          profile.smallest, profile.usual, profile.largest, kLargestBatch),
              "see --min_batch_size, --opt_batch_size and --max_batch_size");
}

std::vector<std::string> parse_compute_capabilities(std::string_view list) {
  std::vector<std::string> found;
  const auto digits = [](std::string_view text) {
    return !text.empty() && text.size() <= 3 &&
           text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    const std::string_view word = list.substr(0, end);
    const std::size_t point = std::min(word.find('.'), word.size());
    if (!digits(word.substr(0, point)) || point == word.size() || !digits(word.substr(point + 1)) ||
        end + 1 == list.size())
      throw Error(Kind::kWrongUsage,
                  fmt::format("--compute_capability has '{}', expected a list as 8.6,12.0", escaped(word)));
    if (std::ranges::find(found, word) != found.end())
      throw Error(Kind::kWrongUsage, fmt::format("--compute_capability has {} twice", word));
    found.emplace_back(word);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return found;
}

void check_capabilities(const EngineBuilder& builder, const std::vector<std::string>& wanted) {
  if (wanted.empty()) return;
  if (builder.compute_capabilities.empty())
    throw Error(
        Kind::kWrongUsage,
        fmt::format("--compute_capability is for tensorrt_rtx: {} builds for the machine that it runs on",
                    engine_backend_name(builder.backend)));
  for (const std::string& one : wanted)
    if (std::ranges::find(builder.compute_capabilities, one) == builder.compute_capabilities.end())
      throw Error(Kind::kWrongUsage, fmt::format("--compute_capability {}: {} {} knows {}", one,
                                                 engine_backend_name(builder.backend), builder.version,
                                                 fmt::join(builder.compute_capabilities, ", ")));
}

void check_request(const EngineBuilder& builder, const EngineRequest& request) {
  check_profile(request.profile);
  check_capabilities(builder, request.compute_capabilities);
  if (request.model.plugins && builder.backend != EngineBackend::kTensorrt)
    throw Error(Kind::kUnsupported,
                fmt::format("the model has nodes of TensorRT's plugins, which {} has not",
                            engine_backend_name(builder.backend)),
                "export with --plugins none");
  refuse_precision(builder, request);
}

BuiltEngine build_engine(const EngineBuilder& builder, const EngineRequest& request, ByteView onnx, Log& log,
                         Progress& progress) {
  check_request(builder, request);
  const std::string_view name = engine_backend_name(builder.backend);
  const BatchProfile& batch = request.profile;
  const bool keep_timings = request.timing_cache && builder.backend == EngineBackend::kTensorrt;
  const json header{{"op", "build"},
                    {"module", name},
                    {"quantized", request.model.quantized},
                    {"half", request.model.half},
                    {"precision", precision_name(request.precision)},
                    {"strict", request.strict_types},
                    {"version_compatible", request.version_compatible},
                    {"workspace", request.max_workspace_bytes},
                    {"keep_timings", keep_timings},
                    {"batches", {batch.smallest, batch.usual, batch.largest}},
                    {"capabilities", request.compute_capabilities}};
  BuiltEngine built;
  const auto say = [&](std::string_view level, std::string_view text) {
    const std::string line = escaped(text, 2000);
    if (level.ends_with("error") || level == "warning") {
      log.warning(fmt::format("{}: {}", name, line));
      built.messages.push_back(line);
    } else {
      log.debug(fmt::format("{}: {}", name, line));
    }
  };
  const auto begin = std::chrono::steady_clock::now();
  WorkerAnswer answer = ask_engine_worker(
      builder.command, fmt::format("{} {}", name, builder.version), header,
      {as_bytes(request.calibration_table), keep_timings ? ByteView(request.timings) : ByteView(), onnx},
      request.time_limit, {.say = say, .check = [&] { progress.check(); }});
  if (answer.engine.empty())
    throw Error(Kind::kEnvironment, fmt::format("{} {} gives an empty engine", name, builder.version));
  built.engine = std::move(answer.engine);
  built.timings = std::move(answer.timings);
  built.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return built;
}

}  // namespace etalon
