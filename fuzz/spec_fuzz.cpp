// Text of a specification of any kind: recognise, parse, validate; what is found has places in the text, and
// the same text gives the same findings.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "etalon/base/bytes.hpp"
#include "etalon/base/error.hpp"
#include "etalon/spec/detectnet_v2_spec.hpp"
#include "etalon/spec/detectnet_v2_validation.hpp"
#include "etalon/spec/mask_rcnn_validation.hpp"
#include "etalon/spec/spec_kind.hpp"

namespace {

template <class Spec>
std::vector<std::string> findings_of(std::string_view text, Spec (*parse)(std::string_view),
                                     std::vector<etalon::Finding> (*validate)(const Spec&)) {
  std::vector<std::string> out;
  try {
    const Spec spec = parse(text);
    const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
    auto findings = spec.findings;
    for (auto& finding : validate(spec)) findings.push_back(std::move(finding));
    for (const auto& finding : findings) {
      if (finding.text.empty() || finding.line < 0 || finding.line > lines) std::abort();
      if ((finding.line == 0) != (finding.column == 0)) std::abort();
      out.push_back(etalon::describe(finding) + finding.field);
    }
  } catch (const etalon::Error& error) {
    if (error.kind() != etalon::Kind::kBadInput) std::abort();
    out.push_back(error.line());
  }
  return out;
}

template <class Spec>
void check(std::string_view text, Spec (*parse)(std::string_view),
           std::vector<etalon::Finding> (*validate)(const Spec&)) {
  if (findings_of(text, parse, validate) != findings_of(text, parse, validate)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = etalon::as_text(std::as_bytes(std::span(data, size)));
  try {
    etalon::describe(etalon::recognise_spec(text));
  } catch (const etalon::Error&) {
    return 0;
  }
  check(text, etalon::parse_detectnet_v2_spec, etalon::validate_detectnet_v2_spec);
  check(text, etalon::parse_detectnet_v2_inference_spec, etalon::validate_detectnet_v2_inference_spec);
  check(text, etalon::parse_detectnet_v2_convert_spec, etalon::validate_detectnet_v2_convert_spec);
  check(text, etalon::parse_mask_rcnn_spec, etalon::validate_mask_rcnn_spec);
  return 0;
}
