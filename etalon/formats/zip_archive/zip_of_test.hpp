// For tests: a ZIP archive from its members, right or wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace etalon {

struct TestMember {
  std::string name;
  std::string content;  // as it is packed
  std::uint16_t method = 0, flags = 0;
  std::uint32_t crc = 0;
  std::optional<std::uint32_t> size = std::nullopt;  // declared, unpacked
  std::optional<std::string> local_name = std::nullopt;
  std::optional<std::uint32_t> offset = std::nullopt;  // of the local header, as the directory says
  std::uint32_t more_packed = 0;                       // declared above what is there
};

inline std::string little_endian(std::uint64_t number, std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(number >> 8 * i));
  return bytes;
}

inline std::string zip_of(const std::vector<TestMember>& members) {
  std::string file, directory;
  for (const auto& member : members) {
    const auto n2 = [](std::uint64_t number) { return little_endian(number, 2); };
    const auto n4 = [](std::uint64_t number) { return little_endian(number, 4); };
    const std::size_t packed = member.content.size() + member.more_packed;
    const std::string sizes = n4(member.crc) + n4(packed) + n4(member.size.value_or(member.content.size()));
    const std::string local_name = member.local_name.value_or(member.name);
    const bool sizes_follow = (member.flags & 8) != 0;
    directory += "PK\1\2" + n2(20) + n2(20) + n2(member.flags) + n2(member.method) + n4(0) + sizes +
                 n2(member.name.size()) + n2(0) + n2(0) + n2(0) + n2(0) + n4(0) +
                 n4(member.offset.value_or(file.size())) + member.name;
    file += "PK\3\4" + n2(20) + n2(member.flags) + n2(member.method) + n4(0) +
            (sizes_follow ? std::string(12, '\0') : sizes) + n2(local_name.size()) + n2(0) + local_name +
            member.content;
    if (sizes_follow) file += "PK\7\x8" + sizes;
  }
  const std::string count = little_endian(members.size(), 2);
  return file + directory + "PK\5\6" + std::string(4, '\0') + count + count +
         little_endian(directory.size(), 4) + little_endian(file.size(), 4) + std::string(2, '\0');
}

}  // namespace etalon
