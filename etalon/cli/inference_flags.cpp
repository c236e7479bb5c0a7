#include "etalon/cli/inference_flags.hpp"

#include <fmt/format.h>

namespace etalon {
namespace {

// As with TAO, where --results_dir is the folder for everything.
const std::string& output_folder(const InferenceFlags& flags) {
  return flags.output.empty() ? flags.common.results_dir : flags.output;
}

void check_inference_flags(const InferenceFlags& flags) {
  if (flags.input.empty())
    throw Error(Kind::kWrongUsage, "no photo was given", "name a photo or a folder of photos");
  if (output_folder(flags).empty())
    throw Error(Kind::kWrongUsage, "no folder to write into was given", "add -o FOLDER");
  // Written so that NaN is refused too.
  if (flags.threshold && !(*flags.threshold >= 0 && *flags.threshold <= 1))
    throw Error(Kind::kWrongUsage, fmt::format("--threshold is {}, expected 0 to 1", *flags.threshold));
}

InferenceOptions options_of(const InferenceFlags& flags) {
  InferenceOptions options{.input = flags.input,
                           .output = output_folder(flags),
                           .model = flags.model,
                           .key = flags.key,
                           .spec = {},
                           .class_map = {},
                           .classes = flags.classes,
                           .threshold = flags.threshold,
                           .threads = flags.threads,
                           .force = flags.force};
  if (!flags.spec.empty()) options.spec = flags.spec;
  if (!flags.class_map.empty()) options.class_map = flags.class_map;
  return options;
}

nlohmann::ordered_json document_of(const DetectorResult& result) {
  nlohmann::ordered_json found = nlohmann::ordered_json::object();
  for (const auto& [name, count] : result.found) found[name] = count;
  nlohmann::ordered_json written = nlohmann::ordered_json::array();
  for (const auto& path : result.written) written.push_back(path.string());
  return {{"version", 1},
          {"status", "PASS"},
          {"images", result.photo_count},
          {"found", found},
          {"detections", result.document.string()},
          {"written", written}};
}

}  // namespace

void add_inference_flags(CLI::App& app, InferenceFlags& flags) {
  app.add_option("INPUT,-i,--image_dir,--inference_input,--in_image_path", flags.input,
                 "a photo, or a folder of photos (jpg, jpeg, png)")
      ->type_name("IMAGE|FOLDER");
  app.add_option("-o,--output_dir,--inference_output,--out_image_path", flags.output,
                 "folder to write into (default: --results_dir, as with TAO)")
      ->type_name("DIR");
  app.add_option("-r", flags.common.results_dir, "as --results_dir")->type_name("DIR");
  app.add_option("-c,--class_map", flags.class_map, "class names, one a line (default: the model's own)")
      ->type_name("FILE");
  app.add_option("--classes", flags.classes, "only these classes")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("NAME,...");
  app.add_option("--threads", flags.threads, "CPU threads (0: one a core); never changes a result")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_flag("--force", flags.force, "replace files that exist");
  app.add_option("-b,--batch_size", flags.batch_size, "accepted: photos are computed one by one, in parallel")
      ->type_name("N");
  app.add_flag("--verbosity", flags.common.verbose, "as --verbose");
  add_common_flags(app, flags.common);
}

int run_inference(CLI::App& app, InferenceFlags& flags, std::vector<std::string> words, const Infer& infer) {
  if (const auto done = parse_flags(app, std::move(words))) return *done;
  return run_tao_task(flags.common, "Inference", [&](Console& console, StatusLog&) {
    check_inference_flags(flags);
    note_accepted_for_gpus(app, console);
    note_ignored(app, {"--batch_size"}, "photos are computed one by one, in parallel", console);
    return document_of(infer(options_of(flags), console));
  });
}

}  // namespace etalon
