// The messages of our .proto files against TAO's own: testdata/make_fields.py says where the lists are from.
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <string>

#include "etalon/spec/detectnet_v2.pb.h"
#include "etalon/spec/mask_rcnn.pb.h"

namespace etalon {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

// As the list has it: without the package, and of nested types only their own name.
std::string type_of(const FieldDescriptor& field) {
  if (field.is_map())
    return fmt::format("map<{},{}>", type_of(*field.message_type()->map_key()),
                       type_of(*field.message_type()->map_value()));
  std::string type = field.type_name();
  if (field.message_type() != nullptr) type = field.message_type()->name();
  if (field.enum_type() != nullptr) type = field.enum_type()->name();
  return field.is_repeated() && !field.containing_type()->options().map_entry() ? "repeated_" + type : type;
}

void add_lines(const Descriptor& message, std::set<std::string>& lines) {
  if (message.options().map_entry()) return;
  const std::string name = message.full_name().substr(message.file()->package().size() + 1);
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    const auto* oneof = field.containing_oneof();
    lines.insert(fmt::format("{} {} {} {} {}", name, field.number(), field.name(), type_of(field),
                             oneof == nullptr ? "-" : oneof->name()));
  }
  for (int i = 0; i < message.enum_type_count(); ++i) {
    const EnumDescriptor& type = *message.enum_type(i);
    std::string values;
    for (int v = 0; v < type.value_count(); ++v)
      values += fmt::format("{}{}={}", v == 0 ? "" : ",", type.value(v)->name(), type.value(v)->number());
    lines.insert(fmt::format("{} enum {} {} -", name, type.name(), values));
  }
  for (int i = 0; i < message.nested_type_count(); ++i) add_lines(*message.nested_type(i), lines);
}

std::set<std::string> lines_of(const google::protobuf::FileDescriptor& file) {
  std::set<std::string> lines;
  for (int i = 0; i < file.message_type_count(); ++i) add_lines(*file.message_type(i), lines);
  return lines;
}

std::set<std::string> list_of(const std::string& network) {
  std::ifstream list(ETALON_SPEC_TESTDATA "/" + network + "_fields.txt");
  std::set<std::string> lines;
  for (std::string line; std::getline(list, line);) lines.insert(line);
  return lines;
}

void compare(const std::set<std::string>& ours, const std::set<std::string>& taos) {
  for (const auto& line : taos) EXPECT_TRUE(ours.contains(line)) << "missing: " << line;
  for (const auto& line : ours) EXPECT_TRUE(taos.contains(line)) << "TAO has none: " << line;
}

TEST(DetectnetV2Proto, HasTaosFieldsNumbersAndTypesAndNoOthers) {
  std::set<std::string> taos = list_of("detectnet_v2");
  // The one type that is another on purpose; detectnet_v2.proto says why.
  ASSERT_EQ(taos.erase("ClusteringConfig 5 dbscan_min_samples int32 -"), 1U);
  taos.insert("ClusteringConfig 5 dbscan_min_samples double -");
  EXPECT_EQ(taos.size(), 265U);
  compare(lines_of(*detectnet_v2::Experiment::descriptor()->file()), taos);
}

TEST(MaskRcnnProto, HasTaosFieldsNumbersAndTypesAndNoOthers) {
  const std::set<std::string> taos = list_of("mask_rcnn");
  EXPECT_EQ(taos.size(), 92U);
  compare(lines_of(*mask_rcnn::Experiment::descriptor()->file()), taos);
}

}  // namespace
}  // namespace etalon
