// What every TAO task has in common: TAO's common flags, the PASS or FAIL line, status.json, one JSON
// document.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/base/log.hpp"
#include "etalon/cli/console.hpp"
#include "etalon/pipeline/status_log.hpp"

namespace etalon {

struct CommonFlags {
  std::string log_file, results_dir;
  bool verbose = false, json = false;
  int gpus = 1, num_processes = -1;
  std::vector<int> gpu_index;
  bool use_amp = false, multi_node = false, launch_cuda_blocking = false;
  std::string mpirun_arg;
};

// Adds the flags of `CommonFlags` to a task's flags.
void add_common_flags(CLI::App& app, CommonFlags& flags);

// One line for each flag of `names` that was given although it cannot matter here.
void note_ignored(const CLI::App& app, std::initializer_list<const char*> names, std::string_view because,
                  Log& log);

// note_ignored for the common flags that are about GPUs.
void note_accepted_for_gpus(const CLI::App& app, Log& log);

// Parses TAO's way (words.hpp). Returns an exit status when the program is done already (--help, wrong usage:
// its line is printed), else nothing.
std::optional<int> parse_flags(CLI::App& app, std::vector<std::string> words);

// Runs `body`, whose result is the task's JSON document, and ends as TAO does: last line `Execution status:
// PASS` or `FAIL` on stdout (on stderr with --json), exit status 0, 1, 2 or 130. `name` begins status.json's
// last message: "Export" finished successfully.
int run_tao_task(const CommonFlags& flags, std::string_view name,
                 const std::function<nlohmann::ordered_json(Console&, StatusLog&)>& body);

// Runs a verb that is no task of TAO's: its document is printed as JSON or as text, an error as one line
// (and, with --json, as a document too). Returns the exit status; `status_of` may make a document a failure.
// `text_of` is what people get to read, text_from_json (table.hpp) unless given.
int run_verb(bool json, const std::function<nlohmann::ordered_json()>& body,
             const std::function<int(const nlohmann::ordered_json&)>& status_of = {},
             const std::function<std::string(const nlohmann::ordered_json&)>& text_of = {});

void print_json(const nlohmann::ordered_json& document);

// The document that --json prints for a failure.
nlohmann::ordered_json error_document(const Error& error);

// 2 for wrong usage, 130 for an interruption, else 1.
int exit_status(const Error& error);

// The error that an exception of any kind is, with a hint where one can be given (memory, our own mistakes).
Error as_error(const std::exception& failure);

}  // namespace etalon
