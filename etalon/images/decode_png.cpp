// libpng's errors leave by longjmp, as in decode_jpeg.cpp: `read_header` and `read_rows` hold only trivial
// data.
#include "etalon/images/decode_png.hpp"

#include <fmt/format.h>
#include <png.h>

#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "etalon/base/error.hpp"
#include "etalon/images/image_checks.hpp"

namespace etalon {
namespace {

struct PngReader {
  png_structp png;
  png_infop info;
  const std::byte* data;
  std::size_t size_bytes, offset;
  std::jmp_buf on_error;
  std::array<char, 160> message;
};

[[noreturn]] void on_error(png_structp png, png_const_charp text) {
  auto* reader = static_cast<PngReader*>(png_get_error_ptr(png));
  std::snprintf(reader->message.data(), reader->message.size(), "%s", text);
  std::longjmp(reader->on_error, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep out, std::size_t count) {
  auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
  if (count > reader->size_bytes - reader->offset) png_error(png, "the file ends too early");
  std::memcpy(out, reader->data + reader->offset, count);
  reader->offset += count;
}

bool read_header(PngReader& reader, Channels channels) {
  if (setjmp(reader.on_error) != 0) return false;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_error, on_warning);
  if (reader.png == nullptr) return false;
  reader.info = png_create_info_struct(reader.png);
  if (reader.info == nullptr) png_error(reader.png, "not enough memory");
  png_set_read_fn(reader.png, &reader, on_read);
  png_set_user_limits(reader.png, PNG_UINT_31_MAX,
                      PNG_UINT_31_MAX);  // ours come later, with a better message
  png_set_crc_action(reader.png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_set_keep_unknown_chunks(reader.png, PNG_HANDLE_CHUNK_NEVER, nullptr,
                              -1);    // texts, profiles: skip unread
  if (channels == Channels::kGrey) {  // these change how libpng makes grey of colours
    constexpr png_byte kColourSpace[] = "gAMA\0cHRM\0sRGB\0iCCP";
    png_set_keep_unknown_chunks(reader.png, PNG_HANDLE_CHUNK_AS_DEFAULT, kColourSpace, 4);
  }
  png_read_info(reader.png, reader.info);
  return true;
}

void ask_for_pillows_pixels(PngReader& reader, int type, int depth) {
  if (type == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(reader.png);
  if (type == PNG_COLOR_TYPE_PALETTE && depth < 8) png_set_packing(reader.png);
  if (depth == 16) png_set_scale_16(reader.png);
}

// tensorflow/core/lib/png/png_io.cc of TensorFlow 1.15, for 8 bits and 1 or 3 channels.
void ask_for_tensorflows_pixels(PngReader& reader, int type, int depth, Channels channels) {
  png_set_strip_alpha(reader.png);
  if (depth == 16) png_set_strip_16(reader.png);
  png_set_packing(reader.png);
  if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(reader.png);
  const bool is_grey = (type & PNG_COLOR_MASK_COLOR) == 0;
  if (is_grey && depth < 8) png_set_expand_gray_1_2_4_to_8(reader.png);
  if (is_grey && channels == Channels::kRgb) png_set_gray_to_rgb(reader.png);
  constexpr int kSilently = 1;
  if (!is_grey && channels == Channels::kGrey) png_set_rgb_to_gray(reader.png, kSilently, 0.299, 0.587);
}

bool read_rows(PngReader& reader, unsigned char* pixels, std::size_t row_size, png_uint_32 height,
               Channels channels) {
  if (setjmp(reader.on_error) != 0) return false;
  const int type = png_get_color_type(reader.png, reader.info);
  const int depth = png_get_bit_depth(reader.png, reader.info);
  if (channels == Channels::kAsStored)
    ask_for_pillows_pixels(reader, type, depth);
  else
    ask_for_tensorflows_pixels(reader, type, depth, channels);
  const int passes = png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  if (png_get_rowbytes(reader.png, reader.info) != row_size) png_error(reader.png, "unexpected row size");
  for (int pass = 0; pass < passes; ++pass)
    for (png_uint_32 y = 0; y < height; ++y) png_read_row(reader.png, pixels + y * row_size, nullptr);
  png_read_end(reader.png, nullptr);
  return true;
}

[[noreturn]] void throw_message(const PngReader& reader) {
  throw Error(Kind::kBadInput, fmt::format("cut-off or damaged PNG: {}", escaped(reader.message.data())));
}

// Deflate makes at most 1032 bytes of one (258 of two bits), so a file too short for its size is cut off, or
// made to have us allocate a gigabyte for nothing.
void check_rows_fit(const PngReader& reader, std::uint64_t width, std::uint64_t height,
                    std::uint64_t bits_a_pixel) {
  constexpr std::uint64_t kMostDeflated = 1032;
  if ((width * bits_a_pixel + 7) / 8 * height / kMostDeflated > reader.size_bytes)
    throw Error(Kind::kBadInput, fmt::format("cut-off or damaged PNG: {} bytes cannot hold {} x {} pixels",
                                             reader.size_bytes, width, height));
}

PixelMode mode_of(int type, int depth, Channels channels) {
  if (channels == Channels::kGrey) return PixelMode::kGrey;
  if (channels == Channels::kRgb) return PixelMode::kRgb;
  switch (type) {
    case PNG_COLOR_TYPE_GRAY:
      return depth == 1 ? PixelMode::kBilevel : PixelMode::kGrey;
    case PNG_COLOR_TYPE_GRAY_ALPHA:
      return PixelMode::kGreyAlpha;
    case PNG_COLOR_TYPE_PALETTE:
      return PixelMode::kPalette;
    case PNG_COLOR_TYPE_RGB:
      return PixelMode::kRgb;
    default:
      return PixelMode::kRgba;  // libpng lets no other type pass
  }
}

struct Destroy {
  PngReader& reader;
  ~Destroy() { png_destroy_read_struct(&reader.png, &reader.info, nullptr); }
};

}  // namespace

Image decode_png(ByteView bytes, const Decoding& how) {
  PngReader reader{};
  reader.data = bytes.data();
  reader.size_bytes = bytes.size();
  const Destroy destroy{reader};
  if (!read_header(reader, how.channels)) throw_message(reader);

  const png_uint_32 width = png_get_image_width(reader.png, reader.info);
  const png_uint_32 height = png_get_image_height(reader.png, reader.info);
  const int depth = png_get_bit_depth(reader.png, reader.info);
  check_image_size(width, height);
  check_rows_fit(reader, width, height,
                 static_cast<std::uint64_t>(depth) * png_get_channels(reader.png, reader.info));

  Image image;
  image.mode = mode_of(png_get_color_type(reader.png, reader.info), depth, how.channels);
  image.width = static_cast<int>(width);
  image.height = static_cast<int>(height);
  png_colorp colours = nullptr;
  int colour_count = 0;
  if (image.mode == PixelMode::kPalette &&
      png_get_PLTE(reader.png, reader.info, &colours, &colour_count) != 0)
    for (int i = 0; i < colour_count; ++i)
      image.palette.push_back({colours[i].red, colours[i].green, colours[i].blue});
  image.pixels.resize(row_size_bytes(image) * height);
  if (!read_rows(reader, image.pixels.data(), row_size_bytes(image), height, how.channels))
    throw_message(reader);
  return image;
}

}  // namespace etalon
