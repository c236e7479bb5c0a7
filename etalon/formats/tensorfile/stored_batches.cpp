#include "etalon/formats/tensorfile/stored_batches.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "etalon/base/error.hpp"
#include "etalon/formats/tensorfile/tensorfile_layout.hpp"

namespace etalon {
namespace {

constexpr std::size_t kAxes = 4;  // images, channels, height, width
constexpr std::uint64_t kMostImages = 1 << 20;

std::string text_of(const std::vector<std::int64_t>& shape) {
  return fmt::format("{}", fmt::join(shape, "x"));
}

// The elements of a batch, which are as many as a batch may have.
std::uint64_t checked_elements(const std::vector<std::int64_t>& shape) {
  if (shape.size() != kAxes || std::ranges::any_of(shape, [](std::int64_t size) { return size < 1; }))
    throw Error(Kind::kBadInput, fmt::format("has shape ({}), expected (images, channels, height, width)",
                                             fmt::join(shape, ", ")));
  constexpr std::uint64_t kMost = kMostTensorfileBatchBytes / sizeof(float);
  std::uint64_t elements = 1;
  for (const std::int64_t size : shape) {
    if (static_cast<std::uint64_t>(size) > kMost / elements)
      throw Error(Kind::kUnsupported,
                  fmt::format("has shape {}, as float32 more than {} bytes, which is the limit for one batch",
                              text_of(shape), kMostTensorfileBatchBytes),
                  "make the tensorfile with a smaller batch size");
    elements *= static_cast<std::uint64_t>(size);
  }
  return elements;
}

Hdf5Group open_batch(const Hdf5Group& root, std::uint64_t batch) {
  const std::string name = tensorfile_group(batch);
  if (root.has(name)) return root.group(name);
  if (batch > 0)
    throw Error(Kind::kBadInput, fmt::format("batch {} is missing: the file has no group '{}'", batch, name));
  throw Error(Kind::kBadInput, fmt::format("no tensorfile: the HDF5 file has no group '{}'", name),
              root.text("model_config") ? "it is a Keras model" : "");
}

// TAO stores a dictionary of arrays as several datasets, but its calibrators cannot use it.
void check_is_one_array(const Hdf5Group& group) {
  const std::vector<std::string> children = group.children();
  if (children.size() == 1 && children.front() == kTensorfileArray) return;
  if (children.empty())
    throw Error(Kind::kBadInput, fmt::format("is empty, expected the array '{}'", kTensorfileArray),
                "whatever wrote the file did not finish it");
  throw Error(
      Kind::kUnsupported,
      fmt::format("holds '{}'{}, a dictionary of arrays, expected the one array '{}'",
                  escaped(children.front(), 60), children.size() > 1 ? " and more" : "", kTensorfileArray));
}

template <class Body>
auto in_batch(const Hdf5Group& root, std::uint64_t batch, Body&& body) {
  const Hdf5Group group = open_batch(root, batch);
  return within([&] { return fmt::format("group '{}'", tensorfile_group(batch)); },
                [&] {
                  check_is_one_array(group);
                  FloatsFacts facts = group.floats_facts(kTensorfileArray);
                  checked_elements(facts.shape);
                  return body(group, std::move(facts));
                });
}

void send_shape(const std::vector<std::int64_t>& shape, ProcessSender& to) {
  for (const std::int64_t size : shape) to.number(static_cast<std::uint64_t>(size));
}

std::vector<std::int64_t> receive_shape(ProcessReceiver& from) {
  std::vector<std::int64_t> shape(kAxes);
  for (auto& size : shape) size = static_cast<std::int64_t>(from.count(kMostTensorfileBatchBytes));
  return shape;
}

// The library unpacks about 200 MB a second, and converts float16 at 100 MB; a tenth of that is a slow
// machine. The rest is for finding and opening.
unsigned cpu_seconds_for(std::uint64_t elements) {
  return static_cast<unsigned>(2 + elements * sizeof(float) / 10'000'000);
}

}  // namespace

bool has_first_batch(const Hdf5File& file) { return file.root().has(tensorfile_group(0)); }

void send_facts(const Hdf5File& file, ProcessSender& to) {
  const Hdf5Group root = file.root();
  in_batch(root, 0, [&](const Hdf5Group& group, const FloatsFacts& facts) {
    std::uint64_t batches = 1;
    while (root.has(tensorfile_group(batches))) ++batches;
    to.number(batches);
    const auto count = root.integer("count");
    to.number(count ? 1 : 0);
    to.number(static_cast<std::uint64_t>(count.value_or(0)));
    send_shape(facts.shape, to);
    to.text(facts.element_type);
    to.text(facts.storage);
    const auto images = group.text_list(kTensorfileImages).value_or(std::vector<std::string>{});
    to.number(images.size());
    for (const auto& image : images) to.text(image);
  });
}

void send_batches(const Hdf5File& file, std::uint64_t first, std::uint64_t count, ProcessSender& to) {
  const Hdf5Group root = file.root();
  const std::vector<std::int64_t> expected =
      in_batch(root, 0, [](const Hdf5Group&, FloatsFacts facts) { return std::move(facts.shape); });
  for (std::uint64_t i = 0; i < count; ++i)
    in_batch(root, first + i, [&](const Hdf5Group& group, const FloatsFacts& facts) {
      if (!std::equal(facts.shape.begin() + 1, facts.shape.end(), expected.begin() + 1))
        throw Error(Kind::kBadInput,
                    fmt::format("batch {} has shape {}, expected images as in batch 0, which has {}",
                                first + i, text_of(facts.shape), text_of(expected)));
      allow_cpu_seconds(cpu_seconds_for(checked_elements(facts.shape)));
      const FloatArray array = group.streamed_floats(kTensorfileArray);
      send_shape(array.shape, to);
      to.floats(array.values);
      allow_cpu_seconds(cpu_seconds_for(0));  // for finding the next
    });
}

TensorfileFacts receive_facts(ProcessReceiver& from) {
  TensorfileFacts facts;
  facts.batches = from.number();
  const bool has_count = from.count(1) == 1;
  const std::uint64_t count = from.number();
  if (has_count) facts.count = static_cast<std::int64_t>(count);
  facts.shape = receive_shape(from);
  checked_elements(facts.shape);
  facts.element_type = escaped(from.text());
  facts.storage = escaped(from.text());
  for (auto images = from.count(kMostImages); images > 0; --images) facts.images.push_back(from.text());
  return facts;
}

FloatArray receive_batch(ProcessReceiver& from) {
  FloatArray batch;
  batch.shape = receive_shape(from);
  const std::uint64_t elements = checked_elements(batch.shape);
  batch.values = from.floats();
  if (batch.values.size() != elements)
    throw Error(Kind::kBadInput, fmt::format("{} values for {} elements", batch.values.size(), elements),
                "the file is damaged; copy or download it again");
  return batch;
}

}  // namespace etalon
