#include "etalon/calibration/image_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/calibration/random_draw.hpp"
#include "etalon/images/image.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxImageBytes = std::uint64_t{1} << 30;

// TAO: `name.split('.')[-1] in ['jpg', 'jpeg', 'png']`, so case matters and a file named "png" counts.
bool named_as_image(std::string name) {
  const auto dot = name.rfind('.');
  const std::string ending = dot == std::string::npos ? name : name.substr(dot + 1);
  return ending == "jpg" || ending == "jpeg" || ending == "png";
}

bool named_as_image_in_any_case(std::string name) {
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return name.find('.') != std::string::npos && named_as_image(name);
}

std::vector<fs::path> list_files(const fs::path& folder, bool (*wanted)(std::string)) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (!fs::exists(status))
    throw Error(Kind::kBadInput,
                fmt::format("{} does not exist, expected a folder of images", quoted(folder)));
  if (!fs::is_directory(status))
    throw Error(Kind::kBadInput, fmt::format("{} is no folder, expected a folder of images", quoted(folder)));
  std::vector<std::string> names;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code unreadable;  // a link to nowhere is no file
    std::string name = entry->path().filename().string();
    if (wanted(name) && entry->is_regular_file(unreadable)) names.push_back(std::move(name));
  }
  if (error)
    throw Error(Kind::kBadInput, fmt::format("{} cannot be listed: {}", quoted(folder), error.message()));
  std::ranges::sort(names);
  std::vector<fs::path> images;
  for (const auto& name : names) images.push_back(folder / name);
  return images;
}

}  // namespace

std::vector<fs::path> list_calibration_images(const fs::path& folder) {
  return list_files(folder, named_as_image);
}

std::vector<fs::path> list_images(const fs::path& folder) {
  return list_files(folder, named_as_image_in_any_case);
}

CalibrationImages images_from_folders(const std::vector<fs::path>& folders, std::uint64_t batches,
                                      std::uint64_t batch_size, std::uint64_t seed, const InputSize& size,
                                      const Preprocessing& how) {
  struct Listed {
    std::size_t folder;
    std::string name;
  };
  std::vector<Listed> available;
  std::string where;
  for (std::size_t f = 0; f < folders.size(); ++f) {
    std::error_code unlike;  // one that is missing is reported by the listing
    for (std::size_t g = 0; g < f; ++g)
      if (fs::equivalent(folders[g], folders[f], unlike))
        throw Error(Kind::kWrongUsage, fmt::format("--cal_image_dir names {} twice", quoted(folders[f])));
    for (const auto& path : list_calibration_images(folders[f]))
      available.push_back({f, path.filename().string()});
    where += (f ? ", " : "") + quoted(folders[f]);
  }
  const std::uint64_t wanted = batches * batch_size;
  if (wanted > available.size())
    throw Error(
        Kind::kBadInput,
        fmt::format("{} {} {} images (jpg, jpeg, png), but --batches {} x --batch_size {} asks for {}", where,
                    folders.size() == 1 ? "has" : "have", available.size(), batches, batch_size, wanted),
        "give more images or fewer batches");
  CalibrationImages images;
  images.source =
      fmt::format("{} of the {} images in {}, drawn with seed {}", wanted, available.size(), where, seed);
  std::vector<std::size_t> folder_of;
  for (const std::size_t i : draw_without_replacement(available.size(), wanted, seed)) {
    const auto& [folder, name] = available[i];
    folder_of.push_back(folder);
    images.names.push_back((folders[folder] / name).string());
    images.ids.push_back(folders.size() == 1 ? name : images.names.back());
  }
  // The path to a folder may differ from machine to machine, what is in it may not.
  images.identity = [names = images.names, folder_of = std::move(folder_of), size, how] {
    Digest digest;
    digest.text("image folder");
    digest_preprocessing(digest, size, how);
    for (std::size_t i = 0; i < names.size(); ++i) {
      digest.number(folder_of[i]);
      digest_picture_file(digest, names[i]);
    }
    return digest.hex();
  };
  images.names_are_paths = true;
  images.fill = [size, how](std::size_t, const std::string& path, std::span<float> out) {
    load_calibration_image(path, size.width, size.height, how, out);
  };
  return images;
}

void digest_picture_file(Digest& digest, const fs::path& path) {
  std::error_code unreadable;  // reading the picture will say why
  const auto size_bytes = fs::file_size(path, unreadable);
  digest.text(path.filename().string()).number(unreadable ? 0 : size_bytes);
}

void digest_preprocessing(Digest& digest, const InputSize& size, const Preprocessing& how) {
  for (const int side : {size.channels, size.height, size.width})
    digest.number(static_cast<std::uint64_t>(side));
  digest.number(static_cast<std::uint64_t>(how.order)).number(static_cast<std::uint64_t>(how.layout));
  for (const double mean : how.mean) digest.number(std::bit_cast<std::uint64_t>(mean));
  digest.number(std::bit_cast<std::uint64_t>(how.scale));
}

void load_calibration_image(const fs::path& path, int width, int height, const Preprocessing& how,
                            std::span<float> out) {
  within([&] { return quoted(path); },
         [&] {
           check_is_data_file(path);
           prepare_calibration_image(decode_image(read_file(path, kMaxImageBytes)), width, height, how, out);
         });
}

}  // namespace etalon
