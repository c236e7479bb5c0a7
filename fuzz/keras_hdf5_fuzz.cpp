// Bytes of a Keras model: any answer but a model or an Error is a fault.
#include <cstddef>
#include <cstdint>
#include <span>

#include "etalon/base/error.hpp"
#include "etalon/formats/keras_hdf5/keras_model.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    etalon::read_keras_hdf5(std::as_bytes(std::span(data, size)));
  } catch (const etalon::Error&) {
  }
  return 0;
}
