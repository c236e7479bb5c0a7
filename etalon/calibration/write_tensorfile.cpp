#include "etalon/calibration/write_tensorfile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/base/ordered_work.hpp"
#include "etalon/formats/tensorfile/tensorfile_layout.hpp"

namespace etalon {

void write_tensorfile(const std::filesystem::path& file, const CalibrationImages& images,
                      std::uint64_t batch_size, const InputSize& size, Layout layout, TensorfileType type,
                      int threads, Progress& progress) {
  if (batch_size == 0 || images.count() % batch_size != 0)
    throw Error(Kind::kInternal,
                fmt::format("{} images do not make batches of {}", images.count(), batch_size));
  if (batch_size > kMostTensorfileBatchBytes / (size.numbers() * sizeof(float)))
    throw Error(
        Kind::kUnsupported,
        fmt::format(
            "a batch of {} images of {}x{}x{} is larger than the {} bytes that a tensorfile's may have",
            batch_size, size.channels, size.height, size.width, kMostTensorfileBatchBytes),
        "give a smaller batch size and more batches");
  TensorfileWriter writer(file, {size.channels, size.height, size.width}, type);
  const std::size_t workers = worker_count(threads);
  struct Room {
    std::vector<float> as_loaded, chw;
  };
  std::vector<Room> rooms(workers, {std::vector<float>(size.numbers()), {}});
  std::vector<PackedImage> batch;
  if (images.begin) images.begin(0);
  progress.begin("writing the tensorfile", images.count());
  map_in_order<PackedImage>(
      images.count(), workers,
      [&](std::size_t worker, std::size_t index) {
        Room& room = rooms[worker];
        images.load(index, room.as_loaded);
        if (layout == Layout::kNchw) return pack_image(room.as_loaded, type);
        room.chw.resize(room.as_loaded.size());
        hwc_to_chw(room.as_loaded, size.channels, room.chw);
        return pack_image(room.chw, type);
      },
      [&](std::size_t index, PackedImage packed) {
        batch.push_back(std::move(packed));
        if (batch.size() < batch_size) return;
        const auto ids = std::span(images.ids).subspan(index + 1 - batch_size, batch_size);
        writer.write_batch(batch, ids);
        batch.clear();
      },
      progress);
  progress.end();
  writer.finish();
}

}  // namespace etalon
