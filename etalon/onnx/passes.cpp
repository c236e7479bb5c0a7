#include "etalon/onnx/passes.hpp"

#include <fmt/format.h>

#include <array>

#include "etalon/base/error.hpp"
#include "etalon/onnx/drop_identities.hpp"
#include "etalon/onnx/fold_batch_norm.hpp"
#include "etalon/onnx/fold_pad.hpp"

namespace etalon {
namespace {

constexpr std::array kDeployPasses{
    Pass{"fold-batch-norm", fold_batch_norm},
    Pass{"fold-pad", fold_pad},
    Pass{"drop-identities", drop_identities},
};

}  // namespace

std::span<const Pass> deploy_passes() { return kDeployPasses; }

void run_passes(ModelProto& model, std::span<const Pass> passes) {
  check_onnx(model);
  for (const auto& pass : passes) {
    within([&] { return fmt::format("pass '{}'", pass.name); },
           [&] {
             pass.run(model);
             try {
               check_onnx(model);
             } catch (const Error& error) {
               throw Error(Kind::kInternal, "the pass left a wrong model: " + error.line());
             }
           });
  }
}

}  // namespace etalon
