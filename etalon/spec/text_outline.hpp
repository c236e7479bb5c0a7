// The shape of a protobuf text without its message types: which names stand where. It tells the network that
// a specification belongs to before any of its messages is parsed, and gives remarks the place of the name
// itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace etalon {

// Lines and columns are 1-based; a tab moves to the next column after a multiple of 8, as protobuf counts.
struct OutlineName {
  std::string name;
  int line = 0, column = 0;
  int next_line = 0, next_column = 0;  // the token that follows
};

struct TextOutline {
  std::vector<OutlineName> names;      // all identifiers, in order
  std::vector<OutlineName> top_level;  // those that are names of fields outside of all blocks

  // The identifier directly before the token at this place, or nullptr.
  const OutlineName* before(int line, int column) const;
};

// Never fails: what is no token is passed over.
TextOutline outline_protobuf_text(std::string_view text);

}  // namespace etalon
