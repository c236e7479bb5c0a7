#include "etalon/formats/hdf5/hdf5_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/formats/hdf5/hdf5_call.hpp"

namespace etalon {
namespace {

constexpr std::size_t kMostChildren = 1 << 20;
constexpr std::size_t kMostPathParts = 64;

[[noreturn]] void refuse_signature(ByteView head) {
  const std::string_view text = as_text(head);
  std::string starts;
  for (std::size_t i = 0; i < std::min<std::size_t>(8, head.size()); ++i)
    starts += fmt::format("{}{:02x}", i ? " " : "", std::to_integer<unsigned>(head[i]));
  std::string hint = "if the file is encrypted (.tlt), give its key";
  if (text.starts_with("PK\x03\x04"))
    hint = "this is a ZIP file: a Keras 3 model (.keras) or a TensorFlow checkpoint (.tlt)";
  throw Error(Kind::kBadInput,
              fmt::format("not an HDF5 file: starts with {}, expected 89 48 44 46 0d 0a 1a 0a", starts),
              hint);
}

Hdf5Id open_file(const std::function<hid_t()>& open) {
  Hdf5Id id(open(), H5Fclose);
  if (id.get() >= 0) return id;
  const std::string why = hdf5_reason();
  if (why.find("truncated file") != std::string::npos)
    throw Error(Kind::kBadInput, fmt::format("the HDF5 file is cut off ({})", why),
                "copy or download it again");
  throw Error(Kind::kBadInput, fmt::format("the HDF5 file is damaged ({})", why),
              "copy or download it again");
}

Hdf5Id file_access() {
  Hdf5Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // Read-only folders and some network file systems refuse locks; a reader needs none.
  H5Pset_file_locking(access.get(), false, true);
  return access;
}

// A file in memory. The library's way is to copy the bytes twice; these callbacks hand it the ones we have.
struct Image {
  Image(void* at, std::size_t size) : data(at), size_bytes(size) {}
  void* data;
  std::size_t size_bytes;
};
void* image_malloc(std::size_t size_bytes, H5FD_file_image_op_t, void* image) {
  return size_bytes == static_cast<Image*>(image)->size_bytes ? static_cast<Image*>(image)->data : nullptr;
}
void* image_copy(void* to, const void* from, std::size_t, H5FD_file_image_op_t, void*) {
  return to == from ? to : nullptr;
}
void* image_realloc(void*, std::size_t, H5FD_file_image_op_t, void*) { return nullptr; }
herr_t image_free(void*, H5FD_file_image_op_t, void*) { return 0; }
void* same_image(void* image) { return image; }
herr_t keep_image(void*) { return 0; }

Hdf5Id image_access(Image& image) {
  Hdf5Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_fapl_core(access.get(), 1 << 16, false);
  H5FD_file_image_callbacks_t calls{image_malloc, image_copy, image_realloc, image_free,
                                    same_image,   keep_image, &image};
  H5Pset_file_image_callbacks(access.get(), &calls);
  hdf5_check(H5Pset_file_image(access.get(), image.data, image.size_bytes), "the file in memory");
  return access;
}

}  // namespace

struct Hdf5Opened {
  Hdf5Opened(std::unique_ptr<Image> in_memory, Hdf5Id file, std::uint64_t file_size_bytes)
      : image(std::move(in_memory)),
        id(std::move(file)),
        size_bytes(file_size_bytes),
        budget(file_size_bytes) {}

  std::unique_ptr<Image> image;  // nullptr for a file on disk; needed until the file is closed
  Hdf5Id id;
  std::uint64_t size_bytes;
  Hdf5Budget budget;
};

bool looks_like_hdf5(ByteView head) { return as_text(head).starts_with("\x89HDF\r\n\x1a\n"); }

Hdf5File::Hdf5File(const std::filesystem::path& path) {
  check_is_data_file(path);
  const Bytes head = read_file_head(path, 8);
  if (!looks_like_hdf5(head)) refuse_signature(head);
  hdf5_prepare();
  const Hdf5Id access = file_access();
  Hdf5Id id = open_file([&] { return H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()); });
  hsize_t size_bytes = 0;
  hdf5_check(H5Fget_filesize(id.get(), &size_bytes), "the file's size");
  file_ = std::make_shared<Hdf5Opened>(nullptr, std::move(id), size_bytes);
}

Hdf5File::Hdf5File(ByteView bytes) {
  if (!looks_like_hdf5(bytes)) refuse_signature(bytes.first(std::min<std::size_t>(8, bytes.size())));
  hdf5_prepare();
  // Opened for reading: never written to.
  auto image = std::make_unique<Image>(const_cast<std::byte*>(bytes.data()), bytes.size());
  const Hdf5Id access = image_access(*image);
  // The library takes two files in memory of one name for the same file.
  const std::string name = fmt::format("memory at {}", static_cast<const void*>(bytes.data()));
  Hdf5Id id = open_file([&] { return H5Fopen(name.c_str(), H5F_ACC_RDONLY, access.get()); });
  file_ = std::make_shared<Hdf5Opened>(std::move(image), std::move(id), bytes.size());
}

Hdf5Group Hdf5File::root() const {
  Hdf5Id id(H5Gopen2(file_->id.get(), "/", H5P_DEFAULT), H5Gclose);
  hdf5_check(id.get(), "the root group");
  return Hdf5Group(file_, std::move(id));
}

