// For tests: what a refusal says.
#pragma once

#include <string>
#include <utility>

#include "etalon/base/error.hpp"

namespace etalon {

// The line of the Error that `body` throws, or "no error".
template <class Body>
std::string message_of(Body&& body) {
  try {
    std::forward<Body>(body)();
  } catch (const Error& error) {
    return error.line();
  }
  return "no error";
}

}  // namespace etalon
