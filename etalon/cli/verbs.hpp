// The table of everything the program can be asked to do.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace etalon {

struct Verb {
  std::string_view network;  // or the thing a verb is about (`spec check`); empty for `etalon inspect`
  std::string_view task;
  std::string_view purpose;                    // empty: for etalon itself, not shown
  int (*run)(std::vector<std::string> words);  // the words behind the task; returns the exit status
};

std::span<const Verb> verbs();

// One file each: *_command.cpp.
int detectnet_v2_export_command(std::vector<std::string> words);
int detectnet_v2_compare_command(std::vector<std::string> words);
int detectnet_v2_inference_command(std::vector<std::string> words);
int mask_rcnn_inference_command(std::vector<std::string> words);
int detectnet_v2_calibration_tensorfile_command(std::vector<std::string> words);
int mask_rcnn_export_command(std::vector<std::string> words);
int calibrate_command(std::vector<std::string> words);
int quantize_command(std::vector<std::string> words);
int build_command(std::vector<std::string> words);
int openvino_worker_command(std::vector<std::string> words);
int inspect_command(std::vector<std::string> words);
int spec_check_command(std::vector<std::string> words);
int doctor_command(std::vector<std::string> words);

}  // namespace etalon
