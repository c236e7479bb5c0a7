#include <CLI/CLI.hpp>

#include "etalon/cli/inference_flags.hpp"
#include "etalon/cli/verbs.hpp"
#include "etalon/pipeline/inference_detectnet_v2.hpp"

namespace etalon {

int detectnet_v2_inference_command(std::vector<std::string> words) {
  CLI::App app("What a DetectNet_v2 finds in photos: drawn, as KITTI labels and as JSON.",
               "etalon detectnet_v2 inference");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  InferenceFlags flags;
  app.add_option("-m,--model,--model_path", flags.model,
                 "ONNX, or a trained .hdf5 or .tlt (default: the inference specification's)")
      ->type_name("FILE");
  app.add_option("-k,--key", flags.key, "key of a .tlt model")->type_name("KEY");
  app.add_option(
         "-e,--experiment_spec,--inference_spec", flags.spec,
         "specification of the inference or of the experiment: class names, clustering (default: what "
         "export wrote into the ONNX)")
      ->type_name("FILE");
  app.add_option("-t,--threshold", flags.threshold, "leave out what is less sure (default: the clustering's)")
      ->type_name("CONFIDENCE");
  add_inference_flags(app, flags);
  app.footer(
      "Examples:\n"
      "  etalon detectnet_v2 inference photos -m resnet18.onnx -o found\n"
      "  etalon detectnet_v2 inference photo.jpg -m resnet18.hdf5 -e spec.txt -o found --classes car,bus\n"
      "  etalon detectnet_v2 inference -e inference_spec.txt -i photos -r results -k KEY");
  return run_inference(app, flags, std::move(words), [&](const InferenceOptions& options, Console& console) {
    return infer_detectnet_v2(options, console, console);
  });
}

}  // namespace etalon
