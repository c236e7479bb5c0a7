#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "etalon/base/error.hpp"
#include "etalon/base/message_of_test.hpp"
#include "etalon/onnx/model.hpp"
#include "etalon/onnx/onnx_text.hpp"

namespace etalon {
namespace {

ModelProto tiny() {
  auto model = parse_model(
      R"(<ir_version: 7, opset_import: ["" : 13]> g (float[2] x) => (float[2] y) { y = Add(x, w) })");
  add_floats(model, "w", {2}, {1, 2});
  return model;
}

TEST(ModelIo, WritesWhatProtobufWritesAndReadsItBack) {
  const auto model = tiny();
  const auto bytes = onnx_bytes(model);
  EXPECT_EQ(bytes, model.SerializeAsString());
  EXPECT_EQ(onnx_bytes(read_onnx(as_bytes(bytes))), bytes);
  EXPECT_TRUE(looks_like_onnx(as_bytes(bytes)));
}

TEST(ModelIo, WritesALargeModelThroughSmallBuffers) {
  auto model = tiny();
  auto& weight = *model.mutable_graph()->add_initializer();
  weight.set_name("large");
  weight.set_data_type(TensorProto::FLOAT);
  weight.add_dims(1 << 20);
  weight.set_raw_data(std::string(4 << 20, 'x'));
  EXPECT_EQ(onnx_bytes(model), model.SerializeAsString());
}

TEST(ModelIo, HandsOnTheErrorOfTheSink) {
  struct FullDisk final : Sink {
    using Sink::write;
    void write(ByteView) override { throw Error(Kind::kEnvironment, "disk full"); }
  };
  FullDisk sink;
  EXPECT_EQ(message_of([&] { write_onnx(tiny(), sink); }), "disk full");
}

TEST(ModelIo, RefusesWhatIsNoModel) {
  EXPECT_THAT(message_of([] { read_onnx(as_bytes("")); }), testing::HasSubstr("no graph"));
  EXPECT_THAT(message_of([] { read_onnx(as_bytes("\x89HDF\r\n\x1a\n")); }),
              testing::HasSubstr("not an ONNX model"));
  const auto bytes = onnx_bytes(tiny());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(message_of([&] { check_onnx(read_onnx(as_bytes(std::string_view(bytes).substr(0, size)))); }),
              "no error")
        << size;
}

TEST(ModelIo, RefusesBytesThatNestWithoutEnd) {
  // graph > node > attribute > g > node > ... : each level wraps the one before it
  std::string inner = "";
  const auto wrapped = [](char tag, const std::string& body) {
    std::string out(1, tag);
    for (std::size_t size = body.size(); true; size >>= 7) {
      out += static_cast<char>((size & 0x7f) | (size > 0x7f ? 0x80 : 0));
      if (size <= 0x7f) break;
    }
    return out + body;
  };
  for (int depth = 0; depth < 2000; ++depth)
    inner = wrapped('\x0a', wrapped('\x2a', wrapped('\x32', inner)));  // node, attribute, g
  EXPECT_THAT(message_of([&] { read_onnx(as_bytes("\x08\x07" + wrapped('\x3a', inner))); }),
              testing::HasSubstr("not an ONNX model"));
}

TEST(ModelIo, RefusesWeightsInOtherFiles) {
  auto model = tiny();
  auto& tensor = *model.mutable_graph()->mutable_initializer(0);
  tensor.clear_float_data();
  tensor.set_data_location(TensorProto::EXTERNAL);
  auto& entry = *tensor.add_external_data();
  entry.set_key("location");
  entry.set_value("../../etc/passwd");
  EXPECT_THAT(message_of([&] { read_onnx(as_bytes(model.SerializeAsString())); }),
              testing::HasSubstr("external data"));
}

TEST(LooksLikeOnnx, TellsModelsFromTheOthers) {
  EXPECT_FALSE(looks_like_onnx(as_bytes("")));
  EXPECT_FALSE(looks_like_onnx(as_bytes("\x89HDF\r\n\x1a\n")));
  EXPECT_FALSE(looks_like_onnx(as_bytes("TRT-8601-EntropyCalibration2")));
  EXPECT_TRUE(looks_like_onnx(as_bytes("\x08\x04\x12\x0akeras2onnx")));
}

TEST(ModelIo, ReadsAFileOfNvidiaAndWritesItBack) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA is not set";
  const std::filesystem::path path =
      std::filesystem::path(data) / "models/detectnet_v2/bccd_resnet18.nvidia.onnx";
  const auto model = read_onnx(path);
  check_onnx(model);
  EXPECT_EQ(onnx_bytes(model).size(), std::filesystem::file_size(path));
}

}  // namespace
}  // namespace etalon
