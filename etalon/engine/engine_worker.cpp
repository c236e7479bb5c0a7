#include "etalon/engine/engine_worker.hpp"

#include <fmt/format.h>
#include <string.h>

#include "etalon/base/error.hpp"
#include "etalon/workers/process.hpp"

namespace etalon {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

// An engine of this size fits no GPU; what is collected of a line's begin is counted as well.
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 36;
constexpr std::size_t kSignalStatus = 128;

// The last line that is not empty: of a Python traceback that is the exception.
std::string last_line(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' ')) text.remove_suffix(1);
  return escaped(text.substr(text.rfind('\n') + 1));  // npos + 1 is 0
}

[[noreturn]] void refuse(std::string_view who, std::string_view problem, std::string_view error_tail = {},
                         std::string hint = {}) {
  const std::string said = last_line(error_tail);
  throw Error(Kind::kEnvironment,
              fmt::format("{} {}{}", who, problem, said.empty() ? "" : fmt::format(" (it says: {})", said)),
              std::move(hint));
}

std::string text_of(const json& line, const char* key) {
  const auto value = line.find(key);
  return value != line.end() && value->is_string() ? value->get<std::string>() : "";
}

Kind kind_named(std::string_view name) {
  for (const Kind kind : {Kind::kBadInput, Kind::kUnsupported, Kind::kInternal})
    if (name == kind_name(kind)) return kind;
  return Kind::kEnvironment;
}

void check_end(std::string_view who, const ChildAnswer& answer) {
  if (answer.exit_status == 0) return;
  const auto status = static_cast<std::size_t>(answer.exit_status);
  if (status <= kSignalStatus) refuse(who, fmt::format("ended with status {}", status), answer.error_tail);
  const char* name = ::sigdescr_np(static_cast<int>(status - kSignalStatus));
  refuse(who, fmt::format("crashed ({})", name == nullptr ? std::to_string(status) : name), answer.error_tail,
         "is there enough memory? -v shows what it said before");
}

}  // namespace

WorkerAnswer ask_engine_worker(const std::vector<std::string>& command, std::string_view who, json header,
                               const std::vector<ByteView>& parts, std::chrono::milliseconds time_limit,
                               const WorkerTalk& talk) {
  json sizes = json::array();
  for (const ByteView part : parts) sizes.push_back(part.size());
  header["sizes"] = std::move(sizes);
  const std::string request = header.dump(-1, ' ', true, json::error_handler_t::replace) + "\n";
  std::vector<ByteView> input{as_bytes(request)};
  input.insert(input.end(), parts.begin(), parts.end());

  json last;
  const auto take_line = [&](std::string_view text) {
    json line = json::parse(text, nullptr, false);
    if (!line.is_object()) refuse(who, "gives an answer of another form");
    if (line.contains("ok")) {
      last = std::move(line);
      return false;
    }
    if (talk.say) talk.say(text_of(line, "say"), text_of(line, "text"));
    return true;
  };
  const auto deadline = Clock::now() + time_limit;
  ChildAnswer answer;
  try {
    answer = ChildProcess(command).exchange(input, {time_limit, kMostBytes},
                                            {.line = take_line, .check = talk.check});
  } catch (Error& error) {
    if (error.kind() != Kind::kEnvironment || Clock::now() < deadline) throw;
    throw Error(
        Kind::kEnvironment,
        fmt::format("{} did not end within {} seconds", who, static_cast<double>(time_limit.count()) / 1000),
        "give it more with --time_limit SECONDS");
  }
  check_end(who, answer);
  const json ok = last.is_object() ? last["ok"] : json();
  if (!ok.is_boolean())
    refuse(who, last.is_null() ? "gives no answer" : "gives an answer of another form", answer.error_tail);
  if (!ok.get<bool>()) {
    const std::string reason = text_of(last, "error");
    throw Error(kind_named(text_of(last, "kind")),
                fmt::format("{}: {}", who, reason.empty() ? "no reason given" : escaped(reason, 600)));
  }
  const auto size_of = [&](const char* key) -> std::uint64_t {
    return last.contains(key) && last[key].is_number_unsigned() ? last[key].get<std::uint64_t>() : kMostBytes;
  };
  const std::uint64_t engine_bytes = size_of("engine"), timing_bytes = size_of("timings");
  if (engine_bytes > answer.output.size() || timing_bytes != answer.output.size() - engine_bytes)
    refuse(who, fmt::format("announces {} and {} bytes and gives {}", engine_bytes, timing_bytes,
                            answer.output.size()));
  WorkerAnswer result{std::move(last), {}, {}};
  const auto middle = answer.output.begin() + static_cast<std::ptrdiff_t>(engine_bytes);
  result.timings.assign(middle, answer.output.end());
  answer.output.erase(middle, answer.output.end());
  result.engine = std::move(answer.output);
  return result;
}

}  // namespace etalon
