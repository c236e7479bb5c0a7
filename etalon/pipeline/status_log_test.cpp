#include "etalon/pipeline/status_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"

namespace etalon {
namespace {

// The expected text is what Python's json.dumps prints for the same object.
TEST(PythonJsonLine, IsWhatPythonWouldWrite) {
  EXPECT_EQ(python_json_line(
                {{"param_count", 3.416543}, {"size", 12.988690376281738}, {"message", "caf\xc3\xa9 \"x\""}}),
            R"({"param_count": 3.416543, "size": 12.988690376281738, "message": "caf\u00e9 \"x\""})");
}

TEST(StatusLog, AppendsLinesInTaosOrderOfKeys) {
  std::string folder = (std::filesystem::temp_directory_path() / "etalon-status-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const auto results = std::filesystem::path(folder) / "a/b";
  StatusLog(results).write(StatusLog::Status::kRunning, "one");
  StatusLog(results).write(StatusLog::Status::kSuccess, "two", {{"size", 1.5}});
  const Bytes bytes = read_file(results / "status.json");
  EXPECT_THAT(std::string(as_text(bytes)),
              testing::MatchesRegex("\\{\"date\": \"[0-9]+/[0-9]+/[0-9]+\", \"time\": "
                                    "\"[0-9]+:[0-9]+:[0-9]+\", \"status\": \"RUNNING\", "
                                    "\"verbosity\": \"INFO\", \"message\": \"one\"\\}\n\\{\"size\": 1.5, "
                                    "\"date\": .*\"SUCCESS\".*\"two\"\\}\n"));
  std::filesystem::remove_all(folder);
}

TEST(StatusLog, SaysWhenItCannotWrite) { EXPECT_THROW(StatusLog("/proc/nowhere"), Error); }

}  // namespace
}  // namespace etalon
