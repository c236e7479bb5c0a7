#include "etalon/workers/codec_worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "etalon/base/error.hpp"
#include "etalon/workers/process.hpp"

namespace etalon {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMostHeaderBytes = 1 << 16;

struct Answer {
  json header;
  Bytes payload;
};

// The last line that is not empty: of a Python traceback that is the exception.
std::string last_line(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' ')) text.remove_suffix(1);
  return escaped(text.substr(text.rfind('\n') + 1));  // npos + 1 is 0
}

[[noreturn]] void refuse(const std::filesystem::path& python, std::string_view problem,
                         const ChildAnswer& answer) {
  const std::string said = last_line(answer.error_tail);
  throw Error(Kind::kEnvironment,
              fmt::format("the codec's worker in '{}' {}{}", escaped(python.string()), problem,
                          said.empty() ? "" : fmt::format(" (it says: {})", said)));
}

Answer ask(const std::filesystem::path& python, std::string_view op, ByteView payload, std::string_view key,
           std::uint64_t most_bytes, std::chrono::milliseconds time_limit) {
  const std::string header =
      fmt::format("{{\"op\":\"{}\",\"key_size\":{},\"size\":{}}}\n", op, key.size(), payload.size());
  ChildProcess worker({python.string(), "-B", "-c", kCodecSource});
  ChildAnswer answer = worker.exchange({as_bytes(header), as_bytes(key), payload},
                                       {time_limit, kMostHeaderBytes + most_bytes});
  if (answer.exit_status != 0)
    refuse(python, fmt::format("ended with status {}", answer.exit_status), answer);

  const auto line_end = std::ranges::find(answer.output, std::byte{'\n'});
  const auto header_bytes = static_cast<std::size_t>(line_end - answer.output.begin());
  if (line_end == answer.output.end() || header_bytes > kMostHeaderBytes)
    refuse(python, "gives no answer", answer);
  const std::string_view line = as_text(answer.output).substr(0, header_bytes);
  json reply = json::parse(line, nullptr, false);
  const bool right = reply.is_object() && reply.value("ok", json()).is_boolean() &&
                     reply.value("size", json()).is_number_unsigned();
  if (!right || reply["size"].get<std::uint64_t>() != answer.output.size() - header_bytes - 1)
    refuse(python, "gives an answer of another form", answer);
  if (!reply["ok"].get<bool>()) {
    const json error = reply.value("error", json());
    throw Error(Kind::kEnvironment,
                fmt::format("the codec in '{}' fails: {}", escaped(python.string()),
                            error.is_string() ? escaped(error.get<std::string>()) : "no reason given"));
  }
  answer.output.erase(answer.output.begin(), line_end + 1);
  return {std::move(reply), std::move(answer.output)};
}

std::string text_of(const json& header, const char* key) {
  const auto value = header.find(key);
  return value != header.end() && value->is_string() ? escaped(value->get<std::string>(), 40) : "unknown";
}

}  // namespace

CodecFound probe_codec(const std::filesystem::path& python, std::chrono::milliseconds time_limit) {
  const Answer answer = ask(python, "probe", {}, {}, 0, time_limit);
  return {python, text_of(answer.header, "package"), text_of(answer.header, "python")};
}

Bytes run_codec(const std::filesystem::path& python, CodecOp op, ByteView payload, std::string_view key,
                std::uint64_t expected_bytes, std::chrono::milliseconds time_limit) {
  Answer answer =
      ask(python, op == CodecOp::kEncrypt ? "encrypt" : "decrypt", payload, key, expected_bytes, time_limit);
  if (answer.payload.size() != expected_bytes)
    throw Error(Kind::kEnvironment,
                fmt::format("the codec in '{}' gave {} bytes, expected {}", escaped(python.string()),
                            answer.payload.size(), expected_bytes));
  return std::move(answer.payload);
}

}  // namespace etalon
