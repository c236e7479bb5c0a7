#include "etalon/formats/etlt/etlt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"

namespace etalon {
namespace {

using testing::HasSubstr;

EtltHeader read(std::string_view bytes) { return read_etlt_header(as_bytes(bytes), bytes.size()); }

std::string message_of(std::string_view bytes, std::uint64_t file_size_bytes) {
  try {
    read_etlt_header(as_bytes(bytes), file_size_bytes);
  } catch (const Error& error) {
    return error.line();
  }
  return "no error";
}

TEST(EtltHeader, HasANameForUffAndNoneForOnnx) {
  const EtltHeader onnx = read(std::string("\0\0\0\0", 4) + std::string(16, 'n'));
  EXPECT_EQ(onnx.input_name, "");
  EXPECT_EQ(onnx.payload_offset, kOnnxEtltHeaderBytes);
  EXPECT_EQ(onnx.payload_size_bytes, 0U);
  const EtltHeader uff = read(std::string("\7\0\0\0input_1", 11) + std::string(16 + 5, 'n'));
  EXPECT_EQ(uff.payload_size_bytes, 5U);
  EXPECT_EQ(uff.input_name, "input_1");
  EXPECT_EQ(uff.payload_offset, 11U);
}

TEST(EtltHeader, IsReadFromTheFirstBytesOfALargeFile) {
  EXPECT_EQ(read_etlt_header(as_bytes(std::string_view("\2\0\0\0in", 6)), 1 << 20).payload_offset, 6U);
}

TEST(EtltHeader, RefusesWhatIsNone) {
  const std::string nonce(16, 'n');
  const auto refused = [](const std::string& bytes) { return message_of(bytes, bytes.size()); };
  EXPECT_THAT(refused(""), HasSubstr("needs 4 bytes"));
  EXPECT_THAT(refused("\1\1"), HasSubstr("needs 4 bytes"));
  EXPECT_THAT(refused("\xff\xff\xff\xff" + nonce), HasSubstr("would have -1 bytes"));
  EXPECT_THAT(refused(std::string("\0\1\0\0", 4) + std::string(400, 'n')), HasSubstr("would have 256 bytes"));
  EXPECT_THAT(refused("\x89HDF\r\n\x1a\n" + nonce), HasSubstr("expected 0 to 255"));
  EXPECT_THAT(refused(std::string("\0\0\0\0", 4) + std::string(15, 'n')), HasSubstr("at least 20"));
  EXPECT_THAT(refused(std::string("\7\0\0\0input_1", 11) + std::string(15, 'n')), HasSubstr("at least 27"));
  EXPECT_THAT(refused(std::string("\2\0\0\0a\x01", 6) + nonce), HasSubstr("is not printable text"));
  EXPECT_THAT(refused(std::string("\2\0\0\0\xc3(", 6) + nonce), HasSubstr("is not printable text"));
  EXPECT_THAT(message_of(std::string_view("\7\0\0\0inp", 7), 100), HasSubstr("only 3 are left"));
}

TEST(EtltHeader, OfFilesThatNvidiasPackageWrote) {
  const char* data = std::getenv("ETALON_DATA");
  if (data == nullptr) GTEST_SKIP() << "ETALON_DATA is not set: no .etlt files to read";
  const auto folder = std::filesystem::path(data) / "etlt";
  const Bytes plain = read_file(folder / "tiny.onnx");
  for (const auto& [file, name] : {std::pair{"tiny.etlt", ""}, std::pair{"tiny_named.etlt", "input_1"}}) {
    const Bytes bytes = read_file(folder / file);
    const EtltHeader header = read_etlt_header(bytes, bytes.size());
    EXPECT_EQ(header.input_name, name);
    EXPECT_EQ(bytes.size() - header.payload_offset, plain.size() + 16);
    EXPECT_EQ(header.payload_size_bytes, plain.size());
  }
}

}  // namespace
}  // namespace etalon
