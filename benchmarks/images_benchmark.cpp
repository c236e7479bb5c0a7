// How long one core takes from a picture file to the pixels and floats of a network's input.
//
//   images_benchmark PICTURE [WIDTH HEIGHT] [Google Benchmark's flags]
//
// `compare_images.py` runs the same work in Pillow, turn by turn with this program.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/images/image.hpp"
#include "etalon/images/preprocess.hpp"
#include "etalon/images/resize.hpp"

namespace {

using namespace etalon;

struct Work {
  Bytes file;
  int width = 320, height = 240;
};

void decode(benchmark::State& state, const Work& work) {
  for (auto _ : state) benchmark::DoNotOptimize(decode_image(work.file));
}

void resize(benchmark::State& state, const Work& work) {
  const Image image = decode_image(work.file);
  for (auto _ : state) benchmark::DoNotOptimize(resize_lanczos(image, work.width, work.height));
}

void decode_and_resize(benchmark::State& state, const Work& work) {
  for (auto _ : state) benchmark::DoNotOptimize(resize_lanczos(decode_image(work.file), work.width, work.height));
}

void decode_and_prepare(benchmark::State& state, const Work& work) {
  std::vector<float> out(static_cast<std::size_t>(work.width) * static_cast<std::size_t>(work.height) * 3);
  for (auto _ : state) {
    prepare_calibration_image(decode_image(work.file), work.width, work.height, {}, out);
    benchmark::ClobberMemory();
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc != 2 && argc != 4) {
    fmt::print(stderr, "usage: images_benchmark PICTURE [WIDTH HEIGHT]\n");
    return 2;
  }
  try {
    Work work{read_file(argv[1])};
    if (argc == 4) {
      work.width = std::atoi(argv[2]);
      work.height = std::atoi(argv[3]);
    }
    resize_lanczos(decode_image(work.file), work.width, work.height);  // any mistake shows here, before the clock runs
    const auto add = [&](const char* name, void (*body)(benchmark::State&, const Work&)) {
      benchmark::RegisterBenchmark(name, body, work)->Unit(benchmark::kMillisecond);
    };
    add("decode", decode);
    add("resize", resize);
    add("decode_and_resize", decode_and_resize);
    add("decode_and_prepare", decode_and_prepare);
    benchmark::RunSpecifiedBenchmarks();
  } catch (const Error& error) {
    fmt::print(stderr, "error: {}\n", error.line());
    return 1;
  }
  return 0;
}
