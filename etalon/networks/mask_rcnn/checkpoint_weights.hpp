// A checkpoint's variables on their way into a graph: each is there, is float32 and has the shape that its
// place asks for, or an Error says which one is not, what was found and what asks otherwise.
#pragma once

#include <string>
#include <vector>

#include "etalon/formats/tf_checkpoint/tf_checkpoint.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

class CheckpointWeights {
 public:
  explicit CheckpointWeights(const TfCheckpoint& checkpoint) : checkpoint_(checkpoint) {}

  // Error (kBadInput) when some are not there: names them, and the nearest name that is there and not wanted.
  void need_all(const std::vector<std::string>& names) const;

  // The variable's shape, of `rank` axes of 1 to kLargestAxis. Errors (kBadInput): not there, not float32,
  // another rank.
  const std::vector<std::int64_t>& shape(const std::string& name, std::size_t rank) const;
  // The same for a shape that is known in part (nullopt: any). `why` says who asks for it: "'conv1/kernel'
  // makes 64 channels".
  const std::vector<std::int64_t>& shape(const std::string& name, const Shape& expected,
                                         const std::string& why) const;

  // The numbers of a variable that `shape` has looked at, as bytes of float32: as they lie, or with the last
  // axis first (kernel_layout.hpp): HWIO -> OIHW, HWOI -> IOHW, [in, out] -> [out, in]. Error (kBadInput):
  // some are NaN or infinite, which a whole CRC does not tell.
  std::string plain(const std::string& name) const;
  std::string reversed(const std::string& name) const;

  static constexpr std::int64_t kLargestAxis = 1 << 24;

 private:
  const CheckpointVariable& variable(const std::string& name) const;
  ByteView finite(const CheckpointVariable& variable) const;  // its bytes
  const TfCheckpoint& checkpoint_;
};

// Whether it belongs to the optimizer: `<variable>/Momentum`.
bool is_optimizer_slot(std::string_view variable);

}  // namespace etalon
