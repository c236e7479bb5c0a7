#include "etalon/engine/engine_kind.hpp"

#include "etalon/base/error.hpp"
#include "etalon/runtime/compiled_model.hpp"

namespace etalon {
namespace {

struct Signature {
  std::string_view bytes;
  std::string_view kind;
};

// "vtrt" is what TensorRT for RTX 1.7 was seen to write, the other two are TensorRT's.
constexpr Signature kSignatures[] = {
    {"vtrt", "TensorRT for RTX"},
    {"ftrt", "TensorRT"},
    {"trtv", "TensorRT"},
    {kCompiledModelMagic, "OpenVINO compiled model"},
};
constexpr std::uint64_t kMostWords = 2000;

}  // namespace

std::optional<std::string_view> engine_kind(ByteView head) {
  for (const auto& [bytes, kind] : kSignatures)
    if (as_text(head).starts_with(bytes)) return kind;
  return std::nullopt;
}

// Measured on OpenVINO 2026.4.1: the magic, a u32 version, a u64 length, then that many characters.
std::optional<std::string> compiled_for(ByteView head) {
  if (!as_text(head).starts_with(kCompiledModelMagic)) return std::nullopt;
  try {
    ByteCursor cursor(head);
    cursor.take(sizeof(kCompiledModelMagic) - 1, "magic");
    cursor.u32("version");
    const std::uint64_t length = cursor.u64("length");
    if (length > kMostWords) return std::nullopt;
    return escaped(as_text(cursor.take(length, "words")), kMostWords);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace etalon
