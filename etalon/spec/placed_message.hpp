// A protobuf message together with where its parts stand in the text that it was read from.
//
//   const PlacedMessage root(spec.experiment, spec.outline);
//   root.child("model_config").finding(Finding::Severity::kWarning, "arch", "is unknown")
//     -> line and column of the value of arch (where it is missing: of model_config), field model_config.arch
#pragma once

#include <google/protobuf/message.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "etalon/spec/finding.hpp"
#include "etalon/spec/text_outline.hpp"

namespace etalon {

// Neither the message nor the outline is kept alive. Field names must exist: they are the program's own.
class PlacedMessage {
 public:
  PlacedMessage(const google::protobuf::Message& message, const TextOutline& outline);

  const google::protobuf::Message& message() const { return *message_; }
  bool has(std::string_view field) const;  // a message that is set, a list or map that is not empty

  bool given(std::string_view field) const;  // it stands in the text, whatever its value

  // A message field; where it is not set: the empty message, at its parent's place.
  PlacedMessage child(std::string_view field) const;
  // The elements of a repeated message field.
  std::vector<PlacedMessage> elements(std::string_view field) const;
  // Of a map with text keys, sorted by key (a protobuf map has no order of its own): `key` and the entry, a
  // message with the fields key and value.
  std::vector<std::pair<std::string, PlacedMessage>> entries(std::string_view field) const;

  Finding finding(Finding::Severity severity, std::string_view field, std::string text) const;
  Finding finding(Finding::Severity severity, std::string text) const;  // about the message itself

 private:
  PlacedMessage(const PlacedMessage& parent, const google::protobuf::Message& message, std::string path)
      : message_(&message), outline_(parent.outline_), path_(std::move(path)), place_(parent.place_) {}

  const google::protobuf::FieldDescriptor* descriptor(std::string_view field) const;
  std::string path_of(std::string_view field) const;
  std::vector<std::size_t> values_of(std::string_view field) const;  // numbers in the outline, in order
  void stand_at(std::vector<std::size_t> blocks);

  const google::protobuf::Message* message_;
  const TextOutline* outline_;
  std::vector<std::size_t> blocks_;  // in the outline; several when the text has the block several times
  std::string path_;
  std::size_t place_ = 0;  // number in the outline
};

}  // namespace etalon
