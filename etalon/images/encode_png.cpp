// Deterministic by construction: no time chunk, no text, and level, filters and strategy are named here rather than
// left to the library's defaults.
#include <fmt/format.h>
#include <png.h>
#include <zlib.h>

#include <array>
#include <csetjmp>
#include <cstdio>
#include <new>

#include "etalon/base/error.hpp"
#include "etalon/images/image.hpp"
#include "etalon/images/image_checks.hpp"

namespace etalon {
namespace {

struct PngWriter {
  png_structp png;
  png_infop info;
  std::string* out;
  std::jmp_buf on_error;
  std::array<char, 160> message;
};

[[noreturn]] void on_error(png_structp png, png_const_charp text) {
  auto* writer = static_cast<PngWriter*>(png_get_error_ptr(png));
  std::snprintf(writer->message.data(), writer->message.size(), "%s", text);
  std::longjmp(writer->on_error, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_write(png_structp png, png_bytep data, std::size_t count) {
  auto* writer = static_cast<PngWriter*>(png_get_io_ptr(png));
  bool full = false;
  try {
    writer->out->append(reinterpret_cast<const char*>(data), count);
  } catch (const std::bad_alloc&) {
    full = true;  // an exception must not cross libpng, and longjmp must not leave a handler
  }
  if (full) png_error(png, "not enough memory");
}

void on_flush(png_structp) {}

bool write_rows(PngWriter& writer, const Image& image, int colour_type) {
  if (setjmp(writer.on_error) != 0) return false;
  writer.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer, on_error, on_warning);
  if (writer.png == nullptr) return false;
  writer.info = png_create_info_struct(writer.png);
  if (writer.info == nullptr) png_error(writer.png, "not enough memory");
  png_set_write_fn(writer.png, &writer, on_write, on_flush);
  png_set_compression_level(writer.png, 6);
  png_set_compression_strategy(writer.png, Z_FILTERED);
  png_set_filter(writer.png, PNG_FILTER_TYPE_BASE, PNG_ALL_FILTERS);
  png_set_IHDR(writer.png, writer.info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height),
               8, colour_type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE, PNG_FILTER_TYPE_BASE);
  png_write_info(writer.png, writer.info);
  const std::size_t row_size = row_size_bytes(image);
  for (int y = 0; y < image.height; ++y)
    png_write_row(writer.png, image.pixels.data() + static_cast<std::size_t>(y) * row_size);
  png_write_end(writer.png, nullptr);
  return true;
}

struct Destroy {
  PngWriter& writer;
  ~Destroy() { png_destroy_write_struct(&writer.png, &writer.info); }
};

int colour_type_of(PixelMode mode) {
  switch (mode) {
    case PixelMode::kGrey: return PNG_COLOR_TYPE_GRAY;
    case PixelMode::kRgb: return PNG_COLOR_TYPE_RGB;
    case PixelMode::kRgba: return PNG_COLOR_TYPE_RGB_ALPHA;
    default: throw Error(Kind::kInternal, "only grey, RGB and RGBA pictures are written as PNG");
  }
}

}  // namespace

std::string encode_png(const Image& image) {
  check_image_is_whole(image);
  const int colour_type = colour_type_of(image.mode);
  std::string out;
  PngWriter writer{};
  writer.out = &out;
  const Destroy destroy{writer};
  if (!write_rows(writer, image, colour_type))
    throw Error(Kind::kInternal, fmt::format("cannot write a PNG: {}", writer.message.data()));
  return out;
}

}  // namespace etalon
