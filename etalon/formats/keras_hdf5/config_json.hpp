// Inside formats/keras_hdf5: JSON text from outside, read with limits.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace etalon {

// Errors (kBadInput): no JSON, NaN or Infinity (which Python's json writes), too deep, too large.
nlohmann::json parse_config_json(std::string_view text);

// The value of `key`, or nullptr if there is none or `object` is no object.
const nlohmann::json* member(const nlohmann::json& object, const char* key);

// An integer from 0 to a million. `what` is for the message: "a node index".
int small_integer(const nlohmann::json& value, std::string_view what);

}  // namespace etalon
