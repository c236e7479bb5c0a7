#include "etalon/cli/verbs.hpp"

namespace etalon {
namespace {

constexpr Verb kVerbs[] = {
    {"detectnet_v2", "export", "a trained model to ONNX or .etlt, INT8 calibration cache, DeepStream files",
     detectnet_v2_export_command},
    {"detectnet_v2", "calibration_tensorfile", "a specification's calibration images as a tensorfile",
     detectnet_v2_calibration_tensorfile_command},
    {"detectnet_v2", "compare", "how far INT8 with a calibration cache is from FP32, on real images",
     detectnet_v2_compare_command},
    {"detectnet_v2", "inference", "what a model finds in photos: drawn, as KITTI labels and as JSON",
     detectnet_v2_inference_command},
    {"mask_rcnn", "export",
     "a trained model to ONNX, with TensorRT's plugins or in standard operators, and the files around it",
     mask_rcnn_export_command},
    {"mask_rcnn", "inference", "what a model finds in photos: boxes and masks, drawn and as JSON",
     mask_rcnn_inference_command},
    {"", "calibrate",
     "a calibration cache for any ONNX; `merge` parts of a run, `relabel` for another TensorRT, `extract` "
     "from an explicit model",
     calibrate_command},
    {"", "quantize", "an ONNX and its calibration cache to an explicit INT8 model, for TensorRT 11",
     quantize_command},
    {"", "build", "an engine from an ONNX model, by TensorRT, TensorRT for RTX or OpenVINO", build_command},
    {"", "inspect", "what a file is and holds, or where two models or calibration caches differ",
     inspect_command},
    {"spec", "check", "what a specification is, what in it matters to export, what is wrong",
     spec_check_command},
    {"", "doctor", "what is installed, and whether model, key, specification and images fit together",
     doctor_command},
    {"", "openvino_worker", "", openvino_worker_command},  // engine/engine_worker.hpp, kOpenvinoWorkerVerb
};

}  // namespace

std::span<const Verb> verbs() { return kVerbs; }

}  // namespace etalon
