#include "etalon/formats/tensorfile/tensorfile_writer.hpp"

#include <fmt/format.h>
#include <hdf5.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/formats/hdf5/hdf5_file.hpp"
#include "etalon/formats/hdf5/hdf5_output.hpp"
#include "etalon/formats/tensorfile/tensorfile_layout.hpp"

namespace etalon {
namespace {

constexpr int kGzipLevel = 4;  // what h5py's compression="gzip" means
// An attribute's value lies in its object's header, where a message has 64 KiB at most.
constexpr std::size_t kMostAttributeBytes = 60'000;

std::size_t element_bytes(TensorfileType type) { return type == TensorfileType::kFloat64 ? 8 : 4; }

template <class Unsigned, class Value>
void append_little_endian(std::span<const float> values, Bytes& to) {
  to.resize(values.size() * sizeof(Unsigned));
  std::byte* at = to.data();
  for (const float value : values) {
    auto bits = std::bit_cast<Unsigned>(static_cast<Value>(value));
    if constexpr (std::endian::native == std::endian::big)
      for (std::size_t i = 0; i < sizeof bits; ++i) at[i] = static_cast<std::byte>(bits >> (8 * i));
    else
      std::memcpy(at, &bits, sizeof bits);
    at += sizeof bits;
  }
}

// A stream that deflates in pieces, so that a picture is never there as float64 as a whole.
class Deflater {
 public:
  explicit Deflater(std::uint64_t unpacked_bytes) {
    if (deflateInit(&stream_, kGzipLevel) != Z_OK)
      throw Error(Kind::kEnvironment, "there is not enough memory to pack an image");
    // Pictures pack to a third or less; when not, the buffer grows.
    packed_.resize(static_cast<std::size_t>(unpacked_bytes / 4) + 4096);
  }
  ~Deflater() { deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  void add(ByteView bytes, bool last) {
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    for (int result = Z_OK; result != Z_STREAM_END && (last || stream_.avail_in > 0);) {
      if (size_ == packed_.size()) packed_.resize(2 * packed_.size());
      const auto room = static_cast<uInt>(std::min<std::size_t>(packed_.size() - size_, 1U << 30));
      stream_.next_out = reinterpret_cast<Bytef*>(packed_.data() + size_);
      stream_.avail_out = room;
      result = deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
      size_ += room - stream_.avail_out;
      if (result == Z_STREAM_ERROR) throw Error(Kind::kInternal, "zlib refuses an image");
    }
  }
  Bytes packed() && {
    packed_.resize(size_);
    packed_.shrink_to_fit();
    return std::move(packed_);
  }

 private:
  z_stream stream_{};
  Bytes packed_;
  std::size_t size_ = 0;
};

Hdf5Id checked(hid_t id, Hdf5Id::Close close) { return Hdf5Id(hdf5_written(id), close); }

// Every object: no time in its header, so that the same images give the same bytes.
Hdf5Id creation_of(hid_t kind) {
  Hdf5Id creation = checked(H5Pcreate(kind), H5Pclose);
  hdf5_written(H5Pset_obj_track_times(creation.get(), false));
  return creation;
}

void write_integers(hid_t at, const char* name, const Hdf5Id& space, const std::int64_t* values) {
  const Hdf5Id attribute =
      checked(H5Acreate2(at, name, H5T_STD_I64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  hdf5_written(H5Awrite(attribute.get(), H5T_NATIVE_INT64, values));
}

// Strings of one length, padded with zeros, as NumPy has them and h5py stores them; h5py 2.8 cannot read them
// when they are marked as UTF-8.
void write_texts(hid_t at, const std::string& name, std::span<const std::string> texts, std::size_t width) {
  const Hdf5Id type = checked(H5Tcopy(H5T_C_S1), H5Tclose);
  hdf5_written(H5Tset_size(type.get(), width));
  hdf5_written(H5Tset_strpad(type.get(), H5T_STR_NULLPAD));
  std::string bytes;
  for (const auto& text : texts) bytes += text + std::string(width - text.size(), '\0');
  const hsize_t count = texts.size();
  const Hdf5Id space = checked(H5Screate_simple(1, &count, nullptr), H5Sclose);
  const Hdf5Id attribute =
      checked(H5Acreate2(at, name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  hdf5_written(H5Awrite(attribute.get(), type.get(), bytes.data()));
}

// One attribute if it has room, else images0, images1, ... (as Keras splits its lists, and Hdf5Group joins
// them).
void write_names(hid_t group, std::span<const std::string> names) {
  std::size_t width = 1;
  for (const auto& name : names) width = std::max(width, name.size());
  if (width > kMostAttributeBytes)
    throw Error(Kind::kUnsupported, "the name of an image is too long for a tensorfile");
  const std::size_t most = kMostAttributeBytes / width;
  if (names.size() <= most) return write_texts(group, kTensorfileImages, names, width);
  for (std::size_t part = 0, at = 0; at < names.size(); ++part, at += most)
    write_texts(group, fmt::format("{}{}", kTensorfileImages, part),
                names.subspan(at, std::min(most, names.size() - at)), width);
}

}  // namespace

PackedImage pack_image(std::span<const float> values_chw, TensorfileType type) {
  constexpr std::size_t kPiece = 8192;  // 64 KiB of float64: stays in the cache
  PackedImage image;
  image.unpacked_bytes = values_chw.size() * element_bytes(type);
  Deflater deflater(image.unpacked_bytes);
  Bytes piece;
  do {
    const std::size_t count = std::min(kPiece, values_chw.size());
    if (type == TensorfileType::kFloat64)
      append_little_endian<std::uint64_t, double>(values_chw.first(count), piece);
    else
      append_little_endian<std::uint32_t, float>(values_chw.first(count), piece);
    values_chw = values_chw.subspan(count);
    deflater.add(piece, values_chw.empty());
  } while (!values_chw.empty());
  image.bytes = std::move(deflater).packed();
  return image;
}

struct TensorfileWriter::State {
  std::vector<std::int64_t> image_shape;
  TensorfileType type;
  std::uint64_t image_elements = 1;
  std::size_t images_per_batch = 0;  // 0: nothing written yet
  std::uint64_t batches = 0;
  std::optional<Hdf5Output> file;
};

TensorfileWriter::TensorfileWriter(const std::filesystem::path& writable_file,
                                   std::vector<std::int64_t> image_shape_chw, TensorfileType type)
    : state_(std::make_unique<State>()) {
  constexpr std::uint64_t kMost = kMostTensorfileBatchBytes / sizeof(float);
  if (image_shape_chw.size() != 3 ||
      std::ranges::any_of(image_shape_chw, [](std::int64_t size) { return size < 1; }))
    throw Error(Kind::kInternal, "the shape of a tensorfile's images is not (channels, height, width)");
  for (const std::int64_t size : image_shape_chw) {
    // Half of it, because a chunk is read whole, and float64 takes twice as much.
    if (static_cast<std::uint64_t>(size) > kMost / 2 / state_->image_elements)
      throw Error(Kind::kUnsupported, fmt::format("images of {} are too large for a tensorfile",
                                                  fmt::join(image_shape_chw, "x")));
    state_->image_elements *= static_cast<std::uint64_t>(size);
  }
  state_->image_shape = std::move(image_shape_chw);
  state_->type = type;
  state_->file.emplace(writable_file);
}

TensorfileWriter::~TensorfileWriter() = default;

void TensorfileWriter::write_batch(std::span<const PackedImage> images, std::span<const std::string> names) {
  State& state = *state_;
  const std::uint64_t image_bytes = state.image_elements * element_bytes(state.type);
  if (images.empty() || images.size() != names.size() || !state.file ||
      (state.batches > 0 && images.size() != state.images_per_batch) ||
      std::ranges::any_of(images,
                          [&](const PackedImage& image) { return image.unpacked_bytes != image_bytes; }))
    throw Error(Kind::kInternal, "a batch does not fit the tensorfile that it is written to");
  if (images.size() > kMostTensorfileBatchBytes / sizeof(float) / state.image_elements)
    throw Error(
        Kind::kUnsupported,
        fmt::format("{} images of {} are as float32 more than {} bytes, which is the limit for one batch",
                    images.size(), fmt::join(state.image_shape, "x"), kMostTensorfileBatchBytes),
        "give a smaller --batch_size");

  const Hdf5Id group_creation = creation_of(H5P_GROUP_CREATE);
  const Hdf5Id group = checked(H5Gcreate2(state.file->id(), tensorfile_group(state.batches).c_str(),
                                          H5P_DEFAULT, group_creation.get(), H5P_DEFAULT),
                               H5Gclose);
  write_names(group.get(), names);

  std::array<hsize_t, 4> shape{images.size()}, chunk{1}, offset{};
  for (std::size_t axis = 0; axis < 3; ++axis)
    shape[axis + 1] = chunk[axis + 1] = static_cast<hsize_t>(state.image_shape[axis]);
  const Hdf5Id creation = creation_of(H5P_DATASET_CREATE);
  hdf5_written(H5Pset_chunk(creation.get(), 4, chunk.data()));
  hdf5_written(H5Pset_deflate(creation.get(), kGzipLevel));
  hdf5_written(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER));
  const Hdf5Id space = checked(H5Screate_simple(4, shape.data(), nullptr), H5Sclose);
  const hid_t type = state.type == TensorfileType::kFloat64 ? H5T_IEEE_F64LE : H5T_IEEE_F32LE;
  const Hdf5Id dataset = checked(
      H5Dcreate2(group.get(), kTensorfileArray, type, space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
      H5Dclose);
  for (const PackedImage& image : images) {
    hdf5_written(
        H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, 0, offset.data(), image.bytes.size(), image.bytes.data()));
    ++offset[0];
  }
  state.file->check();
  state.images_per_batch = images.size();
  ++state.batches;
}

void TensorfileWriter::finish() {
  State& state = *state_;
  if (state.batches == 0 || !state.file)
    throw Error(Kind::kInternal, "a tensorfile without batches, or one that is finished already");
  std::vector<std::int64_t> shape{static_cast<std::int64_t>(state.images_per_batch)};
  shape.insert(shape.end(), state.image_shape.begin(), state.image_shape.end());
  const auto count = static_cast<std::int64_t>(state.batches);
  const hsize_t axes = shape.size();
  const hid_t file = state.file->id();
  write_integers(file, "count", checked(H5Screate(H5S_SCALAR), H5Sclose), &count);
  write_integers(file, "shape", checked(H5Screate_simple(1, &axes, nullptr), H5Sclose), shape.data());
  state.file->finish();
  state.file.reset();
}

}  // namespace etalon
