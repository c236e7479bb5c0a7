// OpenVINO's exceptions become Error here.
#pragma once

#include <openvino/core/except.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "etalon/base/error.hpp"

namespace etalon {

// OpenVINO's messages have several lines: where in its source, which condition, then the words for people.
std::string openvino_message(std::string_view what);

// Runs `call`; what OpenVINO throws leaves as Error(kind, "OpenVINO cannot <deed>: <its words>").
template <class Call>
decltype(auto) openvino_call(Kind kind, std::string_view deed, Call&& call) {
  try {
    return std::forward<Call>(call)();
  } catch (const ov::Exception& exception) {
    throw Error(kind, "OpenVINO cannot " + std::string(deed) + ": " + openvino_message(exception.what()));
  }
}

}  // namespace etalon
