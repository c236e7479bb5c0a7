#include "etalon/spec/text_outline.hpp"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace etalon {
namespace {

using google::protobuf::io::Tokenizer;

struct Silent final : google::protobuf::io::ErrorCollector {
  void AddError(int, google::protobuf::io::ColumnNumber, const std::string&) override {}
};

}  // namespace

TextOutline outline_protobuf_text(std::string_view text) {
  google::protobuf::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  Silent silent;
  Tokenizer tokens(&stream, &silent);
  // What TextFormat's own parser sets.
  tokens.set_allow_f_after_float(true);
  tokens.set_comment_style(Tokenizer::SH_COMMENT_STYLE);
  tokens.set_require_space_after_number(false);
  tokens.set_allow_multiline_strings(true);

  TextOutline outline;
  std::size_t depth = 0;
  bool after_name = false;
  bool more = true;
  while (more) {
    more = tokens.Next();  // at the end the current token is empty and has the end's place
    const auto& token = tokens.current();
    if (after_name) {
      auto& name = outline.names.back();
      std::tie(name.next_line, name.next_column) = std::pair(token.line + 1, token.column + 1);
      if (depth == 0 && (token.text == ":" || token.text == "{" || token.text == "<"))
        outline.top_level.push_back(name);
    }
    after_name = more && token.type == Tokenizer::TYPE_IDENTIFIER;
    if (after_name) outline.names.push_back({token.text, token.line + 1, token.column + 1});
    if (token.text == "{" || token.text == "<" || token.text == "[") ++depth;
    if ((token.text == "}" || token.text == ">" || token.text == "]") && depth > 0) --depth;
  }
  return outline;
}

const OutlineName* TextOutline::before(int line, int column) const {
  const auto place = std::pair(line, column);
  const auto found =
      std::lower_bound(names.begin(), names.end(), place, [](const OutlineName& name, const auto& wanted) {
        return std::pair(name.next_line, name.next_column) < wanted;
      });
  if (found == names.end() || std::pair(found->next_line, found->next_column) != place) return nullptr;
  return &*found;
}

}  // namespace etalon
