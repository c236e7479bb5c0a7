#include <gtest/gtest.h>

#include "etalon/engine/engine.hpp"

namespace etalon {
namespace {

EngineRequest request() {
  EngineRequest made;
  made.onnx = "m.onnx";
  made.model.inputs = {{"input_1", {-1, 3, 544, 960}}};
  made.profile = {1, 4, 8};
  return made;
}

TEST(TrtexecLine, NamesShapesOfAnOpenBatch) {
  EXPECT_EQ(trtexec_line(request(), "m.engine"),
            "trtexec --onnx=m.onnx --saveEngine=m.engine --minShapes=input_1:1x3x544x960 "
            "--optShapes=input_1:4x3x544x960 --maxShapes=input_1:8x3x544x960 --memPoolSize=workspace:1024M "
            "--skipInference");
}

TEST(TrtexecLine, NamesNoShapesOfAFixedBatch) {
  EngineRequest fixed = request();
  fixed.model.inputs[0].dims[0] = 1;
  fixed.max_workspace_bytes = 1;
  EXPECT_EQ(trtexec_line(fixed, "m.engine"),
            "trtexec --onnx=m.onnx --saveEngine=m.engine --memPoolSize=workspace:1M --skipInference");
}

TEST(TrtexecLine, SaysThePrecisionOfAPlainModel) {
  EngineRequest int8 = request();
  int8.model.inputs[0].dims[0] = 1;
  int8.precision = EnginePrecision::kInt8;
  int8.calibration_cache = "cal.bin";
  EXPECT_NE(trtexec_line(int8, "e").find(" --int8 --calib=cal.bin --fp16 --mem"), std::string::npos);
  int8.strict_types = true;
  EXPECT_NE(
      trtexec_line(int8, "e").find(" --int8 --calib=cal.bin --precisionConstraints=prefer --directIO --mem"),
      std::string::npos);
  int8.precision = EnginePrecision::kFp16;
  int8.strict_types = false;
  EXPECT_NE(trtexec_line(int8, "e").find("=e --fp16 --mem"), std::string::npos);
}

TEST(TrtexecLine, LeavesThePrecisionToAnExplicitModel) {
  EngineRequest typed = request();
  typed.model.inputs[0].dims[0] = 1;
  typed.model.quantized = true;
  typed.precision = EnginePrecision::kInt8;
  typed.strict_types = true;
  typed.version_compatible = true;
  typed.timing_cache = "t.cache";
  EXPECT_EQ(trtexec_line(typed, "e"),
            "trtexec --onnx=m.onnx --saveEngine=e --stronglyTyped --memPoolSize=workspace:1024M "
            "--versionCompatible "
            "--timingCacheFile=t.cache --skipInference");
}

TEST(TrtexecLine, QuotesForAShell) {
  EngineRequest odd = request();
  odd.onnx = "my model's $HOME.onnx";
  odd.model.inputs = {{"x:0", {-1, 2}}, {"fixed", {3}}, {"y", {-1}}};
  EXPECT_EQ(
      trtexec_line(odd, "e;f"),
      "trtexec '--onnx=my model'\\''s $HOME.onnx' '--saveEngine=e;f' '--minShapes='\\''x:0'\\'':1x2,y:1' "
      "'--optShapes='\\''x:0'\\'':4x2,y:4' '--maxShapes='\\''x:0'\\'':8x2,y:8' --memPoolSize=workspace:1024M "
      "--skipInference");
}

}  // namespace
}  // namespace etalon
