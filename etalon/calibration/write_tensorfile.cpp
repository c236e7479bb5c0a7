#include "etalon/calibration/write_tensorfile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/base/ordered_work.hpp"

namespace etalon {

void write_tensorfile(const std::filesystem::path& file, const CalibrationImages& images, std::uint64_t batch_size,
                      const InputSize& size, TensorfileType type, int threads, Progress& progress) {
  if (batch_size == 0 || images.count() % batch_size != 0)
    throw Error(Kind::kInternal, fmt::format("{} images do not make batches of {}", images.count(), batch_size));
  TensorfileWriter writer(file, {size.channels, size.height, size.width}, type);
  const std::size_t workers = worker_count(threads);
  std::vector<std::vector<float>> numbers(workers, std::vector<float>(size.numbers()));
  std::vector<PackedImage> batch;
  progress.begin("writing the tensorfile", images.count());
  map_in_order<PackedImage>(
      images.count(), workers,
      [&](std::size_t worker, std::size_t index) {
        images.load(index, numbers[worker]);
        return pack_image(numbers[worker], type);
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
