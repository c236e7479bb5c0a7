// The flags that the inference of every network has, in TAO's spellings of several years.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "etalon/cli/tao_task.hpp"
#include "etalon/pipeline/inference.hpp"

namespace etalon {

struct InferenceFlags {
  CommonFlags common;
  std::string input, output;
  std::string model, key, spec, class_map;
  std::optional<double> threshold;
  std::vector<std::string> classes;
  int threads = 0, batch_size = 0;
  bool force = false;
};

// All but the model, its key, the specification and the threshold, whose meanings are the network's; the
// common flags too.
void add_inference_flags(CLI::App& app, InferenceFlags& flags);

using Infer = std::function<DetectorResult(const InferenceOptions&, Console& console)>;

// Parses the words, checks the flags (wrong usage: no input, neither --output nor --results_dir, a threshold
// that is not 0 to 1) and runs the task. Returns the exit status.
int run_inference(CLI::App& app, InferenceFlags& flags, std::vector<std::string> words, const Infer& infer);

}  // namespace etalon
