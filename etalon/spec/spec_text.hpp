// From a specification's text to its protobuf message, with remarks: what all kinds of specification share.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "etalon/spec/finding.hpp"
#include "etalon/spec/spec_kind.hpp"
#include "etalon/spec/text_outline.hpp"

namespace google::protobuf {
class Message;
}

namespace etalon {

// Real specifications have a few KB; a hostile one costs some 200 times its size in memory.
constexpr std::uint64_t kLargestSpecBytes = std::uint64_t{1} << 20;

// The text without the mark of UTF-8 that editors of Windows put first.
// Errors (kBadInput): too large, binary.
std::string_view checked_spec_text(std::string_view text);

struct SpecText {
  TextOutline outline;
  std::vector<Finding> findings;  // unknown fields, with the nearest name
};

// Parses as the original does: of a scalar that is given twice the last one counts, blocks merge. `expected`
// says what the message is the specification of; a text that is another kind is refused with its name.
// Errors (kBadInput): another kind, empty, does not parse (line, column, the parser's words), a wrong type, a
// number that no name of an enumeration stands for, no known field at all.
SpecText parse_spec_text(std::string_view text, SpecKind expected, google::protobuf::Message& message);

}  // namespace etalon
