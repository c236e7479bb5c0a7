// The images of testdata/make_corrections.py, as calibration images.
#pragma once

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>

#include "etalon/calibration/calibration_images.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

inline CalibrationImages formula_images(std::size_t count) {
  CalibrationImages images;
  for (std::size_t i = 0; i < count; ++i) images.names.push_back("image " + std::to_string(i));
  images.ids = images.names;
  images.fill = [](std::size_t index, const std::string&, std::span<float> out) {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<float>((i * 31 + index * 977) % 256) / 255.0F - 0.3F;
  };
  return images;
}

inline ModelProto testdata_model(const std::string& name) {
  return read_onnx(std::filesystem::path(ETALON_QUANTIZATION_TESTDATA) / name);
}

}  // namespace etalon
