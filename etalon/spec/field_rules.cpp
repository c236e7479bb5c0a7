#include "etalon/spec/field_rules.hpp"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <optional>
#include <string>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

namespace protobuf = google::protobuf;
using protobuf::FieldDescriptor;

constexpr std::string_view kLoaderNeeds = "; the data loader needs it";

struct Scalar {
  double number = 0;
  std::string text;   // of a text
  std::string shown;  // as the specification would have it
};

// Nothing for what no rule can be about: bool, enumerations, bytes.
std::optional<Scalar> scalar_of(const protobuf::Message& message, const FieldDescriptor* field) {
  const auto* reflection = message.GetReflection();
  const auto number = [](auto value) {
    return Scalar{static_cast<double>(value), "", fmt::format("{}", value)};
  };
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return number(reflection->GetInt32(message, field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return number(reflection->GetUInt32(message, field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return number(reflection->GetFloat(message, field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return number(reflection->GetDouble(message, field));
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text = reflection->GetString(message, field);
      return Scalar{0, text, text.empty() ? "empty" : fmt::format("'{}'", escaped(text, 60))};
    }
    default:
      return std::nullopt;
  }
}

class Walk {
 public:
  Walk(std::span<const FieldRule> rules, std::span<const RequiredField> required,
       std::vector<Finding>& findings)
      : rules_(rules), required_(required), findings_(findings) {}

  void visit(const PlacedMessage& at) {
    const auto* type = at.message().GetDescriptor();
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor* field = type->field(i);
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
        if (!field->is_repeated()) check_value(at, field);
      } else if (!at.has(field->name())) {
        check_required(at, field);
      } else if (field->is_map()) {
        for (const auto& [key, entry] : at.entries(field->name())) visit(entry);
      } else if (field->is_repeated()) {
        for (const auto& element : at.elements(field->name())) visit(element);
      } else {
        visit(at.child(field->name()));
      }
    }
  }

 private:
  void add(const PlacedMessage& at, const FieldDescriptor* field, Finding::Severity severity,
           std::string text) {
    if (severity == Finding::Severity::kWarning) text.insert(0, kTaoRefuses);
    add_finding(findings_, at.finding(severity, field->name(), std::move(text)));
  }

  void check_value(const PlacedMessage& at, const FieldDescriptor* field) {
    const auto value = scalar_of(at.message(), field);
    if (!value) return;
    for (const FieldRule& rule : rules_) {
      if (rule.field != field->name()) continue;
      if (!rule.inside.empty() && rule.inside != field->containing_type()->name()) continue;
      const Condition& condition = rule.condition;
      const bool text = field->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
      if (text ? condition.text == nullptr || condition.text(value->text)
               : condition.number == nullptr || condition.number(value->number))
        continue;
      // Zero is what TAO checks; that nothing is there is what helps.
      if (!at.given(field->name()))
        return add(at, field, rule.loader_needs ? Finding::Severity::kWarning : rule.severity,
                   fmt::format("it is missing, expected {}{}", condition.expected,
                               rule.loader_needs ? kLoaderNeeds : ""));
      return add(at, field, rule.severity,
                 fmt::format("it is {}, expected {}", value->shown, condition.expected));
    }
  }

  void check_required(const PlacedMessage& at, const FieldDescriptor* field) {
    for (const RequiredField& required : required_)
      if (required.message == field->containing_type()->name() && required.field == field->name())
        return add(at, field, required.severity,
                   fmt::format("it is missing{}", required.loader_needs ? kLoaderNeeds : ""));
  }

  std::span<const FieldRule> rules_;
  std::span<const RequiredField> required_;
  std::vector<Finding>& findings_;
};

}  // namespace

void check_fields(const PlacedMessage& message, std::span<const FieldRule> rules,
                  std::span<const RequiredField> required, std::vector<Finding>& findings) {
  Walk(rules, required, findings).visit(message);
}

}  // namespace etalon
