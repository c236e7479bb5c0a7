#include "etalon/formats/keras_hdf5/keras_model.hpp"

#include <fmt/format.h>

#include "etalon/base/error.hpp"
#include "etalon/formats/hdf5/hdf5_file.hpp"
#include "etalon/formats/keras_hdf5/model_config.hpp"
#include "etalon/formats/keras_hdf5/weights.hpp"

namespace etalon {
namespace {

KerasModel read_model(const Hdf5File& file) {
  const Hdf5Group root = file.root();
  const auto config = root.text("model_config");
  if (!config) {
    if (root.text_list("layer_names"))
      throw Error(Kind::kBadInput, "the file holds weights only: layer names and values, but not what the layers are",
                  "save the whole model (model.save, not model.save_weights)");
    throw Error(Kind::kBadInput, "no Keras model: the HDF5 file has no attribute 'model_config'");
  }
  KerasModel model;
  static_cast<KerasGraph&>(model) = within([] { return "attribute 'model_config'"; }, [&] { return parse_model_config(*config); });
  model.keras_version = root.text("keras_version").value_or("");
  model.backend = root.text("backend").value_or("");
  if (!root.has("model_weights")) throw Error(Kind::kBadInput, "the file has no group 'model_weights': the model has no weights");
  model.parameter_count = read_weights(root.group("model_weights"), model);
  return model;
}

}  // namespace

KerasModel read_keras_hdf5(const std::filesystem::path& path) { return read_model(Hdf5File(path)); }
KerasModel read_keras_hdf5(ByteView bytes) { return read_model(Hdf5File(bytes)); }

}  // namespace etalon
