#include "etalon/engine/engine_kind.hpp"

#include <gtest/gtest.h>

namespace etalon {
namespace {

TEST(EngineKind, GoesByTheFirstBytes) {
  EXPECT_EQ(engine_kind(as_bytes("vtrt and more")), "TensorRT for RTX");
  EXPECT_EQ(engine_kind(as_bytes("ftrt")), "TensorRT");
  EXPECT_EQ(engine_kind(as_bytes("RR_UPCVO")), "OpenVINO compiled model");
  for (const char* other : {"", "vtr", " vtrt", "RR_UPCV", "TRT-8601-EntropyCalibration2"})
    EXPECT_FALSE(engine_kind(as_bytes(other))) << other;
}

// The begin of a file that OpenVINO 2026.4.1 wrote.
TEST(EngineKind, ReadsWhatACompiledModelWasMadeFor) {
  using namespace std::string_literals;
  const std::string head = "RR_UPCVO\x01\0\0\0\x1b\0\0\0\0\0\0\0meta=1.0;ov=2026.4.1;isa=AVX and more"s;
  EXPECT_EQ(compiled_for(as_bytes(head)), "meta=1.0;ov=2026.4.1;isa=AV");
  EXPECT_FALSE(compiled_for(as_bytes(head.substr(0, 30))));
  EXPECT_FALSE(compiled_for(as_bytes("RR_UPCVO\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"s)));
  EXPECT_FALSE(compiled_for(as_bytes("vtrt")));
}

}  // namespace
}  // namespace etalon
