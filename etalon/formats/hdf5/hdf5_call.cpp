#include "etalon/formats/hdf5/hdf5_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

// Deflate packs at best 1032 to 1 (two bits for a run of 258 bytes).
constexpr std::uint64_t kLargestExpansion = 1100;
// What is read becomes an ONNX model, which protobuf limits to 2 GiB.
constexpr std::uint64_t kMostFloatBytes = std::uint64_t{2} << 30;
constexpr std::uint64_t kMostElements = std::uint64_t{1} << 31;
constexpr std::uint64_t kLargestChunkBytes = std::uint64_t{1} << 30;
constexpr int kMostAxes = 8;
constexpr std::uint64_t kMostStrings = 1 << 20;
constexpr std::uint64_t kMostTextBytes = std::uint64_t{64} << 20;

void take(std::uint64_t& left, std::uint64_t size_bytes) {
  if (size_bytes > left)
    throw Error(Kind::kBadInput,
                fmt::format("holds {} bytes of data, more than a file of this size can have", size_bytes),
                "the file is damaged or made to exhaust memory");
  left -= size_bytes;
}

// IEEE floats only: the library also converts any made-up layout of sign, exponent and mantissa.
struct FloatLayout {
  std::size_t size_bytes, sign_bit, exponent_bit, exponent_bits, mantissa_bit, mantissa_bits, bias;
  bool operator==(const FloatLayout&) const = default;
};
constexpr std::array kIeee{FloatLayout{2, 15, 10, 5, 0, 10, 15}, FloatLayout{4, 31, 23, 8, 0, 23, 127},
                           FloatLayout{8, 63, 52, 11, 0, 52, 1023}};

std::size_t check_float_type(hid_t type) {
  if (H5Tget_class(type) != H5T_FLOAT)
    throw Error(Kind::kUnsupported,
                "does not hold floating-point numbers, expected float16, float32 or float64");
  FloatLayout layout{};
  layout.size_bytes = H5Tget_size(type);
  layout.bias = H5Tget_ebias(type);
  hdf5_check(H5Tget_fields(type, &layout.sign_bit, &layout.exponent_bit, &layout.exponent_bits,
                           &layout.mantissa_bit, &layout.mantissa_bits),
             "a number type");
  if (std::ranges::find(kIeee, layout) == kIeee.end())
    throw Error(
        Kind::kUnsupported,
        fmt::format("holds {}-byte floats of an unknown layout, expected IEEE float16, float32 or float64",
                    layout.size_bytes));
  return layout.size_bytes;
}

// What the library's own filters are called in storage texts. Numbers: H5Zpublic.h.
struct FilterName {
  H5Z_filter_t filter;
  const char* name;
};
constexpr std::array kFilterNames{FilterName{H5Z_FILTER_DEFLATE, "gzip"},
                                  FilterName{H5Z_FILTER_SHUFFLE, "shuffle"},
                                  FilterName{H5Z_FILTER_FLETCHER32, "fletcher32"},
                                  FilterName{H5Z_FILTER_SZIP, "szip"},
                                  FilterName{H5Z_FILTER_NBIT, "nbit"},
                                  FilterName{H5Z_FILTER_SCALEOFFSET, "scaleoffset"}};

// "shuffle, gzip 4, "; checks that this library has each.
std::string filters_text(hid_t creation) {
  const int count = H5Pget_nfilters(creation);
  hdf5_check(count, "the list of filters");
  std::string text;
  for (int i = 0; i < count; ++i) {
    unsigned flags = 0, config = 0, first_value = 0;
    std::size_t value_count = 1;
    std::array<char, 64> name{};
    const H5Z_filter_t filter = H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &value_count,
                                               &first_value, name.size(), name.data(), &config);
    hdf5_check(filter, "the list of filters");
    name.back() = '\0';
    if (H5Zfilter_avail(filter) <= 0)
      throw Error(Kind::kUnsupported,
                  fmt::format("is packed with HDF5 filter {} '{}', which this program does not have", filter,
                              escaped(name.data())),
                  "write the file without that compression, or with gzip");
    const auto* known = std::ranges::find(kFilterNames, filter, &FilterName::filter);
    text += known == kFilterNames.end() ? fmt::format("filter {}", filter) : known->name;
    if (filter == H5Z_FILTER_DEFLATE && value_count > 0) text += fmt::format(" {}", first_value);
    text += ", ";
  }
  return text;
}

