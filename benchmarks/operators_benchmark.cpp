// What share of a model's inference is not convolution or matrix product, and which operators that is.
//
//   operators_benchmark MODEL.onnx IMAGE [--runs N]
//
// Times are those of OpenVINO's own counters, one image in one thread, float32, the median of the runs of
// each operator. Its reorders of memory count as the rest; activations fused into a convolution as the
// convolution. The clock's time of an image, the faster of two without counters, shows what they leave out.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/calibration/image_folder.hpp"
#include "etalon/networks/metadata.hpp"
#include "etalon/runtime/operator_times.hpp"
#include "etalon/runtime/session.hpp"

namespace etalon {
namespace {

// OpenVINO's words for convolutions and matrix products.
constexpr std::array<std::string_view, 5> kProducts{"Convolution", "Deconvolution", "ConvolutionBackpropData",
                                                    "FullyConnected", "MatMul"};
constexpr std::size_t kShownTypes = 8, kShownOperators = 8;

struct Share {
  double milliseconds = 0;
  std::size_t operators = 0;
};

std::vector<float> load_input(const ModelProto& model, const Session& session, const std::string& image) {
  const auto shape = session.input_shape();  // NCHW
  std::vector<float> input(session.input_size());
  load_calibration_image(image, static_cast<int>(shape.at(3)), static_cast<int>(shape.at(2)),
                         preprocessing_in(model).value_or(Preprocessing{}), input);
  return input;
}

double clock_milliseconds(Session& session, std::span<const float> input) {
  session.run(input);  // warm
  double least = std::numeric_limits<double>::infinity();
  for (int run = 0; run < 2; ++run) {
    const auto start = std::chrono::steady_clock::now();
    session.run(input);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    least = std::min(least, took.count());
  }
  return least;
}

void show(const std::vector<OperatorTime>& operators) {
  std::map<std::string, Share> types;
  std::vector<OperatorTime> rest;
  double all = 0, products = 0;
  for (const OperatorTime& row : operators) {
    all += row.milliseconds;
    types[row.type].milliseconds += row.milliseconds;
    ++types[row.type].operators;
    if (std::ranges::count(kProducts, row.type) > 0)
      products += row.milliseconds;
    else
      rest.push_back(row);
  }
  fmt::print(
      "{:.1f} ms by the counters, {:.1f} ms of it convolutions and matrix products; the rest: {:.2f} %\n",
      all, products, 100 * (all - products) / all);
  std::vector<std::pair<std::string, Share>> by_time(types.begin(), types.end());
  std::ranges::sort(by_time, std::greater{}, [](const auto& type) { return type.second.milliseconds; });
  by_time.resize(std::min(by_time.size(), kShownTypes));
  for (const auto& [type, share] : by_time)
    fmt::print("  {:<24} {:9.2f} ms {:6.2f} %  {} operators\n", type, share.milliseconds,
               100 * share.milliseconds / all, share.operators);
  fmt::print("the largest of the rest\n");
  std::ranges::sort(rest, std::greater{}, &OperatorTime::milliseconds);
  rest.resize(std::min(rest.size(), kShownOperators));
  for (const OperatorTime& row : rest)
    fmt::print("  {:9.2f} ms {:6.2f} %  {} {}\n", row.milliseconds, 100 * row.milliseconds / all, row.type,
               row.name);
}

void measure(const std::string& file, const std::string& image, std::size_t runs) {
  const auto model = read_onnx(std::filesystem::path(file));
  std::vector<float> input;
  {
    Session session(model, {.threads = 1});
    input = load_input(model, session, image);
    fmt::print("{:.1f} ms an image by the clock\n", clock_milliseconds(session, input));
  }
  show(operator_times(model, input, runs));
}

}  // namespace
}  // namespace etalon

int main(int argc, char** argv) try {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() != 2 && !(words.size() == 4 && words[2] == "--runs"))
    throw etalon::Error(etalon::Kind::kWrongUsage, "usage: operators_benchmark MODEL.onnx IMAGE [--runs N]");
  const std::size_t runs = words.size() == 4 ? std::stoul(words[3]) : 5;
  etalon::measure(words[0], words[1], runs);
} catch (const etalon::Error& error) {
  std::cerr << "error: " << error.line() << '\n';
  return 1;
}
