#include "etalon/formats/tensorfile/tensorfile_reader.hpp"

#include <algorithm>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/formats/hdf5/hdf5_file.hpp"
#include "etalon/formats/hdf5/own_process.hpp"
#include "etalon/formats/tensorfile/stored_batches.hpp"
#include "etalon/formats/tensorfile/tensorfile_layout.hpp"

namespace etalon {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

// The child's memory: a batch, a chunk packed and unpacked (a filter doubles its buffer while it does not
// know the size), and room for the library. Its time, for the structure (100,000 batches are found in a
// second); then each batch has its own.
ProcessLimits limits_for(const std::filesystem::path& path) {
  check_is_data_file(path);
  const std::uint64_t size_bytes = std::filesystem::file_size(path);
  const std::uint64_t batch_bytes = std::min(hdf5_most_float_bytes(size_bytes), kMostTensorfileBatchBytes);
  return {.received_bytes = batch_bytes + 64 * kMiB,
          .memory_bytes = 5 * std::min(hdf5_most_unpacked_bytes(size_bytes), kMostTensorfileBatchBytes) +
                          batch_bytes + 512 * kMiB,
          .cpu_seconds = static_cast<unsigned>(2 + std::min<std::uint64_t>(size_bytes / 100'000'000, 60))};
}

constexpr const char* kLibrary = "the HDF5 library";

}  // namespace

TensorfileFacts read_tensorfile_facts(const std::filesystem::path& path) {
  TensorfileFacts facts;
  run_in_own_process(
      limits_for(path), kLibrary, [&](ProcessSender& to) { send_facts(Hdf5File(path), to); },
      [&](ProcessReceiver& from) { facts = receive_facts(from); });
  return facts;
}

TensorfileReader::TensorfileReader(const std::filesystem::path& path, std::uint64_t first,
                                   std::uint64_t count)
    : process_(std::make_unique<OwnProcess>(
          limits_for(path), kLibrary,
          [&](ProcessSender& to) { send_batches(Hdf5File(path), first, count, to); })),
      left_(count) {}
TensorfileReader::~TensorfileReader() = default;
TensorfileReader::TensorfileReader(TensorfileReader&&) noexcept = default;
TensorfileReader& TensorfileReader::operator=(TensorfileReader&&) noexcept = default;

FloatArray TensorfileReader::next() {
  if (left_ == 0) throw Error(Kind::kInternal, "a batch is asked for after the last");
  FloatArray batch;
  process_->receive([&](ProcessReceiver& from) { batch = receive_batch(from); });
  --left_;
  std::vector<std::int64_t> image_shape(batch.shape.begin() + 1, batch.shape.end());
  if (image_shape_.empty())
    image_shape_ = std::move(image_shape);
  else if (image_shape != image_shape_)  // the child has looked, but may have been corrupted since
    throw Error(Kind::kBadInput, "the images of a batch have another shape than those before",
                "the file is damaged; copy or download it again");
  return batch;
}

bool looks_like_tensorfile(const std::filesystem::path& path) {
  bool found = false;
  try {
    run_in_own_process(
        limits_for(path), kLibrary,
        [&](ProcessSender& to) { to.number(has_first_batch(Hdf5File(path)) ? 1 : 0); },
        [&](ProcessReceiver& from) { found = from.count(1) == 1; });
  } catch (const Error& error) {
    if (error.kind() != Kind::kBadInput && error.kind() != Kind::kUnsupported) throw;
  }
  return found;
}

}  // namespace etalon
