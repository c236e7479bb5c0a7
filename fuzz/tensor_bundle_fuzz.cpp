// A TensorFlow checkpoint in a ZIP: any answer but variables inside of their shard, or an Error, is a fault.
// If the first byte is even, the rest is the index as it stands. If it is odd, the rest is the index's one
// data block: no search would find a checksum, so the block gets its own, and an index block and footer that
// fit.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "etalon/base/crc32c.hpp"
#include "etalon/base/error.hpp"
#include "etalon/formats/tf_checkpoint/tf_checkpoint.hpp"
#include "etalon/formats/zip_archive/zip_of_test.hpp"

namespace {

std::string varint(std::uint64_t n) {
  std::string out;
  for (; n > 127; n >>= 7) out += static_cast<char>(n | 128);
  return out + static_cast<char>(n);
}

std::string add_block(std::string& file, const std::string& block) {  // -> its handle
  const std::string handle = varint(file.size()) + varint(block.size()), content = block + '\0';
  file += content + etalon::little_endian(etalon::masked_crc(etalon::crc32c(etalon::as_bytes(content))), 4);
  return handle;
}

std::string index_of(const std::string& data_block) {
  const std::string restarts = etalon::little_endian(0, 4) + etalon::little_endian(1, 4);
  std::string file;
  const std::string handle = add_block(file, data_block);
  std::string handles = add_block(file, restarts);
  const char separator = '\xff';  // after whatever text
  handles += add_block(file, varint(0) + varint(1) + varint(handle.size()) + separator + handle + restarts);
  handles.resize(40);
  return file + handles + etalon::little_endian(0xdb4775248b80fb57, 8);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data + 1), size - 1);
  static const std::string shard(1024, '\0');
  const std::string zip =
      etalon::zip_of({{.name = "m.index", .content = data[0] % 2 == 0 ? rest : index_of(rest)},
                      {.name = "m.data-00000-of-00001", .content = shard}});
  etalon::TfCheckpoint checkpoint;
  try {
    const etalon::ByteView view = etalon::as_bytes(zip);
    checkpoint = etalon::read_tf_checkpoint(etalon::Bytes(view.begin(), view.end()));
  } catch (const etalon::Error&) {
    return 0;
  }
  for (const auto& variable : checkpoint.variables) {
    if (checkpoint.find(variable.name) != &variable) std::abort();
    if (etalon::number_count(variable.shape) > etalon::kMostNumbers)
      std::abort();  // an Error is a fault, too
    try {
      if (checkpoint.bytes(variable).size() != variable.size_bytes) std::abort();
    } catch (const etalon::Error&) {  // a CRC
    }
  }
  return 0;
}
