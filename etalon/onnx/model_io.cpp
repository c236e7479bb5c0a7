// Reading and writing. Both stream: a model is in memory once, never as bytes and as a message.
#include <fcntl.h>
#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <exception>
#include <system_error>

#include "etalon/base/error.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {
namespace {

namespace io = google::protobuf::io;

constexpr int kBufferSizeBytes = 1 << 18;

class CloseAtEnd {
 public:
  explicit CloseAtEnd(int descriptor) : descriptor_(descriptor) {}
  ~CloseAtEnd() { ::close(descriptor_); }
  CloseAtEnd(const CloseAtEnd&) = delete;
  CloseAtEnd& operator=(const CloseAtEnd&) = delete;

 private:
  int descriptor_;
};

// A Sink as protobuf's output. An exception must not cross protobuf's code, whose destructors write again: it
// is kept and thrown when protobuf has returned.
class SinkStream final : public io::CopyingOutputStream {
 public:
  explicit SinkStream(Sink& sink) : sink_(sink) {}

  bool Write(const void* bytes, int size_bytes) override {
    if (failure_) return false;
    try {
      sink_.write(ByteView(static_cast<const std::byte*>(bytes), static_cast<std::size_t>(size_bytes)));
      return true;
    } catch (...) {
      failure_ = std::current_exception();
      return false;
    }
  }
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  Sink& sink_;
  std::exception_ptr failure_;
};

class StringSink final : public Sink {
 public:
  using Sink::write;
  void write(ByteView bytes) override { text.append(as_text(bytes)); }
  std::string text;
};

// Weights beside the model would make us open files that the model names.
void refuse_external_data(const TensorProto& tensor) {
  if (tensor.data_location() == TensorProto::EXTERNAL || tensor.external_data_size() > 0)
    throw Error(
        Kind::kUnsupported,
        fmt::format("the weights of tensor '{}' lie in another file (external data)", escaped(tensor.name())),
        "save the model as one file, with onnx: save_model(model, path, save_as_external_data=False)");
}

void refuse_external_data(const GraphProto& graph) {  // protobuf limits the depth to 100 when it parses
  for (const auto& tensor : graph.initializer()) refuse_external_data(tensor);
  for (const auto& tensor : graph.sparse_initializer()) {
    refuse_external_data(tensor.values());
    refuse_external_data(tensor.indices());
  }
  for (const auto& node : graph.node())
    for (const auto& attribute : node.attribute()) {
      if (attribute.has_t()) refuse_external_data(attribute.t());
      for (const auto& tensor : attribute.tensors()) refuse_external_data(tensor);
      if (attribute.has_g()) refuse_external_data(attribute.g());
      for (const auto& subgraph : attribute.graphs()) refuse_external_data(subgraph);
    }
}

ModelProto parse(io::ZeroCopyInputStream& stream) {
  ModelProto model;
  if (!model.ParseFromZeroCopyStream(&stream))
    throw Error(Kind::kBadInput, "this is not an ONNX model: its bytes are no protobuf message of that kind",
                "the file is cut off or is not what its name says");
  if (!model.has_graph() || model.ir_version() <= 0)
    throw Error(Kind::kBadInput, "this is not an ONNX model: there is no graph in it");
  refuse_external_data(model.graph());
  return model;
}

[[noreturn]] void refuse_too_large(std::uint64_t size_bytes) {
  throw Error(Kind::kUnsupported,
              fmt::format("the ONNX model has {} bytes, a protobuf message at most {}", size_bytes, INT_MAX));
}

}  // namespace

ModelProto read_onnx(ByteView bytes) {
  if (bytes.size() > INT_MAX) refuse_too_large(bytes.size());
  io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  return parse(stream);
}

ModelProto read_onnx(const std::filesystem::path& path) {
  check_is_data_file(path);
  if (const auto size_bytes = std::filesystem::file_size(path); size_bytes > INT_MAX)
    refuse_too_large(size_bytes);
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    throw Error(Kind::kEnvironment, fmt::format("cannot read '{}': {}", escaped(path.string()),
                                                std::generic_category().message(errno)));
  const CloseAtEnd closer(descriptor);
  io::FileInputStream stream(descriptor, kBufferSizeBytes);
  return parse(stream);
}

void write_onnx(const ModelProto& model, Sink& sink) {
  const std::size_t size_bytes = model.ByteSizeLong();
  if (size_bytes > INT_MAX) refuse_too_large(size_bytes);
  SinkStream target(sink);
  {
    io::CopyingOutputStreamAdaptor adaptor(&target, kBufferSizeBytes);
    io::CodedOutputStream coded(&adaptor);
    coded.SetSerializationDeterministic(true);
    model.SerializeWithCachedSizes(&coded);
  }
  target.rethrow();
}

std::string onnx_bytes(const ModelProto& model) {
  StringSink sink;
  sink.text.reserve(model.ByteSizeLong());
  write_onnx(model, sink);
  return std::move(sink.text);
}

bool looks_like_onnx(ByteView head) {
  // Every known writer starts with ir_version (field 1, varint, small), then producer, domain, opset, graph
  // ...
  constexpr std::array<unsigned, 8> kNextTags{0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72};
  if (head.size() < 3 || head[0] != std::byte{0x08}) return false;
  const auto version = std::to_integer<unsigned>(head[1]);
  if (version == 0 || version > 0x7f) return false;
  for (const unsigned tag : kNextTags)
    if (std::to_integer<unsigned>(head[2]) == tag) return true;
  return false;
}

}  // namespace etalon
