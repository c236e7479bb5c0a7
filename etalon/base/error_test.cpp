#include "etalon/base/error.hpp"

#include <gtest/gtest.h>

namespace etalon {
namespace {

TEST(Error, ShowsPlacesFromTheInsideOutAndThenTheHint) {
  try {
    within([] { return "'m.hdf5'"; },
           [] {
             within([] { return "layer 'conv1'"; },
                    [] { throw Error(Kind::kBadInput, "kernel is 7x7", "look at it"); });
           });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.line(), "kernel is 7x7, in layer 'conv1', in 'm.hdf5' (look at it)");
    EXPECT_STREQ(error.what(), "kernel is 7x7, in layer 'conv1', in 'm.hdf5'");
  }
}

TEST(Within, ReturnsWhatTheBodyReturns) {
  EXPECT_EQ(within([] { return "never"; }, [] { return 7; }), 7);
}

TEST(Escaped, KeepsUtf8AndNeutralisesControlsAndBrokenBytes) {
  EXPECT_EQ(escaped("cl\xc3\xa9 \xe9\x8d\xb5"), "cl\xc3\xa9 \xe9\x8d\xb5");
  EXPECT_EQ(escaped("a\x1b[31m\nb\r"), "a\\x1b[31m\\x0ab\\x0d");
  EXPECT_EQ(escaped("\xc3"), "\\xc3");
  EXPECT_EQ(escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate is no character";
  EXPECT_EQ(escaped("\xc2\x9b"), "\\xc2\\x9b") << "the one-byte form of ESC [";
  EXPECT_EQ(escaped(std::string(500, 'x'), 4), "xxxx...");
}

}  // namespace
}  // namespace etalon
