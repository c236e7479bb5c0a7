#include "etalon/formats/keras_hdf5/model_config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string message_of(std::string_view json) {
  try {
    parse_model_config(json);
  } catch (const Error& error) {
    return error.line();
  }
  return "no error";
}

// Layers of a functional model, with `[["relu", 0, 0]]` as its output if nothing else is said.
std::string model_of(std::string_view layers, std::string_view outputs = R"([["relu", 0, 0]])",
                     std::string_view inputs = R"([["in", 0, 0]])") {
  return fmt::format(
      R"({{"class_name": "Model", "config": {{"name": "m", "layers": [{}], "input_layers": {}, "output_layers": {}}}}})",
      layers, inputs, outputs);
}

constexpr std::string_view kInput =
    R"({"name": "in", "class_name": "InputLayer", "config": {"name": "in"}, "inbound_nodes": []})";

std::string relu(std::string_view inbound_nodes, std::string_view name = "relu") {
  return fmt::format(R"({{"name": "{}", "class_name": "ReLU", "config": {{}}, "inbound_nodes": {}}})", name,
                     inbound_nodes);
}

// A model of an input and one layer that is called as said.
std::string called(std::string_view inbound_nodes) {
  return model_of(fmt::format("{},{}", kInput, relu(inbound_nodes)));
}

TEST(ModelConfig, KeepsLayersCallsAndEnds) {
  const KerasGraph graph = parse_model_config(model_of(
      fmt::format("{},{},{}", kInput, relu(R"([[["in", 0, 0, {}]], [["add", 0, 0, {"training": false}]]])"),
                  relu(R"([[["relu", 0, 0], ["in", 0, 0]]])", "add")),
      R"([["add", 0, 0], ["relu", 1, 0]])"));
  EXPECT_EQ(graph.name, "m");
  ASSERT_EQ(graph.layers.size(), 3U);
  EXPECT_TRUE(graph.layers[0].calls.empty());
  ASSERT_EQ(graph.layers[1].calls.size(), 2U);  // a shared layer
  EXPECT_THAT(graph.layers[1].calls[1].inputs, ElementsAre(KerasTensorRef{"add", 0, 0}));
  EXPECT_THAT(graph.layers[2].calls[0].inputs,
              ElementsAre(KerasTensorRef{"relu", 0, 0}, KerasTensorRef{"in", 0, 0}));
  EXPECT_THAT(graph.inputs, ElementsAre(KerasTensorRef{"in", 0, 0}));
  EXPECT_THAT(graph.outputs, ElementsAre(KerasTensorRef{"add", 0, 0}, KerasTensorRef{"relu", 1, 0}));
}

TEST(ModelConfig, TakesSingleReferencesWithoutTheirOuterList) {
  const std::string layers = fmt::format("{},{}", kInput, relu(R"([["in", 0, 0, {}]])"));
  const KerasGraph graph = parse_model_config(model_of(layers, R"(["relu", 0, 0])", R"(["in", 0, 0])"));
  EXPECT_THAT(graph.layers[1].calls[0].inputs, ElementsAre(KerasTensorRef{"in", 0, 0}));
  EXPECT_THAT(graph.outputs, ElementsAre(KerasTensorRef{"relu", 0, 0}));
}