using Chunk = std::array<hsize_t, kMostAxes>;

Chunk chunk_shape(hid_t creation, std::size_t rank, std::size_t element_bytes) {
  Chunk chunk{};
  if (H5Pget_chunk(creation, kMostAxes, chunk.data()) != static_cast<int>(rank))
    hdf5_check(-1, "the chunk size");
  std::uint64_t size_bytes = element_bytes;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    if (chunk[axis] == 0 || chunk[axis] > kLargestChunkBytes / size_bytes)
      throw Error(Kind::kBadInput,
                  fmt::format("is stored in chunks larger than {} bytes", kLargestChunkBytes));
    size_bytes *= chunk[axis];
  }
  return chunk;
}

// A chunk that was never written would be read as zeros.
void check_all_chunks(hid_t dataset, hid_t space, const std::vector<std::int64_t>& shape,
                      const Chunk& chunk) {
  std::uint64_t expected = 1;
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    expected *= (static_cast<std::uint64_t>(shape[axis]) + chunk[axis] - 1) / chunk[axis];
  hsize_t found = 0;
  hdf5_check(H5Dget_num_chunks(dataset, space, &found), "the list of chunks");
  if (found != expected)
    throw Error(Kind::kBadInput,
                fmt::format("has {} chunks of data in the file, expected {}", found, expected),
                "whatever wrote the file did not finish it, or the file is damaged");
}

std::uint64_t check_shape(hid_t space, std::vector<std::int64_t>& shape) {
  std::uint64_t elements = 1;
  const H5S_class_t kind = H5Sget_simple_extent_type(space);
  if (kind == H5S_SCALAR) return elements;
  const int rank = H5Sget_simple_extent_ndims(space);
  if (kind != H5S_SIMPLE || rank < 0 || rank > kMostAxes)
    throw Error(Kind::kBadInput, fmt::format("has {} axes, expected at most {}", rank, kMostAxes));
  std::array<hsize_t, kMostAxes> dims{};
  hdf5_check(H5Sget_simple_extent_dims(space, dims.data(), nullptr), "the shape");
  for (int axis = 0; axis < rank; ++axis) {
    const hsize_t size = dims[static_cast<std::size_t>(axis)];
    if (size > kMostElements || elements * size > kMostElements)  // both factors are at most 2^31
      throw Error(Kind::kBadInput, fmt::format("has more than {} elements", kMostElements));
    elements *= size;
    shape.push_back(static_cast<std::int64_t>(size));
  }
  return elements;
}

std::string without_padding(std::string_view text, H5T_str_t pad) {
  if (pad == H5T_STR_SPACEPAD) return std::string(text.substr(0, text.find_last_not_of(' ') + 1));
  return std::string(text.substr(0, std::min(text.find('\0'), text.size())));
}

std::vector<std::string> fixed_strings(hid_t attribute, hid_t type, std::size_t count,
                                       std::string_view name) {
  const std::size_t width = H5Tget_size(type);
  if (width == 0 || width > kMostTextBytes / std::max<std::size_t>(1, count))
    throw Error(Kind::kBadInput,
                fmt::format("attribute '{}' holds more than {} bytes", escaped(name), kMostTextBytes));
  std::string bytes(width * count, '\0');
  hdf5_check(H5Aread(attribute, type, bytes.data()), fmt::format("attribute '{}'", escaped(name)));
  std::vector<std::string> list;
  list.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    list.push_back(without_padding(std::string_view(bytes).substr(i * width, width), H5Tget_strpad(type)));
  return list;
}

