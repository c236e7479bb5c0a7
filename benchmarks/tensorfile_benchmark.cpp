// Writing a tensorfile against what zlib alone does with the same numbers on as many threads: the part of
// gzip's speed that is reached, in the same run, turn by turn.
//
//   tensorfile_benchmark FOLDER-OF-PICTURES [HEIGHT WIDTH [IMAGES [THREADS]]]
//
// Pictures are decoded and prepared before the clock runs. "gzip": compress2 at level 4 of float64 that lie
// ready. "write": pack_image and TensorfileWriter from float32 into a file in the folder for temporary files,
// closed.
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/formats/tensorfile/tensorfile_writer.hpp"
#include "etalon/images/image.hpp"
#include "etalon/images/preprocess.hpp"

namespace {

using namespace etalon;
namespace fs = std::filesystem;

constexpr int kRounds = 5;
constexpr std::size_t kBatch = 8;

struct Work {
  int height = 544, width = 960;
  std::size_t images = 16, threads = 2;
  std::vector<std::vector<float>> values;  // CHW
};

double seconds_of(const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::vector<std::thread> on_threads(const Work& work, std::atomic<std::size_t>& next,
                                    const std::function<void(std::size_t)>& body) {
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < work.threads; ++i)
    threads.emplace_back([&] {
      for (std::size_t at; (at = next++) < work.images;) body(at);
    });
  return threads;
}

void gzip_alone(const Work& work, const std::vector<std::vector<double>>& doubles) {
  std::atomic<std::size_t> next = 0;
  const std::function<void(std::size_t)> pack = [&](std::size_t at) {
    const std::size_t size_bytes = doubles[at].size() * sizeof(double);
    uLongf packed_bytes = compressBound(size_bytes);
    Bytes packed(packed_bytes);
    compress2(reinterpret_cast<Bytef*>(packed.data()), &packed_bytes,
              reinterpret_cast<const Bytef*>(doubles[at].data()), size_bytes, 4);
  };
  for (auto& thread : on_threads(work, next, pack)) thread.join();
}

void write_tensorfile(const Work& work, const fs::path& path) {
  std::vector<PackedImage> packed(work.images);
  std::vector<std::atomic<bool>> ready(work.images);
  std::atomic<std::size_t> next = 0;
  const std::function<void(std::size_t)> pack = [&](std::size_t at) {
    packed[at] = pack_image(work.values[at], TensorfileType::kFloat64);
    ready[at] = true;
    ready[at].notify_one();
  };
  std::vector<std::thread> threads = on_threads(work, next, pack);
  TensorfileWriter writer(path, {3, work.height, work.width}, TensorfileType::kFloat64);
  for (std::size_t at = 0; at < work.images; at += kBatch) {
    const std::span batch = std::span(packed).subspan(at, kBatch);
    for (std::size_t i = 0; i < kBatch; ++i) ready[at + i].wait(false);
    writer.write_batch(batch, std::vector<std::string>(kBatch, "a name.jpg"));
    for (auto& image : batch) image = {};
  }
  writer.finish();
  for (auto& thread : threads) thread.join();
}

void load(Work& work, const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".jpg" || entry.path().extension() == ".png")
      paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  if (paths.empty()) throw Error(Kind::kBadInput, fmt::format("no .jpg or .png below '{}'", folder.string()));
  for (std::size_t i = 0; i < work.images; ++i) {
    auto& values = work.values.emplace_back(static_cast<std::size_t>(3 * work.height * work.width));
    prepare_calibration_image(decode_image(read_file(paths[i % paths.size()])), work.width, work.height, {},
                              values);
  }
}

void measure(Work& work) {
  std::vector<std::vector<double>> doubles;
  for (const auto& values : work.values) doubles.emplace_back(values.begin(), values.end());
  const fs::path path = fs::temp_directory_path() / fmt::format("tensorfile_benchmark.{}.h5", ::getpid());
  std::vector<double> gzip, write, ratio;
  for (int round = 0; round < kRounds; ++round) {
    gzip.push_back(seconds_of([&] { gzip_alone(work, doubles); }));
    write.push_back(seconds_of([&] { write_tensorfile(work, path); }));
    ratio.push_back(gzip.back() / write.back());
  }
  const std::uint64_t size_bytes = fs::file_size(path);
  fs::remove(path);
  for (auto* list : {&gzip, &write, &ratio}) std::sort(list->begin(), list->end());
  const auto images = static_cast<double>(work.images);
  fmt::print("{} images of 3x{}x{} as float64, {} threads, {} bytes in the file\n", work.images, work.height,
             work.width, work.threads, size_bytes);
  fmt::print(
      "gzip alone {:.1f} images/s, written {:.1f} images/s, ratio {:.3f} (median of {}; {:.3f} to {:.3f})\n",
      images / gzip[kRounds / 2], images / write[kRounds / 2], ratio[kRounds / 2], kRounds, ratio.front(),
      ratio.back());
}

}  // namespace

int main(int argc, char** argv) {
  Work work;
  if (argc > 3) work.height = std::atoi(argv[2]), work.width = std::atoi(argv[3]);
  if (argc > 4) work.images = static_cast<std::size_t>(std::atoi(argv[4])) / kBatch * kBatch;
  if (argc > 5) work.threads = static_cast<std::size_t>(std::atoi(argv[5]));
  if (argc < 2 || argc == 3 || argc > 6 || work.height < 1 || work.width < 1 || work.images < kBatch ||
      work.threads < 1) {
    fmt::print(stderr,
               "usage: tensorfile_benchmark FOLDER-OF-PICTURES [HEIGHT WIDTH [IMAGES [THREADS]]]; at least "
               "{} images\n",
               kBatch);
    return 2;
  }
  try {
    load(work, argv[1]);
    measure(work);
  } catch (const Error& error) {
    fmt::print(stderr, "error: {}\n", error.line());
    return 1;
  }
  return 0;
}