TEST(ModelConfig, GivesASequentialModelItsInputAndItsCalls) {
  const std::string layers =
      R"([{"class_name": "Conv2D", "config": {"name": "conv", "batch_input_shape": [null, 3, 8, 8], "dtype": "float16"}},
                                 {"class_name": "ReLU", "config": {"name": "relu"}}])";
  for (const std::string& config :
       {layers, R"({"name": "s", "layers": )" + layers + "}"}) {  // Keras 2.2.2 and older: a bare list
    const KerasGraph graph = parse_model_config(R"({"class_name": "Sequential", "config": )" + config + "}");
    ASSERT_EQ(graph.layers.size(), 3U);
    EXPECT_EQ(graph.layers[0].name, "conv_input");
    EXPECT_EQ(graph.layers[0].class_name, "InputLayer");
    EXPECT_EQ(graph.layers[0].config["batch_input_shape"], nlohmann::json::parse("[null, 3, 8, 8]"));
    EXPECT_EQ(graph.layers[0].config["dtype"], "float16");
    EXPECT_THAT(graph.layers[1].calls[0].inputs, ElementsAre(KerasTensorRef{"conv_input", 0, 0}));
    EXPECT_THAT(graph.layers[2].calls[0].inputs, ElementsAre(KerasTensorRef{"conv", 0, 0}));
    EXPECT_THAT(graph.outputs, ElementsAre(KerasTensorRef{"relu", 0, 0}));
  }
}

TEST(ModelConfig, KeepsTheInputThatNewerWritersPutIntoASequentialModel) {
  const KerasGraph graph = parse_model_config(
      R"({"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "InputLayer", "config": {"name": "in"}},
                                                                        {"class_name": "ReLU", "config": {"name": "relu"}}]}})");
  EXPECT_EQ(graph.layers.size(), 2U);
  EXPECT_THAT(graph.inputs, ElementsAre(KerasTensorRef{"in", 0, 0}));
}

TEST(ModelConfig, CountsTheCallsOfANestedModelFromOne) {
  const std::string inner =
      R"({"name": "inner", "class_name": "Sequential", "inbound_nodes": [[["in", 0, 0]]], "config": {"name": "inner", "keep": 1,
      "layers": [{"class_name": "ReLU", "config": {"name": "r", "batch_input_shape": [null, 4]}}]}})";
  const auto with_output = [&](std::string_view outputs) {
    return model_of(fmt::format("{},{}", kInput, inner), outputs);
  };
  const KerasGraph graph = parse_model_config(with_output(R"([["inner", 1, 0]])"));
  ASSERT_TRUE(graph.layers[1].graph);
  EXPECT_EQ(graph.layers[1].graph->layers.size(), 2U);
  EXPECT_EQ(graph.layers[1].config, nlohmann::json::parse(R"({"name": "inner", "keep": 1})"));
  EXPECT_THAT(message_of(with_output(R"([["inner", 0, 0]])")),
              HasSubstr("call 0 of layer 'inner' is used, which has calls 1 to 1"));
  EXPECT_THAT(message_of(with_output(R"([["inner", 1, 1]])")),
              HasSubstr("output 1 of layer 'inner' is used, which has 1"));
}

TEST(ModelConfig, ConnectsASequentialModelThroughANestedOne) {
  const KerasGraph graph =
      parse_model_config(R"({"class_name": "Sequential", "config": {"name": "s", "layers": [
      {"class_name": "Sequential", "config": {"name": "inner", "layers": [{"class_name": "ReLU", "config": {"name": "r", "batch_input_shape": [null, 4]}}]}},
      {"class_name": "ReLU", "config": {"name": "last"}}]}})");
  ASSERT_EQ(graph.layers.size(), 3U);
  EXPECT_EQ(graph.layers[0].name, "inner_input");
  EXPECT_THAT(graph.layers[2].calls[0].inputs, ElementsAre(KerasTensorRef{"inner", 1, 0}));
}

