// A JSON document as text for people.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace etalon {

// "key: value" a line; an array of objects is a table under its key, an array of values one line, an object
// indented lines. The document's "version" is for programs and left out. Texts are escaped for a terminal.
// Numbers have at most six significant digits.
std::string text_from_json(const nlohmann::ordered_json& document);

}  // namespace etalon