std::vector<std::string> variable_strings(hid_t attribute, hid_t type, hid_t space, std::size_t count,
                                          std::string_view name) {
  std::vector<char*> texts(count, nullptr);
  struct Reclaim {
    hid_t type, space;
    void operator()(char** given) const { H5Dvlen_reclaim(type, space, H5P_DEFAULT, given); }
  };
  const std::unique_ptr<char*, Reclaim> owner(texts.data(), Reclaim{type, space});
  hdf5_check(H5Aread(attribute, type, texts.data()), fmt::format("attribute '{}'", escaped(name)));
  std::vector<std::string> list;
  list.reserve(count);
  for (const char* text : texts) list.emplace_back(text == nullptr ? "" : text);
  return list;
}

struct StoredFloats {
  FloatsFacts facts;
  Hdf5Id space;
  H5D_layout_t layout;
  Chunk chunk;  // if the layout is chunked
  std::size_t element_bytes;
  std::uint64_t elements;
};

StoredFloats stored_floats(hid_t dataset) {
  // Layout first: asking a virtual dataset for its shape would open the files that it names.
  const Hdf5Id creation(H5Dget_create_plist(dataset), H5Pclose);
  hdf5_check(creation.get(), "how it is stored");
  const H5D_layout_t layout = H5Pget_layout(creation.get());
  if (layout != H5D_CONTIGUOUS && layout != H5D_COMPACT && layout != H5D_CHUNKED)
    throw Error(Kind::kUnsupported, "takes its data from other files (a virtual dataset)");
  if (H5Pget_external_count(creation.get()) != 0)
    throw Error(Kind::kUnsupported, "takes its data from other files (external storage)");
  const std::string filters = filters_text(creation.get());

  const Hdf5Id type(H5Dget_type(dataset), H5Tclose);
  StoredFloats stored{{}, Hdf5Id(H5Dget_space(dataset), H5Sclose), layout, {}, 0, 0};
  hdf5_check(std::min(type.get(), stored.space.get()), "its type and shape");
  stored.element_bytes = check_float_type(type.get());
  FloatsFacts& facts = stored.facts;
  facts.element_type = fmt::format("float{}", 8 * stored.element_bytes);
  stored.elements = check_shape(stored.space.get(), facts.shape);
  facts.storage = layout == H5D_COMPACT ? "compact" : "contiguous";
  if (layout == H5D_CHUNKED) {
    stored.chunk = chunk_shape(creation.get(), facts.shape.size(), stored.element_bytes);
    const auto* end = stored.chunk.begin() + facts.shape.size();
    facts.storage = fmt::format("{}chunks {}", filters, fmt::join(stored.chunk.begin(), end, "x"));
  }
  return stored;
}

extern "C" herr_t keep_first_reason(unsigned n, const H5E_error2_t* error, void* to) {
  if (n == 0 && error->desc != nullptr) *static_cast<std::string*>(to) = error->desc;
  return 0;
}

}  // namespace

void hdf5_prepare() {
  // very end
  H5open();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // errors become etalon::Error, nothing is printed
  H5PLset_loading_state(0);                     // no filter plugins from HDF5_PLUGIN_PATH
}

std::string hdf5_reason() {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first_reason, &reason);
  H5Eclear2(H5E_DEFAULT);
  return reason.empty() ? "no reason given" : escaped(reason);
}

void hdf5_check(std::int64_t result, std::string_view what) {
  if (result >= 0) return;
  const std::string reason = hdf5_reason();
  if (reason.find("version number") != std::string::npos)
    throw Error(Kind::kUnsupported, fmt::format("cannot read {}: {}", what, reason),
                "if the file was written by a newer HDF5 library, write it with libver='earliest' or 'v110'");
  throw Error(Kind::kBadInput, fmt::format("cannot read {}: {}", what, reason),
              "the file is damaged; copy or download it again");
}

std::uint64_t hdf5_most_unpacked_bytes(std::uint64_t file_size_bytes) {
  if (file_size_bytes > kMostFloatBytes / kLargestExpansion) return kMostFloatBytes;
  return file_size_bytes * kLargestExpansion;
}
std::uint64_t hdf5_most_float_bytes(std::uint64_t file_size_bytes) {
  // A float16 of two bytes becomes a float of four.
  return std::min(kMostFloatBytes, 2 * (file_size_bytes + hdf5_most_unpacked_bytes(file_size_bytes)));
}

