// What the inference of every network asks for, and the checks that all of them make.
//
//   const FileKind kind = inference_model_kind("m.onnx", "give the ONNX");  // engines are refused
//   check_network(served, "mask_rcnn");                                     // the ONNX says of which it is
//   classes_named({"car", "3"}, {.labels = labels, .count = 4}, Kind::kWrongUsage)  -> {0, 3}
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/networks/metadata.hpp"
#include "etalon/pipeline/detector_run.hpp"
#include "etalon/pipeline/trained_model.hpp"

namespace etalon {

struct InferenceOptions {
  std::filesystem::path input;   // a photo or a folder of them
  std::filesystem::path output;  // folder
  std::filesystem::path model;   // ONNX, .etlt or a trained model
  std::string key;               // of an encrypted one
  std::optional<std::filesystem::path> spec;
  std::optional<std::filesystem::path> class_map;  // names, one a line, in class order
  std::vector<std::string> classes;                // only these are shown; empty: all
  std::optional<double> threshold;                 // 0 to 1: what is less sure goes, compared as float32
  int threads = 0;
  bool force = false;
};

// What is read and written; the options' files are never written over.
DetectorPaths detector_paths(const InferenceOptions& options);

// kind_of_file of a model that could be looked at photos with. Error (kUnsupported, with the hint `instead`):
// a TensorRT engine.
FileKind inference_model_kind(const std::filesystem::path& path, const std::string& instead);

// Error (kBadInput): the file says that it is another network's. One that says nothing passes.
void check_network(const ServedModel& served, std::string_view network);

// Error (kBadInput): `who` (a file's quoted name, a specification) names more or fewer classes than the model
// has.
void check_class_count(std::string_view who, std::size_t named, std::size_t model_has);

struct ClassNames {
  std::vector<std::string> labels{};   // by class
  std::vector<std::string> shown{};    // what is shown instead, by class; may be empty
  std::optional<std::size_t> count{};  // of the model's classes; nothing: not known before it has run
};

// The classes that are meant, ascending. A name is a label or what is shown instead (of several classes with
// one name all are meant), else the class's number ("3" or "class 3"). Error (`kind`): there is no such
// class; those that there are are listed.
std::vector<std::size_t> classes_named(const std::vector<std::string>& asked, const ClassNames& names,
                                       Kind kind);

}  // namespace etalon