TEST(ModelConfig, RefusesWhatIsNoModel) {
  const std::string in(kInput);
  const std::string connected = relu(R"([[["in", 0, 0]]])");
  const struct {
    std::string json, message;
  } kBroken[] = {
      {"", "not JSON: byte 1"},
      {R"({"class_name": "Model", "config")", "not JSON: byte"},
      {std::string(100000, '['), "nested more than 100 levels"},
      {"[" + fmt::format("{}", fmt::join(std::vector<std::string_view>(4'000'001, "1"), ",")) + "]",
       "more than 4000000 values"},
      {"\"\xff\"", "not JSON"},
      {R"({"class_name": "Model", "config": {"alpha": 1e999}})", "not JSON"},
      {R"({"class_name": "Model", "config": {"alpha": NaN}})", "holds NaN near byte"},
      {R"({"class_name": "Model", "config": {"max_value": -Infinity}})", "holds Infinity near byte"},
      {"[1]", "not a JSON object"},
      {"{}", "'class_name' is missing"},
      {R"({"class_name": "RNN", "config": {}})", "of class 'RNN', expected Model"},
      {R"({"class_name": "Model"})", "'config' is missing"},
      {R"({"class_name": "Model", "config": {"layers": {}}})", "'layers' is missing or no list"},
      {R"({"class_name": "Model", "config": {"layers": []}})",
       "'input_layers' or 'output_layers' is missing"},
      {R"({"class_name": "Sequential", "config": []})", "has no layers"},
      {R"({"class_name": "Sequential", "config": [{"class_name": "ReLU", "config": {"name": "r"}}]})",
       "does not say the shape of its input"},
      {model_of("7"), "an entry of 'layers' is not a JSON object"},
      {model_of(R"({"class_name": "ReLU"})"), "a layer has no name"},
      {model_of(R"({"name": "", "class_name": "ReLU", "config": {}})"), "name is empty"},
      {model_of(R"({"name": "x", "config": {}})"), "'class_name' is missing or no text, in layer 'x'"},
      {model_of(R"({"name": "x", "class_name": "ReLU"})"), "'config' is missing, in layer 'x'"},
      {model_of(R"({"name": "x", "class_name": "ReLU", "config": []})"),
       "'config' is not a JSON object, in layer 'x'"},
      {model_of(in + "," + connected + "," + connected), "two layers are named 'relu'"},
      {model_of(in + "," + relu("[]")), "layer 'relu' is not connected"},
      {model_of(relu(R"([[["in", 0, 0]]])", "relu")),
       "layer 'in' is used, but there is none of that name, in layer 'relu'"},
      {model_of(in + "," + connected, R"([["relo", 0, 0]])"), "the nearest name is 'relu'"},
      {model_of(in + "," + connected, "[]"), "output_layers is not a list of tensors"},
      {model_of(in + "," + connected, R"({"a": 1})"), "output_layers is not a list of tensors"},
      {model_of(in + "," + connected, R"([["relu", 0, 0]])", R"([["relu", 0, 0]])"),
       "input 'relu' is a ReLU"},
      {called("{}"), "inbound_nodes is not a list"},
      {called(R"([{"args": [], "kwargs": {}}])"), "Keras 3's form"},
      {called("[[]]"), "a call's inputs is not a list of tensors"},
      {called(R"([[["in", 0]]])"), "is not [layer, node, tensor]"},
      {called(R"([[["in", -1, 0]]])"), "a node index is not a whole number"},
      {called(R"([[["in", 0, 1e9]]])"), "a tensor index is not a whole number"},
      {called(R"([[["in", 0, 99999999999]]])"), "a tensor index is not a whole number"},
      {called(R"([[["in", 1, 0]]])"), "call 1 of layer 'in' is used, which has calls 0 to 0"},
      {called(R"([[["in", 0, 1]]])"), "output 1 of layer 'in' is used, which has 1"},
      {called(R"([[["in", 0, 0, 5]]])"), "arguments are not a JSON object"},
      {called(R"([[["in", 0, 0, {"training": true}]]])"), "called with training=true"},
      {called(R"([[["in", 0, 0, {"mask": 3}]]])"), "argument 'mask', in layer 'relu'"},
      {called(R"([[["relu", 0, 0]]])"), "layer 'relu' depends on its own output"},
  };
  for (const auto& broken : kBroken)
    EXPECT_THAT(message_of(broken.json), HasSubstr(broken.message)) << broken.json.substr(0, 300);
}

}  // namespace
}  // namespace etalon
