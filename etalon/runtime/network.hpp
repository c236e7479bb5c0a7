// What session.cpp needs of whatever computes a network. Two files implement it, and CMake's ETALON_RUNTIME
// chooses: openvino_network.cpp computes; stand_in_network.cpp, for thread sanitizers, which cannot see into
// OpenVINO, makes up numbers from the input with the same threads and taps.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "etalon/onnx/model.hpp"
#include "etalon/runtime/session.hpp"
#include "etalon/runtime/tap.hpp"
#include "etalon/runtime/tensor.hpp"

namespace etalon {

// One image at a time; several lanes may work at once, each in a thread.
class Lane {
 public:
  virtual ~Lane() = default;
  virtual std::span<float> input() = 0;  // valid as long as the lane
  virtual void infer() = 0;
  virtual Outputs outputs() = 0;
};

class Network {
 public:
  virtual ~Network() = default;
  virtual std::vector<std::int64_t> input_shape() const = 0;
  virtual std::unique_ptr<Lane> make_lane() = 0;
};

struct NetworkTap {
  std::string tensor;
  std::shared_ptr<Tap> tap;  // gets all values of the tensor, once an image
};

// Errors: as Session's constructor.
std::unique_ptr<Network> compile_network(const ModelProto& model, std::size_t lanes,
                                         const SessionOptions& options, const std::vector<NetworkTap>& taps);

}  // namespace etalon
