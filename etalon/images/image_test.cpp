#include "etalon/images/image.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "etalon/base/error.hpp"
#include "etalon/images/resize.hpp"
#include "etalon/images/testdata_test.hpp"

namespace etalon {
namespace {

using testing::HasSubstr;

PixelMode mode_named(const std::string& name) {
  static const std::map<std::string, PixelMode> kModes{{"1", PixelMode::kBilevel},    {"L", PixelMode::kGrey},
                                                       {"LA", PixelMode::kGreyAlpha}, {"P", PixelMode::kPalette},
                                                       {"RGB", PixelMode::kRgb},      {"RGBA", PixelMode::kRgba},
                                                       {"CMYK", PixelMode::kCmyk}};
  return kModes.at(name);
}

TEST(DecodeImage, GivesPillowsPixelsForEveryMode) {
  auto lines = lines_of("expected.txt", "file ");
  ASSERT_EQ(lines.size(), 28U);
  for (auto& line : lines) {
    std::string name, mode;
    int width = 0, height = 0;
    std::uint32_t pixels = 0, rgb = 0, grey = 0;
    line >> name >> mode >> width >> height >> pixels >> rgb >> grey;
    SCOPED_TRACE(name);
    const Image image = picture(name);
    EXPECT_EQ(image.mode, mode_named(mode));
    EXPECT_EQ(image.width, width);
    EXPECT_EQ(image.height, height);
    EXPECT_EQ(crc_of(image.pixels), pixels);
    EXPECT_EQ(crc_of(to_rgb(image).pixels), rgb);
    EXPECT_EQ(crc_of(to_grey(image).pixels), grey);
  }
}

// --- pictures that are broken, each made from a good one ---

using Text = std::string;

Text file_text(std::string_view name) { return Text(as_text(read_file(testdata(name)))); }

std::string message_of(const Text& bytes) {
  try {
    decode_image(as_bytes(bytes));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::kBadInput);
    return error.line();
  }
  return "no error";
}

std::uint32_t be32(const Text& text, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(text.at(at + i));
  return value;
}
void put_be32(Text& text, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) text.at(at + i) = static_cast<char>(value >> (24 - 8 * i));
}

constexpr std::size_t kIhdr = 8;  // where a PNG's IHDR chunk starts: length, name, data, CRC

// The chunk at `at` once more with a right CRC.
void repair_crc(Text& png, std::size_t at) {
  const std::uint32_t size = be32(png, at);
  put_be32(png, at + 8 + size, crc_of(png.data() + at + 4, size + 4));
}

Text png_of_size(std::uint32_t width, std::uint32_t height) {
  Text png = file_text("rgb.png");
  put_be32(png, kIhdr + 8, width);
  put_be32(png, kIhdr + 12, height);
  repair_crc(png, kIhdr);
  return png;
}

Text without_chunk(Text png, std::string_view name) {
  const std::size_t at = png.find(name) - 4;
  return png.erase(at, 12 + be32(png, at));
}

Text jpeg_of_size(unsigned width, unsigned height) {
  Text jpeg = file_text("rgb_420.jpg");
  const std::size_t frame = jpeg.find("\xff\xc0");
  for (const auto& [at, value] : {std::pair{frame + 5, height}, std::pair{frame + 7, width}}) {
    jpeg.at(at) = static_cast<char>(value >> 8);
    jpeg.at(at + 1) = static_cast<char>(value);
  }
  return jpeg;
}

// The entropy-coded bytes start after the scan's header.
std::size_t first_coded_byte(const Text& jpeg) {
  const std::size_t scan = jpeg.find("\xff\xda");
  return scan + 2 + (static_cast<unsigned char>(jpeg.at(scan + 2)) << 8) +
         static_cast<unsigned char>(jpeg.at(scan + 3));
}

struct Broken {
  std::string name;
  std::function<Text()> make;
  std::string says;
};

