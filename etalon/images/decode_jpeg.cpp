// libjpeg reports errors through a callback that must not return, and its frames are C: an exception must not
// cross them. So the two functions that call it, `read_header` and `read_rows`, hold only trivial data, are
// left by longjmp and return false; `decode_jpeg` owns everything that needs a destructor and does the
// throwing.
//
// libjpeg repairs damaged files and calls that a warning: it fills what is missing with grey. A calibration
// picture that is half grey is worse than none, so the warnings that mean lost pixels end the decoding, as
// Pillow ends it for a cut-off file. Others (junk between two segments, an odd JFIF version) lose nothing and
// are passed over.
#include "etalon/images/decode_jpeg.hpp"

#include <fmt/format.h>

#include <array>
#include <csetjmp>
#include <cstdio>

// jpeglib.h uses FILE without including <cstdio>; jerror.h depends on what jpeglib.h defines
#include <jpeglib.h>
// keep below
#include <jerror.h>

#include "etalon/base/error.hpp"
#include "etalon/images/image_checks.hpp"

namespace etalon {
namespace {

struct JpegReader {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  std::jmp_buf on_error;
  std::array<char, JMSG_LENGTH_MAX> message;
};

[[noreturn]] void give_up(j_common_ptr info) {
  auto* reader = static_cast<JpegReader*>(info->client_data);
  reader->errors.format_message(info, reader->message.data());
  std::longjmp(reader->on_error, 1);
}

bool loses_pixels(int message_code) {
  switch (message_code) {
    case JWRN_ARITH_BAD_CODE:
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
      return true;
    default:
      return false;
  }
}

void on_message(j_common_ptr info, int level) {
  if (level < 0 && loses_pixels(info->err->msg_code)) give_up(info);  // levels below 0 are warnings
}

// A progressive file may repeat scans without end, each over the whole picture. Encoders write about ten; 500
// is libjpeg-turbo's own advice against such files.
void on_progress(j_common_ptr info) {
  constexpr int kMostScans = 500;
  auto* reader = static_cast<JpegReader*>(info->client_data);
  if (reader->info.input_scan_number <= kMostScans) return;
  std::snprintf(reader->message.data(), reader->message.size(), "more than %d scans", kMostScans);
  std::longjmp(reader->on_error, 1);
}

bool read_header(JpegReader& reader, const unsigned char* data, unsigned long size_bytes) {
  reader.info.err = jpeg_std_error(&reader.errors);
  reader.info.client_data = &reader;
  reader.errors.error_exit = give_up;
  reader.errors.emit_message = on_message;
  reader.progress.progress_monitor = on_progress;
  if (setjmp(reader.on_error) != 0) return false;
  jpeg_create_decompress(&reader.info);
  reader.info.progress = &reader.progress;
  jpeg_mem_src(&reader.info, data, size_bytes);
  jpeg_read_header(&reader.info, TRUE);
  return true;
}

bool read_rows(JpegReader& reader, unsigned char* pixels, std::size_t row_size) {
  if (setjmp(reader.on_error) != 0) return false;
  jpeg_start_decompress(&reader.info);
  while (reader.info.output_scanline < reader.info.output_height) {
    JSAMPROW rows[8];
    JDIMENSION count = 0;
    for (; count < 8 && reader.info.output_scanline + count < reader.info.output_height; ++count)
      rows[count] = pixels + (reader.info.output_scanline + count) * row_size;
    jpeg_read_scanlines(&reader.info, rows, count);
  }
  jpeg_finish_decompress(&reader.info);
  return true;
}

[[noreturn]] void throw_message(const JpegReader& reader) {
  throw Error(Kind::kBadInput, fmt::format("cut-off or damaged JPEG: {}", escaped(reader.message.data())));
}

// A coded 8x8 block takes at least one bit (Huffman coding; an arithmetic coder can spend less). A file too
// short for its size is cut off, or made to have us allocate a gigabyte for nothing.
void check_blocks_fit(const JpegReader& reader, std::size_t size_bytes) {
  if (reader.info.arith_code) return;
  std::uint64_t blocks = 0;
  for (int i = 0; i < reader.info.num_components; ++i)
    blocks +=
        std::uint64_t{reader.info.comp_info[i].width_in_blocks} * reader.info.comp_info[i].height_in_blocks;
  if (blocks / 8 > size_bytes)
    throw Error(Kind::kBadInput, fmt::format("cut-off or damaged JPEG: {} bytes cannot hold {} x {} pixels",
                                             size_bytes, reader.info.image_width, reader.info.image_height));
}

struct Destroy {
  JpegReader& reader;
  ~Destroy() { jpeg_destroy_decompress(&reader.info); }
};

// What libjpeg is to make of the file. TensorFlow's RGB of four inks starts from the inks.
PixelMode mode_to_read(int components, Channels wanted) {
  switch (components) {
    case 1:
      return wanted == Channels::kRgb ? PixelMode::kRgb : PixelMode::kGrey;
    case 3:
      return wanted == Channels::kGrey ? PixelMode::kGrey : PixelMode::kRgb;
    case 4:
      if (wanted == Channels::kGrey)
        throw Error(Kind::kBadInput, "a JPEG of four inks (CMYK) has no luma to read as grey",
                    "convert it to RGB");
      return PixelMode::kCmyk;
    default:
      throw Error(Kind::kBadInput, fmt::format("a JPEG with {} channels, expected 1, 3 or 4", components));
  }
}

J_COLOR_SPACE space_of(PixelMode mode) {
  switch (mode) {
    case PixelMode::kGrey:
      return JCS_GRAYSCALE;
    case PixelMode::kCmyk:
      return JCS_CMYK;
    default:
      return JCS_RGB;
  }
}

// TensorFlow's light of inks, cut off to whole numbers. Files with Adobe's mark hold 255 - ink.
void inks_to_rgb(Image& image, bool inverted) {
  const std::uint8_t* in = image.pixels.data();
  std::uint8_t* out = image.pixels.data();  // three bytes for four: never ahead of `in`
  const std::size_t count = image.pixels.size() / 4;
  for (std::size_t i = 0; i < count; ++i, in += 4, out += 3) {
    const auto light = [&](std::size_t c) { return inverted ? unsigned{in[c]} : 255U - in[c]; };
    const std::array<unsigned, 4> lights{light(0), light(1), light(2), light(3)};
    for (std::size_t c = 0; c < 3; ++c) out[c] = static_cast<std::uint8_t>(lights[3] * lights[c] / 255);
  }
  image.pixels.resize(count * 3);
  image.mode = PixelMode::kRgb;
}

}  // namespace

Image decode_jpeg(ByteView bytes, const Decoding& how) {
  JpegReader reader{};
  const Destroy destroy{reader};
  if (!read_header(reader, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()))
    throw_message(reader);
  check_image_size(reader.info.image_width, reader.info.image_height);
  check_blocks_fit(reader, bytes.size());

  Image image;
  image.mode = mode_to_read(reader.info.num_components, how.channels);
  reader.info.out_color_space = space_of(image.mode);
  reader.info.dct_method = how.jpeg_transform == JpegTransform::kFast ? JDCT_IFAST : JDCT_ISLOW;
  image.width = static_cast<int>(reader.info.image_width);
  image.height = static_cast<int>(reader.info.image_height);
  image.pixels.resize(row_size_bytes(image) * reader.info.image_height);
  if (!read_rows(reader, image.pixels.data(), row_size_bytes(image))) throw_message(reader);
  if (image.mode == PixelMode::kCmyk) {
    if (how.channels == Channels::kRgb) {
      inks_to_rgb(image, reader.info.saw_Adobe_marker != FALSE);
    } else {
      for (auto& value : image.pixels) value = static_cast<std::uint8_t>(255 - value);
    }
  }
  return image;
}

}  // namespace etalon
