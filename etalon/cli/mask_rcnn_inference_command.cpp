#include <CLI/CLI.hpp>

#include "etalon/cli/inference_flags.hpp"
#include "etalon/cli/verbs.hpp"
#include "etalon/pipeline/inference_mask_rcnn.hpp"

namespace etalon {

int mask_rcnn_inference_command(std::vector<std::string> words) {
  CLI::App app("What a Mask R-CNN finds in photos: boxes and masks, drawn and as JSON.",
               "etalon mask_rcnn inference");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  InferenceFlags flags;
  bool include_mask = false;
  std::string label_path;
  app.add_option("-m,--model,--model_path", flags.model,
                 "ONNX that export wrote with --plugins none, or a trained model with its -e")
      ->type_name("FILE")
      ->required();
  app.add_option("-t,--threshold", flags.threshold, "leave out what is less sure (default: 0.6)")
      ->type_name("SCORE");
  add_inference_flags(app, flags);
  app.add_option("-k,--key", flags.key, "key of an encrypted trained model")->type_name("KEY");
  app.add_option("-e,--experiment_spec,--config_path", flags.spec,
                 "experiment specification: for a trained model, and for the names of the classes")
      ->type_name("FILE");
  app.add_flag("--include_mask", include_mask, "accepted: masks are always drawn");
  app.add_option("-l,--out_label_path", label_path, "accepted: everything is in detections.json")
      ->type_name("DIR");
  app.footer(
      "Examples:\n"
      "  etalon mask_rcnn inference photos -m mask_rcnn.onnx -o found\n"
      "  etalon mask_rcnn inference photo.jpg -m mask_rcnn.onnx -o found --threshold 0.3 -c labels.txt\n"
      "  etalon mask_rcnn inference -i photos -m mask_rcnn.onnx -e spec.txt -r results --include_mask");
  return run_inference(app, flags, std::move(words), [&](const InferenceOptions& options, Console& console) {
    note_ignored(app, {"--out_label_path"}, "everything is in detections.json", console);
    return infer_mask_rcnn(options, console, console);
  });
}

}  // namespace etalon
