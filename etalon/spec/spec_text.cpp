#include "etalon/spec/spec_text.hpp"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/base/name_match.hpp"

namespace etalon {
namespace {

namespace protobuf = google::protobuf;

constexpr int kDeepestNesting = 32;  // real specifications have at most 7 levels

std::string place(int line, int column) { return fmt::format("line {}, column {}", line, column); }

std::vector<std::string> field_names(const protobuf::Descriptor& message) {
  std::vector<std::string> names;
  for (int i = 0; i < message.field_count(); ++i) names.push_back(message.field(i)->name());
  return names;
}

// "X" in `before "X" after`, from the words of a protobuf message.
std::optional<std::string> quoted_after(std::string_view words, std::string_view before) {
  const auto start = words.find(before);
  if (start == std::string_view::npos) return std::nullopt;
  const auto first = start + before.size();
  const auto end = words.find('"', first);
  if (end == std::string_view::npos) return std::nullopt;
  return std::string(words.substr(first, end - first));
}

// Keeps the parser's first error; turns its warnings, which are about fields it does not know, into findings.
class Collector final : public protobuf::io::ErrorCollector {
 public:
  Collector(const protobuf::DescriptorPool& pool, const TextOutline& outline)
      : pool_(pool), outline_(outline) {}

  void AddError(int line, int column, const std::string& message) override {
    if (first_error_) return;
    first_error_ = Finding{Finding::Severity::kError, message, line + 1, column + 1};
    // These two are found when the parser has gone on to the next token.
    if (!message.starts_with("Unknown enumeration value") &&
        !message.starts_with("Invalid value for boolean"))
      return;
    if (const OutlineName* value = outline_.before(line + 1, column + 1)) {
      first_error_->line = value->line;
      first_error_->column = value->column;
    }
  }

  void AddWarning(int line, int column, const std::string& message) override {
    if (findings.size() >= kMostFindings) return;
    Finding finding{Finding::Severity::kWarning, escaped(message), line + 1, column + 1};
    if (const OutlineName* name = outline_.before(line + 1, column + 1)) {
      finding.line = name->line;
      finding.column = name->column;
    }
    const auto type = quoted_after(message, "Message type \"");
    const auto field = quoted_after(message, "has no field named \"");
    const auto* descriptor = type ? pool_.FindMessageTypeByName(*type) : nullptr;
    if (descriptor != nullptr && field) {
      finding.text =
          fmt::format("unknown field '{}' of {} is passed over", escaped(*field), descriptor->name());
      const auto known = field_names(*descriptor);
      finding.field = *field;
      if (const auto nearest = nearest_name(*field, known))
        finding.text += fmt::format(", did you mean '{}'?", *nearest);
    }
    add_finding(findings, std::move(finding));
  }

  const std::optional<Finding>& first_error() const { return first_error_; }
  std::vector<Finding> findings;

 private:
  const protobuf::DescriptorPool& pool_;
  const TextOutline& outline_;
  std::optional<Finding> first_error_;
};

void check_kind(const TextOutline& outline, SpecKind expected) {
  const RecognisedSpec seen = recognise_spec(outline);
  if (seen.kind == expected || seen.field.empty()) return;
  const bool experiment = expected == SpecKind::kExperiment || expected == SpecKind::kMaskRcnn;
  Error error(Kind::kBadInput,
              fmt::format("this is {} ('{}' is its field), expected {}", describe(seen), seen.field,
                          describe(spec_of(expected))),
              experiment ? "give the file that the network was trained with" : "");
  error.add_place(place(seen.line, seen.column));
  throw error;
}

[[noreturn]] void throw_does_not_parse(const Finding& error) {
  std::string words = error.text;
  std::string hint;
  // The parser names the token that it found; at the end of the file that is nothing.
  if (words.ends_with("got: ") || words.ends_with("found \"\".")) {
    words = "the file ends in the middle of a block or a value";
    hint = "is a closing brace missing?";
  } else if (words.starts_with("Expected string, got: ")) {
    hint = "write it in quotes";
  }
  if (words.ends_with('.')) words.pop_back();
  Error out(Kind::kBadInput, fmt::format("does not parse: {}", escaped(words)), hint);
  out.add_place(place(error.line, error.column));
  throw out;
}

// proto3 keeps numbers that no name stands for; nobody means one.
void check_enumerations(const protobuf::Message& message) {
  const auto* reflection = message.GetReflection();
  std::vector<const protobuf::FieldDescriptor*> set;
  reflection->ListFields(message, &set);
  for (const auto* field : set) {
    if (field->cpp_type() == protobuf::FieldDescriptor::CPPTYPE_ENUM) {
      const int number = reflection->GetEnumValue(message, field);
      if (field->enum_type()->FindValueByNumber(number) != nullptr) continue;
      std::vector<std::string> names;
      for (int i = 0; i < field->enum_type()->value_count(); ++i)
        names.push_back(field->enum_type()->value(i)->name());
      throw Error(Kind::kBadInput,
                  fmt::format("{} is {}, expected one of {}", field->name(), number, fmt::join(names, ", ")));
    }
    if (field->cpp_type() != protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    within([&] { return field->name(); },
           [&] {
             if (!field->is_repeated()) return check_enumerations(reflection->GetMessage(message, field));
             for (int i = 0; i < reflection->FieldSize(message, field); ++i)
               check_enumerations(reflection->GetRepeatedMessage(message, field, i));
           });
  }
}

}  // namespace

std::string_view checked_spec_text(std::string_view text) {
  if (text.size() > kLargestSpecBytes)
    throw Error(Kind::kBadInput,
                fmt::format("has {} bytes, a specification has at most {}", text.size(), kLargestSpecBytes));
  if (text.find('\0') != std::string_view::npos)
    throw Error(Kind::kBadInput, "is a binary file, expected a specification in protobuf's text format",
                "is this the model?");
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  return text;
}

SpecText parse_spec_text(std::string_view text, SpecKind expected, protobuf::Message& message) {
  text = checked_spec_text(text);
  SpecText spec;
  spec.outline = outline_protobuf_text(text);
  check_kind(spec.outline, expected);

  Collector collector(*message.GetDescriptor()->file()->pool(), spec.outline);
  protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&collector);
  parser.AllowUnknownField(true);
  parser.SetRecursionLimit(kDeepestNesting);
  protobuf::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  // Merge, not Parse: Parse would refuse a scalar that is given twice.
  const bool parsed = parser.Merge(&stream, &message);
  if (collector.first_error()) throw_does_not_parse(*collector.first_error());
  if (!parsed) throw Error(Kind::kInternal, "the parser refused the specification without a reason");

  const auto& top = spec.outline.values[0].inside;
  const std::string network = spec_of(expected).network;
  if (top.empty())
    throw Error(Kind::kBadInput, fmt::format("is empty, expected a specification of {}", network));
  const auto known = field_names(*message.GetDescriptor());
  if (std::ranges::none_of(top, [&](std::size_t number) {
        return std::ranges::find(known, spec.outline.values[number].name) != known.end();
      }))
    throw Error(Kind::kBadInput,
                fmt::format("has no field of a {} specification, the first one is '{}'", network,
                            escaped(spec.outline.values[top.front()].name)),
                "is this a specification of another network?");
  check_enumerations(message);
  spec.findings = std::move(collector.findings);
  return spec;
}

}  // namespace etalon