TEST(DecodeImage, RefusesBrokenFilesAndSaysWhy) {
  const std::vector<Broken> cases{
      {"no bytes at all", [] { return Text(); }, "is empty"},
      {"text", [] { return Text("hello"); }, "starts with 68 65 6c 6c 6f"},
      {"another format", [] { return Text("GIF89a......"); }, "a GIF"},
      {"a Git LFS pointer", [] { return Text("version https://git-lfs.github.com/spec/v1\n"); }, "Git LFS"},
      {"PNG: the signature alone", [] { return file_text("rgb.png").substr(0, 8); }, "PNG"},
      {"PNG: cut off in the pixels", [] { return file_text("rgb.png").substr(0, 1500); }, "ends too early"},
      {"PNG: cut off before its end chunk",
       [] {
         const Text t = file_text("rgb.png");
         return t.substr(0, t.size() - 12);
       },
       "ends too early"},
      {"PNG: a flipped bit in a text chunk",
       [] {
         Text t = file_text("rgb_gamma_text.png");
         t[t.find("Comment")] ^= 1;
         return t;
       },
       "CRC"},
      {"PNG: fewer rows than promised", [] { return png_of_size(37, 24); }, "damaged PNG"},
      {"PNG: a palette picture without a palette", [] { return without_chunk(file_text("palette.png"), "PLTE"); },
       "PLTE"},
      {"PNG: no pixels", [] { return without_chunk(file_text("rgb.png"), "IDAT"); }, "damaged PNG"},
      {"PNG: 0 pixels wide", [] { return png_of_size(0, 23); }, "IHDR"},
      {"PNG: a side too long", [] { return png_of_size(65536, 1); }, "65536 x 1 pixels"},
      {"PNG: too many pixels", [] { return png_of_size(65535, 65535); }, "at most 268435456 pixels"},
      {"PNG: more pixels than its bytes can hold", [] { return png_of_size(16384, 16384); }, "cannot hold"},
      {"PNG: a colour type that does not exist",
       [] {
         Text t = file_text("rgb.png");
         t[kIhdr + 17] = 5;
         repair_crc(t, kIhdr);
         return t;
       },
       "IHDR"},
      {"JPEG: the signature alone", [] { return Text("\xff\xd8\xff"); }, "JPEG"},
      {"JPEG: cut off in a table", [] { return file_text("rgb_420.jpg").substr(0, 60); }, "JPEG"},
      {"JPEG: cut off in the pixels",
       [] {
         const Text t = file_text("rgb_420.jpg");
         return t.substr(0, t.size() - 60);
       },
       "remature end"},
      {"JPEG: the progressive one cut off",
       [] {
         const Text t = file_text("rgb_444_progressive.jpg");
         return t.substr(0, t.size() - 60);
       },
       "remature end"},
      {"JPEG: an end marker amid the pixels",
       [] {
         Text t = file_text("rgb_420.jpg");
         const auto at = first_coded_byte(t) + 40;
         t[at] = '\xff';
         t[at + 1] = '\xd9';
         return t;
       },
       "premature end of data segment"},
      {"JPEG: a Huffman code that does not exist",
       [] {
         Text t = file_text("rgb_420.jpg");
         const auto at = first_coded_byte(t);
         for (std::size_t i = 0; i < 40; i += 2) {
           t[at + i] = '\xff';
           t[at + i + 1] = '\0';
         }
         return t;
       },
       "Huffman code"},
      {"JPEG: a restart marker out of turn",
       [] {
         Text t = file_text("rgb_restarts.jpg");
         t[t.find("\xff\xd1") + 1] = '\xd5';
         return t;
       },
       "damaged JPEG"},
      {"JPEG: 0 rows", [] { return jpeg_of_size(37, 0); }, "JPEG"},
      {"JPEG: too many pixels", [] { return jpeg_of_size(65500, 65500); }, "65500 x 65500 pixels"},
      {"JPEG: more pixels than its bytes can hold", [] { return jpeg_of_size(16000, 16000); }, "cannot hold"},
      {"JPEG: no scan",
       [] {
         const Text t = file_text("rgb_420.jpg");
         return t.substr(0, t.find("\xff\xda")) + "\xff\xd9";
       },
       "JPEG"},
  };
  for (const auto& broken : cases) {
    SCOPED_TRACE(broken.name);
    EXPECT_THAT(message_of(broken.make()), HasSubstr(broken.says));
  }
}

