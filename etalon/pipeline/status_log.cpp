#include "etalon/pipeline/status_log.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

std::string_view status_name(StatusLog::Status status) {
  switch (status) {
    case StatusLog::Status::kSuccess:
      return "SUCCESS";
    case StatusLog::Status::kFailure:
      return "FAILURE";
    case StatusLog::Status::kStarted:
      return "STARTED";
    case StatusLog::Status::kRunning:
      return "RUNNING";
    case StatusLog::Status::kSkipped:
      return "SKIPPED";
  }
  return "FAILURE";
}

}  // namespace

StatusLog::StatusLog(const std::filesystem::path& results_dir) {
  std::error_code failed;
  std::filesystem::create_directories(results_dir, failed);
  const auto name = results_dir.lexically_normal() == "/workspace/logs"
                        ? fmt::format("status_export_{}.json", std::time(nullptr))
                        : "status.json";
  file_.emplace(results_dir / name, std::ios::app | std::ios::binary);
  if (!*file_)
    throw Error(Kind::kEnvironment, fmt::format("cannot write '{}'", escaped((results_dir / name).string())),
                "give another --results_dir");
}

void StatusLog::write(Status status, std::string_view message, const nlohmann::ordered_json& data) {
  if (!file_) return;
  const std::tm now = fmt::localtime(std::time(nullptr));
  nlohmann::ordered_json record = data;
  record["date"] = fmt::format("{}/{}/{}", now.tm_mon + 1, now.tm_mday, now.tm_year + 1900);
  record["time"] = fmt::format("{}:{}:{}", now.tm_hour, now.tm_min, now.tm_sec);
  record["status"] = status_name(status);
  record["verbosity"] = "INFO";
  record["message"] = message;
  *file_ << python_json_line(record) << '\n' << std::flush;
  if (!*file_) {
    file_.reset();
    throw Error(Kind::kEnvironment, "cannot write status.json",
                "free some space or give another --results_dir");
  }
}

std::string python_json_line(const nlohmann::ordered_json& object) {
  constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
  std::string line;
  for (const auto& [key, value] : object.items())
    line += fmt::format("{}{}: {}", line.empty() ? "" : ", ",
                        nlohmann::ordered_json(key).dump(-1, ' ', true, replace),
                        value.dump(-1, ' ', true, replace));
  return "{" + line + "}";
}

}  // namespace etalon
