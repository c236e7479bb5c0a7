// Somebody's ONNX on its way to explicit INT8 and half precision, and held against itself: whatever the
// checker lets pass is converted or refused in words, and what comes out passes the checker again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>

#include "etalon/base/error.hpp"
#include "etalon/onnx/graph_match.hpp"
#include "etalon/onnx/model.hpp"
#include "etalon/onnx/old_opset.hpp"
#include "etalon/onnx/padding_fault.hpp"
#include "etalon/quantization/explicit_int8.hpp"
#include "etalon/quantization/floating_form.hpp"
#include "etalon/quantization/half_precision.hpp"

namespace {

// Nothing where it was refused.
template <class Make>
auto or_refused(Make&& make) -> std::optional<decltype(make())> {
  try {
    return make();
  } catch (const etalon::Error& error) {
    if (error.kind() == etalon::Kind::kInternal) std::abort();
    return std::nullopt;
  }
}

void must_pass(const etalon::ModelProto& model) {
  if (!or_refused([&] { return etalon::check_onnx(model), true; })) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto read = or_refused([&] {
    etalon::ModelProto model = etalon::read_onnx(std::as_bytes(std::span(data, size)));
    etalon::check_onnx(model);
    return model;
  });
  if (!read) return 0;
  etalon::ModelProto& model = *read;
  etalon::match_graphs(model.graph(), model.graph());
  etalon::repair_padding_faults(model);
  etalon::raise_old_opset(model);

  etalon::ExplicitInt8Request request;
  for (const auto& tensor : etalon::activation_names(model.graph())) request.scales[tensor] = 0.01F;
  const auto int8 = or_refused([&] { return etalon::make_explicit_int8(model, request).model; });
  if (int8) {
    must_pass(*int8);
    or_refused([&] { return etalon::activation_scales(*int8); });
    or_refused([&] { return etalon::floating_form(*int8); });
    or_refused([&] { return etalon::make_half_precision(*int8).model; });
  }
  or_refused([&] { return etalon::floating_form(model); });
  const auto half = or_refused([&] { return etalon::make_half_precision(model).model; });
  if (half) must_pass(*half);
  return 0;
}