TEST(DecodeImage, NeverAcceptsAPartOfAFile) {
  for (const char* name : {"rgb_420.jpg", "rgb_444_progressive.jpg", "cmyk.jpg", "rgb.png", "rgb_interlaced.png"}) {
    const Text whole = file_text(name);
    for (std::size_t size = 0; size < whole.size(); ++size)
      EXPECT_NE(message_of(whole.substr(0, size)), "no error") << name << " cut to " << size << " bytes";
  }
}

TEST(DecodeImage, NeverAcceptsAPngWithAFlippedBit) {
  for (const char* name : {"rgb.png", "palette_4_bits_interlaced.png", "rgb_gamma_text.png"}) {
    const Text whole = file_text(name);
    for (std::size_t i = 0; i < whole.size(); ++i) {
      Text flipped = whole;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
      EXPECT_NE(message_of(flipped), "no error") << name << ", byte " << i;
    }
  }
}

TEST(DecodeImage, PassesOverWhatCostsNoPixels) {
  const Text jpeg = file_text("rgb_420.jpg");
  Text odd = jpeg;
  odd[odd.find("JFIF") + 5] = 9;        // a version that does not exist: a warning of libjpeg
  odd.insert(odd.size() - 2, "stray");  // junk before the end marker: another
  odd += "what a camera left behind the picture";
  EXPECT_EQ(decode_image(as_bytes(odd)).pixels, decode_image(as_bytes(jpeg)).pixels);
  const Text png = file_text("rgb.png");
  EXPECT_EQ(decode_image(as_bytes(png + "behind the end")).pixels, decode_image(as_bytes(png)).pixels);
}

TEST(DecodeImage, Reads16BitsAsTheNearestOf8) {
  // 256 x 256 values: every number of 16 bits once. The PNG's rows are stored, not compressed, so that it can be made
  // by hand.
  Text rows;
  for (unsigned y = 0; y < 256; ++y) {
    rows += '\0';
    for (unsigned x = 0; x < 256; ++x) rows += {static_cast<char>(y), static_cast<char>(x)};
  }
  uLongf size = compressBound(static_cast<uLong>(rows.size()));
  Text packed(size, '\0');
  ASSERT_EQ(compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()),
                     static_cast<uLong>(rows.size())),
            Z_OK);
  packed.resize(size);
  Text png("\x89PNG\r\n\x1a\n");
  const auto add_chunk = [&](std::string_view name, const Text& data) {
    const std::size_t at = png.size();
    png += Text(4, '\0') + Text(name) + data + Text(4, '\0');
    put_be32(png, at, static_cast<std::uint32_t>(data.size()));
    repair_crc(png, at);
  };
  add_chunk("IHDR", Text("\0\0\1\0\0\0\1\0\x10\0\0\0\0", 13));
  add_chunk("IDAT", packed);
  add_chunk("IEND", "");
  const Image image = decode_image(as_bytes(png));
  ASSERT_EQ(image.mode, PixelMode::kGrey);
  for (unsigned v = 0; v < 65536; ++v) {
    // 257 is odd: v / 257 never lies halfway between two whole numbers.
    ASSERT_EQ(image.pixels[v], (v + 128) / 257) << v;
  }
}

TEST(EncodePng, IsReadBackAsItWas) {
  for (const char* name : {"grey.png", "rgb.png", "rgba.png", "rgb_420.jpg"}) {
    const Image image = picture(name);
    const std::string png = encode_png(image);
    const Image again = decode_image(as_bytes(png));
    EXPECT_EQ(again.mode, image.mode);
    EXPECT_EQ(again.width, image.width);
    EXPECT_EQ(again.height, image.height);
    EXPECT_EQ(again.pixels, image.pixels);
    EXPECT_EQ(encode_png(image), png);
    EXPECT_EQ(png.find("tIME"), std::string::npos);
  }
}

TEST(EncodePng, RefusesWhatIsNoGreyOrColourPicture) {
  EXPECT_THROW(encode_png(picture("cmyk.jpg")), Error);
  EXPECT_THROW(encode_png(picture("palette.png")), Error);
  Image empty;
  EXPECT_THROW(encode_png(empty), Error);
}

}  // namespace
}  // namespace etalon
