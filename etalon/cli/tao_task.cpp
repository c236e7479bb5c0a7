#include "etalon/cli/tao_task.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <new>
#include <system_error>

#include "etalon/cli/table.hpp"
#include "etalon/cli/words.hpp"

namespace etalon {
namespace {

std::vector<std::string> long_flags(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

}  // namespace

void add_common_flags(CLI::App& app, CommonFlags& flags) {
  app.add_option("--results_dir", flags.results_dir, "folder for status.json (made if missing)")
      ->type_name("DIR");
  app.add_option("--log_file", flags.log_file, "append all messages to this file instead of showing them")
      ->type_name("FILE");
  app.add_flag("-v,--verbose", flags.verbose, "say more");
  app.add_flag("--json", flags.json, "one JSON document on stdout");
  app.add_option("--gpu_index", flags.gpu_index, "accepted, means nothing on a CPU")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("N ...");
  app.add_option("--gpus", flags.gpus, "accepted, means nothing on a CPU")->type_name("N");
  app.add_option("--num_processes", flags.num_processes,
                 "accepted (also -np), means nothing here: see --threads")
      ->type_name("N");
  app.add_flag("--use_amp", flags.use_amp, "accepted, means nothing to this task");
  // TAO's entry point knows these and hides them.
  app.add_option("--mpirun-arg", flags.mpirun_arg)->group("");
  app.add_flag("--multi-node", flags.multi_node)->group("");
  app.add_flag("--launch_cuda_blocking", flags.launch_cuda_blocking)->group("");
}

void note_ignored(const CLI::App& app, std::initializer_list<const char*> names, std::string_view because,
                  Log& log) {
  for (const char* name : names)
    if (app.count(name) > 0) log.info(fmt::format("{} is accepted and ignored: {}", name, because));
}

void note_accepted_for_gpus(const CLI::App& app, Log& log) {
  note_ignored(app,
               {"--gpu_index", "--gpus", "--num_processes", "--use_amp", "--mpirun-arg", "--multi-node",
                "--launch_cuda_blocking"},
               "there is no GPU work here", log);
}

std::optional<int> parse_flags(CLI::App& app, std::vector<std::string> words) {
  const bool json = std::ranges::find(words, "--json") != words.end();
  const auto refuse = [&](const Error& wrong) {
    if (json) print_json(error_document(wrong));
    fmt::print(stderr, "error: {}\n", wrong.line());
    return exit_status(wrong);
  };
  const std::string hint = fmt::format("{} --help lists the flags", app.get_name());
  try {
    words = expand_flags(without_empty_values(std::move(words)), long_flags(app));
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
    app.parse(std::move(words));
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return 0;
  } catch (const CLI::ExtrasError&) {
    // What was not expected may be a key that was meant for -k: it is not repeated.
    return refuse(Error(Kind::kWrongUsage, "there are words that belong to no flag",
                        hint + "; a value that begins with '-' is written --flag=value"));
  } catch (const CLI::ParseError& wrong) {
    return refuse(Error(Kind::kWrongUsage, escaped(wrong.what(), 2000), hint));
  } catch (const Error& wrong) {
    return refuse(wrong);
  }
}

void print_json(const nlohmann::ordered_json& document) {
  fmt::print("{}\n", document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

int run_verb(bool json, const std::function<nlohmann::ordered_json()>& body,
             const std::function<int(const nlohmann::ordered_json&)>& status_of,
             const std::function<std::string(const nlohmann::ordered_json&)>& text_of) {
  try {
    const auto document = body();
    if (json) {
      print_json(document);
    } else {
      fmt::print("{}", text_of ? text_of(document) : text_from_json(document));
    }
    return status_of ? status_of(document) : 0;
  } catch (const std::exception& failure) {
    const Error error = as_error(failure);
    if (json) print_json(error_document(error));
    fmt::print(stderr, "error: {}\n", error.line());
    return exit_status(error);
  }
}

int exit_status(const Error& error) {
  return error.kind() == Kind::kWrongUsage ? 2 : error.kind() == Kind::kInterrupted ? 130 : 1;
}

nlohmann::ordered_json error_document(const Error& error) {
  return {{"version", 1},
          {"status", "FAIL"},
          {"error",
           {{"kind", kind_name(error.kind())},
            {"problem", error.problem()},
            {"places", error.places()},
            {"hint", error.hint()}}}};
}

Error as_error(const std::exception& failure) {
  if (const auto* error = dynamic_cast<const Error*>(&failure)) return *error;
  if (dynamic_cast<const std::bad_alloc*>(&failure))
    return Error(Kind::kEnvironment, "not enough memory", "close other programs or use a larger machine");
  if (const auto* system = dynamic_cast<const std::system_error*>(&failure))
    return Error(Kind::kEnvironment, escaped(system->what()));
  return Error(Kind::kInternal, fmt::format("a fault in etalon: {}", escaped(failure.what())),
               "please report it with the command and the model's `etalon inspect`");
}

int run_tao_task(const CommonFlags& flags, std::string_view name,
                 const std::function<nlohmann::ordered_json(Console&, StatusLog&)>& body) {
  std::FILE* const last_line = flags.json ? stderr : stdout;
  const auto finish = [&](int status) {
    fmt::print(last_line, "Execution status: {}\n", status == 0 ? "PASS" : "FAIL");
    std::fflush(last_line);
    return status;
  };
  ConsoleOptions console_options{
      .verbose = flags.verbose, .progress_allowed = !flags.json, .log_file = std::nullopt};
  std::optional<Console> console;
  StatusLog status;
  try {
    if (!flags.log_file.empty()) console_options.log_file = flags.log_file;
    console.emplace(console_options);
    if (!flags.results_dir.empty()) status = StatusLog(flags.results_dir);
    nlohmann::ordered_json document = body(*console, status);
    status.write(StatusLog::Status::kSuccess, fmt::format("{} finished successfully.", name));
    if (flags.json) print_json(document);
    return finish(0);
  } catch (const std::exception& failure) {
    const Error error = as_error(failure);
    if (console) {
      console->error(error.line());
    } else {
      fmt::print(stderr, "error: {}\n", error.line());
    }
    status.write(StatusLog::Status::kFailure, error.line());
    if (flags.json) print_json(error_document(error));
    return finish(exit_status(error));
  }
}

}  // namespace etalon
