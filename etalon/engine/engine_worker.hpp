// Inside engine/: one request to a worker, and the other side of it for OpenVINO (README.md has the
// protocol).
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/base/bytes.hpp"

namespace etalon {

extern const char* const kEngineWorkerSource;  // worker.py

// The word that makes etalon itself the worker for OpenVINO: see `serve_openvino`.
inline constexpr const char* kOpenvinoWorkerVerb = "openvino_worker";

struct WorkerAnswer {
  nlohmann::json header;  // the line with "ok": true
  Bytes engine, timings;
};

struct WorkerTalk {
  std::function<void(std::string_view level, std::string_view text)> say;
  std::function<void()> check;  // throws to end the worker
};

// `header` gets "sizes", those of `parts`. Errors: what the worker answers (its kind, its reason);
// kEnvironment: it cannot be started, crashed, did not end in time, or its answer is none. Messages name
// `who`.
WorkerAnswer ask_engine_worker(const std::vector<std::string>& command, std::string_view who,
                               nlohmann::json header, const std::vector<ByteView>& parts,
                               std::chrono::milliseconds time_limit, const WorkerTalk& talk);

// A whole worker: one request from the descriptor `input`, the answer to `output`. Returns an exit status.
int serve_openvino(int input, int output);

}  // namespace etalon
