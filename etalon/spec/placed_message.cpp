#include "etalon/spec/placed_message.hpp"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <map>

#include "etalon/base/error.hpp"

namespace etalon {

namespace protobuf = google::protobuf;

PlacedMessage::PlacedMessage(const protobuf::Message& message, const TextOutline& outline)
    : message_(&message), outline_(&outline), blocks_{0} {}

const protobuf::FieldDescriptor* PlacedMessage::descriptor(std::string_view field) const {
  const auto* found = message_->GetDescriptor()->FindFieldByName(std::string(field));
  if (found == nullptr)
    throw Error(Kind::kInternal, fmt::format("{} has no field {}", message_->GetDescriptor()->name(), field));
  return found;
}

std::string PlacedMessage::path_of(std::string_view field) const {
  // The value of a map's entry is what the key in the path names.
  if (field.empty() || message_->GetDescriptor()->map_key() != nullptr) return path_;
  return path_.empty() ? std::string(field) : fmt::format("{}.{}", path_, field);
}

std::vector<std::size_t> PlacedMessage::values_of(std::string_view field) const {
  std::vector<std::size_t> found;
  for (const std::size_t block : blocks_)
    for (const std::size_t number : outline_->values[block].inside)
      if (outline_->values[number].name == field) found.push_back(number);
  return found;
}

void PlacedMessage::stand_at(std::vector<std::size_t> blocks) {
  if (!blocks.empty()) place_ = blocks.front();
  blocks_ = std::move(blocks);
}

bool PlacedMessage::has(std::string_view field) const {
  const auto* found = descriptor(field);
  const auto* reflection = message_->GetReflection();
  return found->is_repeated() ? reflection->FieldSize(*message_, found) > 0
                              : reflection->HasField(*message_, found);
}

bool PlacedMessage::given(std::string_view field) const { return !values_of(field).empty(); }

PlacedMessage PlacedMessage::child(std::string_view field) const {
  PlacedMessage out(*this, message_->GetReflection()->GetMessage(*message_, descriptor(field)),
                    path_of(field));
  out.stand_at(values_of(field));
  return out;
}

std::vector<PlacedMessage> PlacedMessage::elements(std::string_view field) const {
  const auto* found = descriptor(field);
  const auto* reflection = message_->GetReflection();
  const auto values = values_of(field);
  std::vector<PlacedMessage> out;
  for (int i = 0; i < reflection->FieldSize(*message_, found); ++i) {
    PlacedMessage element(*this, reflection->GetRepeatedMessage(*message_, found, i),
                          fmt::format("{}[{}]", path_of(field), i));
    if (static_cast<std::size_t>(i) < values.size()) element.stand_at({values[static_cast<std::size_t>(i)]});
    out.push_back(std::move(element));
  }
  return out;
}

std::vector<std::pair<std::string, PlacedMessage>> PlacedMessage::entries(std::string_view field) const {
  const auto* found = descriptor(field);
  const auto* key = found->message_type()->map_key();
  const auto* reflection = message_->GetReflection();
  std::map<std::string, const protobuf::Message*> last;  // of a key that is given twice the last entry counts
  for (int i = 0; i < reflection->FieldSize(*message_, found); ++i) {
    const auto& entry = reflection->GetRepeatedMessage(*message_, found, i);
    last[entry.GetReflection()->GetString(entry, key)] = &entry;
  }
  std::map<std::string, std::size_t> places;
  for (const std::size_t number : values_of(field)) {
    std::string text;
    for (const std::size_t inside : outline_->values[number].inside)
      if (outline_->values[inside].name == "key") text = outline_->values[inside].text;
    places[text] = number;
  }
  std::vector<std::pair<std::string, PlacedMessage>> out;
  for (const auto& [name, entry] : last) {
    PlacedMessage placed(*this, *entry, fmt::format("{}['{}']", path_of(field), escaped(name, 60)));
    if (const auto place = places.find(name); place != places.end()) placed.stand_at({place->second});
    out.emplace_back(name, std::move(placed));
  }
  return out;
}

Finding PlacedMessage::finding(Finding::Severity severity, std::string_view field, std::string text) const {
  const auto values = field.empty() ? std::vector<std::size_t>() : values_of(field);
  const OutlineValue& at = outline_->values[values.empty() ? place_ : values.back()];
  return {severity, std::move(text), at.line, at.column, path_of(field)};
}

Finding PlacedMessage::finding(Finding::Severity severity, std::string text) const {
  return finding(severity, "", std::move(text));
}

}  // namespace etalon