Hdf5Id Hdf5Group::open(std::string_view path, H5I_type_t wanted) const {
  const auto place = [&] { return fmt::format("'{}'", escaped(path)); };
  std::optional<Hdf5Id> at;
  std::size_t parts = 0;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string part(path.substr(begin, end - begin));
    begin = end + 1;
    if (part.empty()) continue;
    if (++parts > kMostPathParts)
      throw Error(Kind::kBadInput, fmt::format("path {} has more than {} parts", place(), kMostPathParts));
    const hid_t from = at ? at->get() : id_.get();
    H5L_info_t link{};
    if (H5Lexists(from, part.c_str(), H5P_DEFAULT) <= 0 ||
        H5Lget_info(from, part.c_str(), &link, H5P_DEFAULT) < 0)
      throw Error(Kind::kBadInput, fmt::format("{} is missing", place()));
    if (link.type != H5L_TYPE_HARD)
      throw Error(
          Kind::kBadInput,
          fmt::format("{} is reached through a soft or external link, expected a plain object", place()));
    Hdf5Id next(H5Oopen(from, part.c_str(), H5P_DEFAULT), H5Oclose);
    hdf5_check(next.get(), place());
    const H5I_type_t expected = begin < path.size() ? H5I_GROUP : wanted;
    if (H5Iget_type(next.get()) != expected)
      throw Error(Kind::kBadInput,
                  fmt::format("{} is not a {}", place(), expected == H5I_GROUP ? "group" : "dataset"));
    at.emplace(std::move(next));
  }
  if (!at) throw Error(Kind::kBadInput, "an object's name is empty");
  return std::move(*at);
}

Hdf5Group Hdf5Group::group(std::string_view path) const { return Hdf5Group(file_, open(path, H5I_GROUP)); }

bool Hdf5Group::has(std::string_view child) const {
  return H5Lexists(id_.get(), std::string(child).c_str(), H5P_DEFAULT) > 0;
}

std::vector<std::string> Hdf5Group::children() const {
  std::vector<std::string> names;
  const auto keep = [](hid_t, const char* name, const H5L_info_t*, void* to) -> herr_t {
    auto& list = *static_cast<std::vector<std::string>*>(to);
    if (list.size() >= kMostChildren) return -1;
    list.emplace_back(name);
    return 0;
  };
  hdf5_check(H5Literate(id_.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, keep, &names),
             "a group's list of members");
  return names;
}

std::optional<Hdf5Id> Hdf5Group::open_attribute(const std::string& name) const {
  const htri_t there = H5Aexists(id_.get(), name.c_str());
  hdf5_check(there, fmt::format("attribute '{}'", escaped(name)));
  if (there == 0) return std::nullopt;
  Hdf5Id id(H5Aopen(id_.get(), name.c_str(), H5P_DEFAULT), H5Aclose);
  hdf5_check(id.get(), fmt::format("attribute '{}'", escaped(name)));
  return id;
}

std::optional<std::string> Hdf5Group::text(std::string_view attribute) const {
  const auto id = open_attribute(std::string(attribute));
  if (!id) return std::nullopt;
  auto list = hdf5_strings(id->get(), attribute);
  if (list.size() != 1)
    throw Error(Kind::kBadInput, fmt::format("attribute '{}' holds {} strings, expected one",
                                             escaped(attribute), list.size()));
  return std::move(list.front());
}

std::optional<std::int64_t> Hdf5Group::integer(std::string_view attribute) const {
  const auto id = open_attribute(std::string(attribute));
  if (!id) return std::nullopt;
  return hdf5_integer(id->get(), attribute);
}

std::optional<std::vector<std::string>> Hdf5Group::text_list(std::string_view attribute) const {
  if (const auto id = open_attribute(std::string(attribute))) return hdf5_strings(id->get(), attribute);
  std::optional<std::vector<std::string>> joined;
  for (std::size_t part = 0;; ++part) {
    const std::string name = fmt::format("{}{}", attribute, part);
    const auto id = open_attribute(name);
    if (!id) return joined;
    if (!joined) joined.emplace();
    std::ranges::move(hdf5_strings(id->get(), name), std::back_inserter(*joined));
    if (joined->size() > kMostChildren)
      throw Error(Kind::kBadInput,
                  fmt::format("attribute '{}' has more than {} strings", escaped(attribute), kMostChildren));
  }
}

template <class Read>
auto Hdf5Group::read(std::string_view path, Read&& from) const {
  const Hdf5Id dataset = open(path, H5I_DATASET);
  return within([&] { return fmt::format("dataset '{}'", escaped(path)); },
                [&] { return from(dataset.get()); });
}

FloatArray Hdf5Group::floats(std::string_view path) const {
  return read(path, [&](hid_t dataset) { return hdf5_floats(dataset, file_->budget); });
}

FloatArray Hdf5Group::streamed_floats(std::string_view path) const {
  Hdf5Budget budget(file_->size_bytes);
  return read(path, [&](hid_t dataset) { return hdf5_floats(dataset, budget); });
}

FloatsFacts Hdf5Group::floats_facts(std::string_view path) const { return read(path, hdf5_floats_facts); }

}  // namespace etalon
