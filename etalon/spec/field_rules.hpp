// Tables of conditions on the fields of a message, and the walk that applies them.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "etalon/spec/finding.hpp"
#include "etalon/spec/placed_message.hpp"

namespace etalon {

// What a value must be: one of the two functions, for numbers (bool and enumerations have no rules) or texts.
struct Condition {
  std::string_view expected;  // in words
  bool (*number)(double) = nullptr;
  bool (*text)(std::string_view) = nullptr;
};

struct FieldRule {
  std::string_view field;   // wherever it stands, as in TAO
  std::string_view inside;  // only in messages of this name; empty: in all
  const Condition& condition;
  Finding::Severity severity;
  bool loader_needs = false;  // where the text does not have the field at all: a warning that says so
};

struct RequiredField {
  std::string_view message, field;  // a message, list or map; an empty one counts as missing
  Finding::Severity severity;
  bool loader_needs = false;  // the warning says that, too
};

// Goes through every field of every message that is set; a number or text that is not set is checked with its
// zero. Of a field's rules the first one that is not kept makes the finding.
void check_fields(const PlacedMessage& message, std::span<const FieldRule> rules,
                  std::span<const RequiredField> required, std::vector<Finding>& findings);

// A warning's text begins with this where it is TAO that would stop, not etalon.
constexpr std::string_view kTaoRefuses = "TAO refuses this: ";

}  // namespace etalon
