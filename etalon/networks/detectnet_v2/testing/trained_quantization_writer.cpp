// Writes what a quantisation-aware training of a DetectNet_v2 fixed, as JSON, for tests: the program itself
// shows it only in what it makes of it.
//
//   etalon_trained_quantization_writer model.hdf5 trained.json
//
//   {"ranges": [{"tensor": "input_1", "placed_on": "input_1", "range": 1.0}, ...],
//    "weight_steps": {"conv1/kernel/folded": [0.01, ...]}, "parameters": 487955}
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/networks/detectnet_v2/detectnet_v2.hpp"

namespace etalon {
namespace {

void run(const char* model, const char* out) {
  const auto net = deployable_from_keras(read_keras_hdf5(model), nullptr, {});
  if (!net.trained) throw Error(Kind::kBadInput, "the model is not quantisation-aware");
  nlohmann::json ranges = nlohmann::json::array();
  for (const auto& range : net.trained->ranges)
    ranges.push_back({{"tensor", range.tensor}, {"placed_on", range.placed_on}, {"range", range.range}});
  const nlohmann::json written{{"ranges", std::move(ranges)},
                               {"weight_steps", net.trained->weight_steps},
                               {"parameters", net.parameter_count}};
  const std::string text = written.dump();
  OutputFiles outputs;
  outputs.stage(out, IfExists::kReplace, 0644, [&](Sink& sink) { sink.write(text); });
  outputs.commit();
}

}  // namespace
}  // namespace etalon

int main(int argc, char** argv) {
  try {
    if (argc != 3)
      throw etalon::Error(etalon::Kind::kWrongUsage, "usage: etalon_trained_quantization_writer MODEL OUT");
    etalon::run(argv[1], argv[2]);
    return 0;
  } catch (const etalon::Error& error) {
    fmt::print(stderr, "{}\n", error.line());
    return 1;
  }
}
