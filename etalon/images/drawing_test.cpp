#include "etalon/images/drawing.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

#include "etalon/base/error.hpp"
#include "etalon/images/font_5x7.hpp"

namespace etalon {
namespace {

constexpr Colour kWhite{255, 255, 255};

Image black(int width, int height) {
  Image image;
  image.width = width;
  image.height = height;
  image.pixels.assign(static_cast<std::size_t>(width * height * 3), 0);
  return image;
}

// One character a pixel: '#' white, '.' black, '?' another.
std::string dots(const Image& image) {
  std::string text;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    if (i != 0 && i / 3 % static_cast<std::size_t>(image.width) == 0) text += '\n';
    const int sum = image.pixels[i] + image.pixels[i + 1] + image.pixels[i + 2];
    text += sum == 765 ? '#' : sum == 0 ? '.' : '?';
  }
  return text;
}

TEST(DrawBox, DrawsTheLineInside) {
  Image image = black(7, 5);
  draw_box(image, 1, 0, 6, 4, 1, kWhite);
  EXPECT_EQ(dots(image), ".#####.\n.#...#.\n.#...#.\n.#####.\n.......");
  image = black(7, 5);
  draw_box(image, 0, 0, 7, 5, 2, kWhite);
  EXPECT_EQ(dots(image), "#######\n#######\n##...##\n#######\n#######");
}

TEST(DrawBox, ClipsBoxesFromAnywhere) {
  constexpr int kFar = std::numeric_limits<int>::max(), kBefore = std::numeric_limits<int>::min();
  Image image = black(3, 2);
  draw_box(image, kBefore, kBefore, kFar, kFar, 1, kWhite);
  draw_box(image, 5, 5, 3, 3, 1, kWhite);
  draw_box(image, -5, -5, 0, 0, 3, kWhite);
  EXPECT_EQ(dots(image), "...\n...");
  draw_box(image, kBefore, 0, 2, kFar, 1, kWhite);
  EXPECT_EQ(dots(image), "##.\n.#.");
  draw_box(image, kBefore, kBefore, kFar, kFar, kFar, kWhite);
  EXPECT_EQ(dots(image), "###\n###");
  image = black(3, 2);
  draw_filled(image, 1, -9, kFar, 1, kWhite);
  EXPECT_EQ(dots(image), ".##\n...");
}

TEST(DrawText, ShowsCharactersAndBoxes) {
  Image image = black(12, 7);
  EXPECT_EQ(draw_text(image, 0, 0, "R\n", 1, kWhite), 11);
  EXPECT_EQ(dots(image),
            "####..#####.\n"
            "#...#.#...#.\n"
            "#...#.#...#.\n"
            "####..#...#.\n"
            "#.#...#...#.\n"
            "#..#..#...#.\n"
            "#...#.#####.");
  image = black(4, 4);
  EXPECT_EQ(draw_text(image, -2, -12, "L", 2, kWhite), 10);  // the lower end of the L, dots of 2 pixels
  EXPECT_EQ(dots(image), "####\n####\n....\n....");
  EXPECT_EQ(text_width("", 3), 0);
  EXPECT_EQ(text_width("ab", 3), 33);
}

TEST(DrawText, HasADifferentGlyphForEveryCharacter) {
  std::set<Glyph> seen{glyph_of('\x7f')};
  for (char c = ' '; c <= '~'; ++c) {
    EXPECT_TRUE(seen.insert(glyph_of(c)).second) << c;
    for (const auto row : glyph_of(c)) EXPECT_LT(row, 1 << kGlyphColumns);
  }
  EXPECT_EQ(glyph_of('\xff'), glyph_of('\0'));
}

TEST(DrawTranslucent, MixesInsideTheMaskAndThePicture) {
  Image image;
  image.width = 3;
  image.height = 2;
  image.pixels.assign(18, 100);
  draw_translucent(image, -1, 0, 3, std::vector<std::uint8_t>{1, 1, 0, 1, 0, 7}, {0, 255, 100});
  const std::vector<std::uint8_t> expected{60,  162, 100, 100, 100, 100, 100, 100, 100,
                                           100, 100, 100, 60,  162, 100, 100, 100, 100};
  EXPECT_EQ(image.pixels, expected);
  EXPECT_THROW(draw_translucent(image, 0, 0, 4, std::vector<std::uint8_t>(6), {}), Error);
}

TEST(ClassColour, DiffersFromClassToClass) {
  std::set<Colour> seen;
  for (std::size_t i = 0; i < 90; ++i) EXPECT_TRUE(seen.insert(class_colour(i)).second) << i;
  EXPECT_EQ(class_colour(0), (Colour{255, 0, 0}));
}

TEST(SideBySide, FillsWithWhite) {
  Image right = black(2, 3);
  draw_filled(right, 0, 0, 2, 3, {255, 0, 0});
  const Image both = side_by_side(black(1, 1), right, 2);
  EXPECT_EQ(dots(both), ".##??\n###??\n###??");
  EXPECT_THROW(side_by_side(black(1, 1), right, -1), Error);
  EXPECT_THROW(side_by_side(black(40000, 1), black(40000, 1), 0), Error);
}

}  // namespace
}  // namespace etalon
