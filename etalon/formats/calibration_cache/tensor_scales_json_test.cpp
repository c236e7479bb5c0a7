#include "etalon/formats/calibration_cache/tensor_scales_json.hpp"

#include <gtest/gtest.h>

namespace etalon {
namespace {

// Expected texts: CPython 3.11, json.dumps(value, indent=4), of float(numpy.float32(x)).
TEST(TensorScalesJson, IsWhatPythonWrites) {
  EXPECT_EQ(format_tensor_scales({{"input_1:0", 0.919966F},
                                  {"activation_1/Relu6:0", 6.0F},
                                  {"tiny", 1e-7F},
                                  {"small", 0.0001F},
                                  {"gro\xc3\x9f", 123456.789F},
                                  {"half-way", 9.53743F},
                                  {"large", 1e15F},
                                  {"big", 1e20F}}),
            R"({
    "tensor_scales": {
        "input_1:0": 0.9199659824371338,
        "activation_1/Relu6:0": 6.0,
        "tiny": 1.0000000116860974e-07,
        "small": 9.999999747378752e-05,
        "gro\u00df": 123456.7890625,
        "half-way": 9.537429809570312,
        "large": 999999986991104.0,
        "big": 1.0000000200408773e+20
    }
})");
}

TEST(TensorScalesJson, WritesAnEmptyTable) {
  EXPECT_EQ(format_tensor_scales({}), "{\n    \"tensor_scales\": {}\n}");
}

TEST(TensorScalesJson, KeepsTheOrderAndTheLastRangeOfANameThatStandsTwice) {
  EXPECT_EQ(format_tensor_scales({{"b", 1.0F}, {"a", 2.0F}, {"b", 3.0F}}),
            "{\n    \"tensor_scales\": {\n        \"b\": 3.0,\n        \"a\": 2.0\n    }\n}");
}

TEST(TensorScalesJson, SurvivesANameThatIsNoText) {
  EXPECT_EQ(format_tensor_scales({{"a\xff", 1.0F}}),
            "{\n    \"tensor_scales\": {\n        \"a\\ufffd\": 1.0\n    }\n}");
}

}  // namespace
}  // namespace etalon
