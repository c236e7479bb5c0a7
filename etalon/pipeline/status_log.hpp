// TAO's status.json: a line of JSON an event, appended and flushed. Readers of TAO's own file read ours.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace etalon {

class StatusLog {
 public:
  enum class Status { kSuccess, kFailure, kStarted, kRunning, kSkipped };

  StatusLog() = default;  // writes nothing, as TAO without --results_dir
  // Makes the folder and opens <folder>/status.json for appending; for TAO's own log folder, /workspace/logs,
  // the name is status_export_<seconds>.json. Error (kEnvironment) if that cannot be done.
  explicit StatusLog(const std::filesystem::path& results_dir);

  // Writes `data`'s entries, then date, time, status, verbosity and message, in TAO's order and spelling.
  void write(Status status, std::string_view message,
             const nlohmann::ordered_json& data = nlohmann::ordered_json::object());

 private:
  std::optional<std::ofstream> file_;
};

// One line as Python's json.dumps writes it: ", " and ": ", ASCII only.
std::string python_json_line(const nlohmann::ordered_json& object);

}  // namespace etalon
