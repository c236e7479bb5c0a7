#include "etalon/formats/keras_hdf5/keras_model.hpp"

#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/formats/keras_hdf5/model_config.hpp"
#include "etalon/formats/keras_hdf5/saved_file.hpp"
#include "etalon/formats/keras_hdf5/weights.hpp"

namespace etalon {

KerasModel model_from(SavedFile file) {
  KerasModel model;
  static_cast<KerasGraph&>(model) = within([] { return "attribute 'model_config'"; },
                                           [&] { return parse_model_config(file.model_config); });
  model.keras_version = std::move(file.keras_version);
  model.backend = std::move(file.backend);
  model.parameter_count = give_weights(std::move(file.layers), model);
  return model;
}

KerasModel read_keras_hdf5(const std::filesystem::path& path) { return model_from(read_saved_file(path)); }
KerasModel read_keras_hdf5(ByteView bytes) { return model_from(read_saved_file(bytes)); }

}  // namespace etalon
