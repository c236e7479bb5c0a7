#include "etalon/spec/text_outline.hpp"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <utility>

namespace etalon {
namespace {

using google::protobuf::io::Tokenizer;

struct Silent final : google::protobuf::io::ErrorCollector {
  void AddError(int, google::protobuf::io::ColumnNumber, const std::string&) override {}
};

// A stack of its own instead of recursion: the text may nest as deep as it likes.
class Outliner {
 public:
  explicit Outliner(std::string_view text)
      : stream_(text.data(), static_cast<int>(text.size())), tokens_(&stream_, &silent_) {
    // What TextFormat's own parser sets.
    tokens_.set_allow_f_after_float(true);
    tokens_.set_comment_style(Tokenizer::SH_COMMENT_STYLE);
    tokens_.set_require_space_after_number(false);
    tokens_.set_allow_multiline_strings(true);
  }

  TextOutline run() {
    outline_.values.emplace_back();
    open_.push_back({0, ""});
    next();
    while (more_) {
      if (open_.back().list) {
        element();
      } else {
        field();
      }
    }
    return std::move(outline_);
  }

 private:
  struct Open {
    std::size_t block;      // whose values are being read
    std::string list_name;  // in a list: of the field
    bool list = false;
  };

  const Tokenizer::Token& token() { return tokens_.current(); }
  bool is(const char* symbol) { return more_ && token().text == symbol; }

  // At the end the current token is empty and has the end's place.
  void next() {
    const bool after_name = more_ && token().type == Tokenizer::TYPE_IDENTIFIER;
    more_ = tokens_.Next();
    if (after_name) {
      outline_.names.back().next_line = token().line + 1;
      outline_.names.back().next_column = token().column + 1;
    }
    if (more_ && token().type == Tokenizer::TYPE_IDENTIFIER)
      outline_.names.push_back({.line = token().line + 1, .column = token().column + 1});
  }

  OutlineValue& add(std::string name, int line, int column) {
    outline_.values[open_.back().block].inside.push_back(outline_.values.size());
    OutlineValue& value = outline_.values.emplace_back();
    value.name = std::move(name);
    value.line = line;
    value.column = column;
    return value;
  }

  void open_block(std::string name, int line, int column) {
    add(std::move(name), line, column);
    open_.push_back({outline_.values.size() - 1, ""});
    next();
  }

  void open_list(std::string name) {
    open_.push_back({open_.back().block, std::move(name), true});
    next();
  }

  void scalar(std::string name) {
    OutlineValue& value = add(std::move(name), token().line + 1, token().column + 1);
    if (is("-")) next();
    if (!more_ || token().type != Tokenizer::TYPE_STRING) return next();
    for (; more_ && token().type == Tokenizer::TYPE_STRING; next())  // neighbours are one string
      Tokenizer::ParseStringAppend(token().text, &value.text);
  }

  void close() {
    if (open_.size() > 1) open_.pop_back();
    next();
  }

  // At a field's name, or at the end of the block.
  void field() {
    if (is("}") || is(">")) return close();
    const int line = token().line + 1, column = token().column + 1;
    std::string name = token().text;
    if (is("[")) {  // the name of an extension
      while (more_ && !is("]")) next();
    } else if (token().type != Tokenizer::TYPE_IDENTIFIER) {
      return next();  // a separator, or what cannot stand here
    }
    next();
    const bool colon = is(":");
    if (colon) next();
    if (is("{") || is("<")) return open_block(std::move(name), line, column);
    if (is("[")) return open_list(std::move(name));
    if (!colon || !more_ || is("}") || is(">")) return;
    scalar(std::move(name));
  }

  // At an element of a list, or at its end.
  void element() {
    if (is("]")) return close();
    if (is(",")) return next();
    if (is("}") || is(">")) {  // the list was never closed
      open_.pop_back();
      return;
    }
    std::string name = open_.back().list_name;
    if (is("{") || is("<")) return open_block(std::move(name), token().line + 1, token().column + 1);
    if (is("[")) return open_list(std::move(name));
    scalar(std::move(name));
  }

  google::protobuf::io::ArrayInputStream stream_;
  Silent silent_;
  Tokenizer tokens_;
  bool more_ = true;
  std::vector<Open> open_;
  TextOutline outline_;
};

}  // namespace

TextOutline outline_protobuf_text(std::string_view text) { return Outliner(text).run(); }

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
