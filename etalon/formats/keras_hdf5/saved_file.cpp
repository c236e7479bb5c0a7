// `model_weights` has the attribute `layer_names`; each layer has a group of its name, whose `weight_names`
// lists its datasets in Keras' order. The HDF5 library works in a process of its own (hdf5/own_process.hpp
// says why): `send_file` runs there, `receive_file` here.
#include "etalon/formats/keras_hdf5/saved_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/formats/hdf5/hdf5_file.hpp"
#include "etalon/formats/hdf5/own_process.hpp"

namespace etalon {
namespace {

constexpr std::size_t kMostLayers = 20000;
constexpr std::size_t kMostWeights = 200000;
constexpr std::size_t kMostAxes = 8;

// Newer tf.keras has a group for weights that belong to no layer; it is empty in all models that are made of
// layers.
constexpr std::string_view kTopLevelGroup = "top_level_model_weights";

void refuse_strangers(const Hdf5Group& model_weights, const std::vector<std::string>& listed) {
  std::set<std::string_view> groups;  // a layer's name with slashes makes groups within groups
  for (const auto& name : listed) groups.insert(std::string_view(name).substr(0, name.find('/')));
  for (const auto& child : model_weights.children()) {
    if (groups.contains(child)) continue;
    const bool empty =
        child == kTopLevelGroup &&
        model_weights.group(child).text_list("weight_names").value_or(std::vector<std::string>{}).empty();
    if (!empty)
      throw Error(Kind::kBadInput,
                  fmt::format("group 'model_weights' holds '{}', which belongs to no layer", escaped(child)));
  }
}

std::size_t send_layer(const Hdf5Group& group, std::size_t most_weights, ProcessSender& to) {
  const auto names = group.text_list("weight_names");
  if (!names) throw Error(Kind::kBadInput, "the layer's group has no attribute 'weight_names'");
  if (names->size() > most_weights)
    throw Error(Kind::kBadInput, fmt::format("the file lists more than {} weights", kMostWeights));
  to.number(names->size());
  std::set<std::string_view> seen;
  for (const auto& name : *names) {
    if (!seen.insert(name).second)
      throw Error(Kind::kBadInput, fmt::format("weight '{}' is listed twice", escaped(name)));
    const FloatArray array = group.floats(name);
    to.text(name);
    to.number(array.shape.size());
    for (const std::int64_t size : array.shape) to.number(static_cast<std::uint64_t>(size));
    to.floats(array.values);
  }
  return names->size();
}

void send_file(const Hdf5File& file, ProcessSender& to) {
  const Hdf5Group root = file.root();
  const auto config = root.text("model_config");
  if (!config) {
    if (root.text_list("layer_names"))
      throw Error(Kind::kBadInput,
                  "the file holds weights only: layer names and values, but not what the layers are",
                  "save the whole model (model.save, not model.save_weights)");
    throw Error(Kind::kBadInput, "no Keras model: the HDF5 file has no attribute 'model_config'");
  }
  to.text(*config);
  to.text(root.text("keras_version").value_or(""));
  to.text(root.text("backend").value_or(""));
  if (!root.has("model_weights"))
    throw Error(Kind::kBadInput, "the file has no group 'model_weights': the model has no weights");
  const Hdf5Group model_weights = root.group("model_weights");
  const auto names = model_weights.text_list("layer_names");
  if (!names) throw Error(Kind::kBadInput, "group 'model_weights' has no attribute 'layer_names'");
  if (names->size() > kMostLayers)
    throw Error(Kind::kBadInput, fmt::format("'layer_names' lists more than {} layers", kMostLayers));
  refuse_strangers(model_weights, *names);
  to.number(names->size());
  std::size_t weights_left = kMostWeights;
  for (const auto& name : *names) {
    to.text(name);
    within([&] { return fmt::format("layer '{}'", escaped(name)); },
           [&] { weights_left -= send_layer(model_weights.group(name), weights_left, to); });
  }
}

// The child may have been corrupted by its file: what it says of a shape is checked against the values.
void check_shape(const KerasWeight& weight) {
  std::uint64_t elements = 1;
  for (const std::int64_t size : weight.shape) {
    constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
    if (size < 0 || (size > 0 && elements > kMost / static_cast<std::uint64_t>(size)))
      throw Error(Kind::kBadInput, "the shape is no shape", "the file is damaged; copy or download it again");
    elements *= static_cast<std::uint64_t>(size);
  }
  if (elements != weight.values.size())
    throw Error(Kind::kBadInput, fmt::format("{} values for {} elements", weight.values.size(), elements),
                "the file is damaged; copy or download it again");
}

SavedFile receive_file(ProcessReceiver& from) {
  SavedFile file;
  file.model_config = from.text();
  file.keras_version = from.text();
  file.backend = from.text();
  std::uint64_t weights_left = kMostWeights;
  for (auto layers = from.count(kMostLayers); layers > 0; --layers) {
    SavedLayer& layer = file.layers.emplace_back();
    layer.name = from.text();
    const std::uint64_t weights = from.count(weights_left);
    weights_left -= weights;
    for (std::uint64_t i = 0; i < weights; ++i) {
      KerasWeight& weight = layer.weights.emplace_back();
      weight.name = from.text();
      for (auto axes = from.count(kMostAxes); axes > 0; --axes)
        weight.shape.push_back(static_cast<std::int64_t>(from.number()));
      weight.values = from.floats();
      within(
          [&] {
            return fmt::format("weight '{}', in layer '{}'", escaped(weight.name), escaped(layer.name));
          },
          [&] { check_shape(weight); });
    }
  }
  return file;
}

// The child's memory: the file (when it comes as bytes), its floats, and room for the library and for texts.
// Its time: a file of 20 MB takes 0.02 s, a damaged one may take for ever, and the user waits for it without
// a way to interrupt.
ProcessLimits limits_for(std::uint64_t file_size_bytes) {
  constexpr std::uint64_t kMostSeconds = 60;
  const std::uint64_t float_bytes = hdf5_most_float_bytes(file_size_bytes);
  const std::uint64_t cpu_seconds = 2 + (file_size_bytes + float_bytes) / 100'000'000;
  return {float_bytes + (std::uint64_t{256} << 20), file_size_bytes + float_bytes + (std::uint64_t{1} << 30),
          static_cast<unsigned>(std::min(cpu_seconds, kMostSeconds))};
}

template <class Source>
SavedFile read_in_own_process(const Source& source, std::uint64_t file_size_bytes) {
  SavedFile file;
  run_in_own_process(
      limits_for(file_size_bytes), "the HDF5 library",
      [&](ProcessSender& to) { send_file(Hdf5File(source), to); },
      [&](ProcessReceiver& from) { file = receive_file(from); });
  return file;
}

}  // namespace

SavedFile read_saved_file(const std::filesystem::path& path) {
  check_is_data_file(path);
  return read_in_own_process(path, std::filesystem::file_size(path));
}
SavedFile read_saved_file(ByteView bytes) { return read_in_own_process(bytes, bytes.size()); }

}  // namespace etalon
