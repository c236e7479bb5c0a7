#include "etalon/detections/kitti.hpp"

#include <fmt/format.h>

namespace etalon {

std::string kitti_line(std::string_view name, const Detection& box) {
  std::string word(name.empty() ? std::string_view("_") : name);
  for (char& c : word)
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') c = '_';
  // Source: NVIDIA/tao_tensorflow1_backend, cv/detectnet_v2/postprocessor/bbox_handler.py.
  return fmt::format("{} 0.00 0 0.00 {:.3f} {:.3f} {:.3f} {:.3f} 0.00 0.00 0.00 0.00 0.00 0.00 0.00 {:.3f}\n",
                     word, box.left, box.top, box.right, box.bottom, box.confidence);
}

}  // namespace etalon
