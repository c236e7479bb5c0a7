// An engine from an ONNX model, by the official builders, in a process of their own.
//
//   const EngineBuilder builder = find_engine_builder(parse_engine_backend("tensorrt_rtx"));
//   EngineRequest request{.onnx = "m.int8.onnx", .model = describe_for_engine(model)};
//   const BuiltEngine built = build_engine(builder, request, onnx_bytes(model), log, progress);
//   built.engine
//
// docs/engines.md says what each backend is good for, and what of it was tried how.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/base/bytes.hpp"
#include "etalon/base/log.hpp"
#include "etalon/engine/engine_model.hpp"

namespace etalon {

enum class EngineBackend { kAuto, kTensorrt, kTensorrtRtx, kOpenvino };
std::string_view engine_backend_name(EngineBackend backend);
EngineBackend parse_engine_backend(std::string_view name);  // Error(kWrongUsage) names the known ones

struct EngineBuilder {
  EngineBackend backend = EngineBackend::kTensorrt;  // never kAuto
  std::vector<std::string> command;                  // what is run; it answers as README.md says
  std::string version;                               // "10.3.0", "1.7.1.116"
  // Those that it can build for without having one, "8.6", ascending; empty: for the GPU that is there.
  std::vector<std::string> compute_capabilities;

  int major() const;  // 10 of "10.3.0"
  // Whether it takes a calibration cache, and chooses precisions (TensorRT 8 to 10), or explicit models
  // alone.
  bool takes_cache() const;
};

// kAuto is TensorRT: an engine of RTX loads neither in DeepStream nor in Triton. Error (kEnvironment): not
// installed, with where it was looked for and what to install.
EngineBuilder find_engine_builder(EngineBackend backend);

struct BatchProfile {
  std::int64_t smallest = 1, usual = 1, largest = 16;
};
// Error(kWrongUsage) unless 1 <= smallest <= usual <= largest <= 65536.
void check_profile(const BatchProfile& profile);

// Words as "8.6" in a list with commas; {} for an empty list. Error(kWrongUsage): another form, one twice.
std::vector<std::string> parse_compute_capabilities(std::string_view list);
// What an engine of TensorRT for RTX is built for unless told: Ampere, Ada and Blackwell of desktops and
// servers.
inline constexpr std::string_view kUsualComputeCapabilities = "8.0,8.6,8.9,12.0";

enum class EnginePrecision { kFp32, kFp16, kInt8 };

struct EngineRequest {
  std::filesystem::path onnx;  // named in messages and in the trtexec line; its bytes go into build_engine
  EngineModel model;
  // What a builder that takes a cache may use beside fp32. An explicit model says it itself.
  EnginePrecision precision = EnginePrecision::kFp32;
  std::optional<std::filesystem::path> calibration_cache;  // named in the trtexec line
  std::string calibration_table;  // its content, under a header that the builder takes; empty: none
  BatchProfile profile;           // for models whose batch is open
  std::uint64_t max_workspace_bytes = std::uint64_t{1} << 30;
  std::optional<std::filesystem::path> timing_cache;  // keep one; named in the trtexec line
  Bytes timings;                                      // its content before; empty: there is none yet
  bool version_compatible = false;
  bool strict_types = false;
  std::vector<std::string> compute_capabilities;  // for a builder that has a list of them
  std::chrono::seconds time_limit{3600};
};

// Error(kWrongUsage): one that the builder does not know, or any for a builder without a list. Needs no
// model: for before the work.
void check_capabilities(const EngineBuilder& builder, const std::vector<std::string>& wanted);

// Whether this builder can do what is asked for at all, before it is started. Errors: kUnsupported (reduced
// precision of a plain model where explicit models alone are taken, plugins), kWrongUsage (int8 without a
// cache, a capability that the builder does not know, capabilities for a builder without a list).
void check_request(const EngineBuilder& builder, const EngineRequest& request);

struct BuiltEngine {
  Bytes engine;
  Bytes timings;  // what to keep as timing cache; empty unless request.timing_cache
  double seconds = 0;
  std::vector<std::string> messages;  // the builder's own warnings and errors, in order
};

// What the builder says goes to the log: warnings and errors as warnings, the rest as debug lines. Writes no
// file. Errors: as check_request; kBadInput or kUnsupported with the builder's own reason; kEnvironment (time
// limit, crash, no GPU); kInterrupted as soon as progress.check() throws it.
BuiltEngine build_engine(const EngineBuilder& builder, const EngineRequest& request, ByteView onnx, Log& log,
                         Progress& progress);

// The trtexec command that builds the same engine of TensorRT on the target machine, quoted for a POSIX
// shell.
std::string trtexec_line(const EngineRequest& request, const std::filesystem::path& engine);

}  // namespace etalon
