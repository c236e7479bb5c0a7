#include "etalon/engine/engine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etalon/base/message_of_test.hpp"

namespace etalon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(EngineBackend, HasANameEach) {
  for (const char* name : {"auto", "tensorrt", "tensorrt_rtx", "openvino"})
    EXPECT_EQ(engine_backend_name(parse_engine_backend(name)), name);
  EXPECT_THAT(message_of([] { parse_engine_backend("onnxruntime"); }),
              HasSubstr("expected auto, tensorrt, tensorrt_rtx or openvino"));
}

TEST(ComputeCapabilities, AreAListWithCommas) {
  EXPECT_THAT(parse_compute_capabilities("8.6,12.0"), ElementsAre("8.6", "12.0"));
  EXPECT_THAT(parse_compute_capabilities(""), IsEmpty());
  for (const char* wrong :
       {"8", "8.", ".6", "8.6,", ",8.6", "8.6,,9.0", "8.6 9.0", "sm86", "8.6.1", "-8.6", "1000.0"})
    EXPECT_THAT(message_of([&] { parse_compute_capabilities(wrong); }),
                HasSubstr("expected a list as 8.6,12.0"))
        << wrong;
  EXPECT_THAT(message_of([] { parse_compute_capabilities("8.6,8.6"); }), HasSubstr("8.6 twice"));
}

TEST(BatchProfile, GrowsFromOne) {
  EXPECT_EQ(message_of([] { check_profile({1, 1, 16}); }), "no error");
  EXPECT_EQ(message_of([] { check_profile({3, 3, 3}); }), "no error");
  for (const BatchProfile wrong :
       {BatchProfile{0, 1, 2}, BatchProfile{2, 1, 4}, BatchProfile{1, 5, 4}, BatchProfile{1, 1, 65537}})
    EXPECT_THAT(message_of([&] { check_profile(wrong); }),
                HasSubstr("expected 1 <= smallest <= usual <= largest"));
}

EngineBuilder builder(EngineBackend backend, const char* version) {
  EngineBuilder made{backend, {"/nowhere"}, version, {}};
  if (backend == EngineBackend::kTensorrtRtx) made.compute_capabilities = {"8.6", "12.0"};
  return made;
}

TEST(EngineBuilder, TakesCachesFromTensorRt8To10) {
  EXPECT_TRUE(builder(EngineBackend::kTensorrt, "8.6.1").takes_cache());
  EXPECT_TRUE(builder(EngineBackend::kTensorrt, "10.16.2.3").takes_cache());
  for (const char* version : {"7.2.3", "11.0.0", "12", "", "x"})
    EXPECT_FALSE(builder(EngineBackend::kTensorrt, version).takes_cache()) << version;
  EXPECT_FALSE(builder(EngineBackend::kTensorrtRtx, "8.6.1").takes_cache());
  EXPECT_FALSE(builder(EngineBackend::kOpenvino, "10.1").takes_cache());
}

struct Asked {
  EngineBackend backend;
  const char* version;
  EnginePrecision precision;
  const char* model;  // p plain, q quantized, h half, x with plugins, in any mixture
  const char* table;
  const char* says;
};

class Requests : public testing::TestWithParam<Asked> {};

TEST_P(Requests, AreRefusedBeforeABuilderIsStarted) {
  const Asked& asked = GetParam();
  const std::string_view model = asked.model;
  EngineRequest request;
  request.precision = asked.precision;
  request.calibration_table = asked.table;
  request.model.quantized = model.find('q') != model.npos;
  request.model.half = model.find('h') != model.npos;
  request.model.plugins = model.find('x') != model.npos;
  EXPECT_THAT(message_of([&] { check_request(builder(asked.backend, asked.version), request); }),
              HasSubstr(asked.says));
}

constexpr auto kTrt = EngineBackend::kTensorrt;
constexpr auto kRtx = EngineBackend::kTensorrtRtx;
constexpr auto kInt8 = EnginePrecision::kInt8;
constexpr auto kFp16 = EnginePrecision::kFp16;
constexpr auto kFp32 = EnginePrecision::kFp32;
INSTANTIATE_TEST_SUITE_P(
    All, Requests,
    testing::Values(
        Asked{kTrt, "8.6.1", kInt8, "p", "table", "no error"},
        Asked{kTrt, "10.3.0", kInt8, "p", "", "needs a calibration cache"},
        Asked{kTrt, "10.3.0", kInt8, "q", "", "no error"}, Asked{kTrt, "10.3.0", kFp16, "p", "", "no error"},
        Asked{kTrt, "10.3.0", kInt8, "h", "table", "has half floats and no quantized tensors"},
        Asked{kTrt, "11.0.0", kInt8, "p", "table", "takes int8 from an explicit model alone"},
        Asked{kTrt, "11.0.0", kFp16, "p", "", "export one with --explicit fp16"},
        Asked{kTrt, "11.0.0", kFp32, "p", "", "no error"}, Asked{kTrt, "11.0.0", kInt8, "qh", "", "no error"},
        Asked{kTrt, "8.6.1", kFp32, "x", "", "no error"},
        Asked{kRtx, "1.7.1", kInt8, "p", "table", "etalon quantize"},
        Asked{kRtx, "1.7.1", kInt8, "q", "", "no error"}, Asked{kRtx, "1.7.1", kFp16, "q", "", "no error"},
        Asked{kRtx, "1.7.1", kFp32, "x", "", "--plugins none"},
        Asked{EngineBackend::kOpenvino, "2026", kInt8, "p", "", "explicit model alone"}));

TEST(Requests, NameCapabilitiesThatTheBuilderKnows) {
  EngineRequest request;
  request.compute_capabilities = {"8.6"};
  EXPECT_EQ(message_of([&] { check_request(builder(kRtx, "1.7.1.116"), request); }), "no error");
  EXPECT_THAT(message_of([&] { check_request(builder(kTrt, "10.3.0"), request); }),
              HasSubstr("is for tensorrt_rtx"));
  request.compute_capabilities = {"8.6", "8.7"};
  EXPECT_THAT(message_of([&] { check_request(builder(kRtx, "1.7.1.116"), request); }),
              HasSubstr("8.7: tensorrt_rtx 1.7.1.116 knows 8.6, 12.0"));
}

}  // namespace
}  // namespace etalon