Hdf5Budget::Hdf5Budget(std::uint64_t file_size_bytes)
    : plain_bytes_(file_size_bytes),
      unpacked_bytes_(hdf5_most_unpacked_bytes(file_size_bytes)),
      float_bytes_(kMostFloatBytes) {}

void Hdf5Budget::take_floats(std::uint64_t elements) {
  if (elements > float_bytes_ / sizeof(float))
    throw Error(
        Kind::kUnsupported,
        fmt::format("brings the weights to more than {} bytes as float32, more than an ONNX model can hold",
                    kMostFloatBytes));
  float_bytes_ -= elements * sizeof(float);
}
void Hdf5Budget::take_plain(std::uint64_t size_bytes) { take(plain_bytes_, size_bytes); }
void Hdf5Budget::take_unpacked(std::uint64_t size_bytes) { take(unpacked_bytes_, size_bytes); }

std::vector<std::string> hdf5_strings(hid_t attribute, std::string_view name) {
  const Hdf5Id space(H5Aget_space(attribute), H5Sclose);
  const Hdf5Id type(H5Aget_type(attribute), H5Tclose);
  hdf5_check(std::min(space.get(), type.get()), fmt::format("attribute '{}'", escaped(name)));
  const hssize_t count = H5Sget_simple_extent_npoints(space.get());
  hdf5_check(count, fmt::format("attribute '{}'", escaped(name)));
  if (count == 0) return {};
  if (static_cast<std::uint64_t>(count) > kMostStrings)
    throw Error(Kind::kBadInput, fmt::format("attribute '{}' has {} elements, expected at most {}",
                                             escaped(name), count, kMostStrings));
  if (H5Tget_class(type.get()) != H5T_STRING)
    throw Error(Kind::kBadInput, fmt::format("attribute '{}' does not hold text", escaped(name)));
  const auto size = static_cast<std::size_t>(count);
  if (H5Tis_variable_str(type.get()) > 0)
    return variable_strings(attribute, type.get(), space.get(), size, name);
  return fixed_strings(attribute, type.get(), size, name);
}

std::int64_t hdf5_integer(hid_t attribute, std::string_view name) {
  const Hdf5Id space(H5Aget_space(attribute), H5Sclose);
  const Hdf5Id type(H5Aget_type(attribute), H5Tclose);
  hdf5_check(std::min(space.get(), type.get()), fmt::format("attribute '{}'", escaped(name)));
  if (H5Tget_class(type.get()) != H5T_INTEGER || H5Sget_simple_extent_npoints(space.get()) != 1)
    throw Error(Kind::kBadInput, fmt::format("attribute '{}' is not one whole number", escaped(name)));
  std::int64_t value = 0;
  hdf5_check(H5Aread(attribute, H5T_NATIVE_INT64, &value), fmt::format("attribute '{}'", escaped(name)));
  return value;
}

FloatsFacts hdf5_floats_facts(hid_t dataset) { return stored_floats(dataset).facts; }

FloatArray hdf5_floats(hid_t dataset, Hdf5Budget& budget) {
  const StoredFloats stored = stored_floats(dataset);
  FloatArray array;
  array.shape = stored.facts.shape;
  if (stored.elements == 0) return array;
  const std::uint64_t size_bytes = stored.elements * stored.element_bytes;
  const std::uint64_t stored_bytes = H5Dget_storage_size(dataset);
  const bool in_chunks = stored.layout == H5D_CHUNKED;
  if (in_chunks) {
    budget.take_unpacked(size_bytes);
  } else {
    budget.take_plain(size_bytes);
  }
  budget.take_floats(stored.elements);
  if (stored_bytes == 0 || (!in_chunks && stored_bytes < size_bytes))
    throw Error(Kind::kBadInput,
                fmt::format("has {} bytes of data in the file, expected {}", stored_bytes, size_bytes));
  if (in_chunks) check_all_chunks(dataset, stored.space.get(), array.shape, stored.chunk);

  array.values.resize(static_cast<std::size_t>(stored.elements));
  hdf5_check(H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.values.data()),
             "the data");
  return array;
}

}  // namespace etalon
