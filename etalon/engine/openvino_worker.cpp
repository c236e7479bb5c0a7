// OpenVINO as a builder: etalon itself, started anew as a worker, so that a crash or a model that compiles
// for ever is no end of the run.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/engine/engine_worker.hpp"
#include "etalon/runtime/compiled_model.hpp"

namespace etalon {
namespace {

using nlohmann::json;

constexpr std::size_t kReadBytes = 1 << 20;

Bytes read_all(int input) {
  Bytes all;
  for (;;) {
    const std::size_t before = all.size();
    all.resize(before + kReadBytes);
    const ssize_t n = ::read(input, all.data() + before, kReadBytes);
    if (n < 0 && errno != EINTR) throw Error(Kind::kEnvironment, "the request cannot be read");
    all.resize(before + static_cast<std::size_t>(n < 0 ? 0 : n));
    if (n == 0) return all;
  }
}

void write_all(int output, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(output, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(Kind::kEnvironment, "the answer cannot be written");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void answer(int output, const json& line) {
  write_all(output, as_bytes(line.dump(-1, ' ', true, json::error_handler_t::replace) + "\n"));
}

// The ONNX is the last of the parts that follow the request's line.
Bytes compile(ByteView request) {
  const std::string_view text = as_text(request);
  const std::size_t end = text.find('\n');
  const json header = json::parse(text.substr(0, end), nullptr, false);
  if (end == std::string_view::npos || !header.is_object())
    throw Error(Kind::kInternal, "the request is no line of JSON");
  const auto onnx_bytes = header.at("sizes").back().get<std::uint64_t>();
  if (onnx_bytes > request.size() - end - 1) throw Error(Kind::kInternal, "the request is cut off");
  const json& batches = header.at("batches");
  return export_compiled_model(request.last(onnx_bytes),
                               {batches.at(0).get<std::int64_t>(), batches.at(2).get<std::int64_t>()});
}

}  // namespace

int serve_openvino(int input, int output) {
  try {
    const Bytes engine = compile(read_all(input));
    answer(output, {{"ok", true}, {"engine", engine.size()}, {"timings", 0}});
    write_all(output, engine);
    return 0;
  } catch (const Error& error) {
    answer(output, {{"ok", false}, {"kind", kind_name(error.kind())}, {"error", error.line()}});
  } catch (const std::bad_alloc&) {
    answer(output, {{"ok", false}, {"kind", "environment"}, {"error", "not enough memory"}});
  } catch (const std::exception& error) {
    answer(output, {{"ok", false}, {"kind", "internal"}, {"error", error.what()}});
  }
  return 0;
}

}  // namespace etalon
