// The shape of a protobuf text without its message types: which values stand where. It tells what a
// specification is of before any of its messages is parsed, and gives remarks their place.
//
//   outline_protobuf_text("a: 1\nb { c: 'x' }")  has the values  0 (the file) { 1 a, 2 b { 3 c 'x' } }
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace etalon {

// Lines and columns are 1-based; a tab moves to the next column after a multiple of 8, as protobuf counts.
struct OutlineName {
  int line = 0, column = 0;
  int next_line = 0, next_column = 0;  // the token that follows
};

// One value of a field; a list has one for each element. A block stands where its name stands (in a list: at
// its brace), any other value where its first token stands.
struct OutlineValue {
  std::string name;                 // of the field
  std::string text;                 // what a string says; empty for all else
  int line = 0, column = 0;         // 0 for the whole file
  std::vector<std::size_t> inside;  // of a block: its values, in order
};

struct TextOutline {
  std::vector<OutlineName> names;    // all identifiers, in order
  std::vector<OutlineValue> values;  // number 0 is the whole file

  // The identifier directly before the token at this place, or nullptr.
  const OutlineName* before(int line, int column) const;
};

// Never fails: what is no token, or stands where it cannot, is passed over.
TextOutline outline_protobuf_text(std::string_view text);

}  // namespace etalon
