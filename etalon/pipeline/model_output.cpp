#include "etalon/pipeline/model_output.hpp"

#include <fmt/format.h>

#include "etalon/base/error.hpp"
#include "etalon/formats/etlt/etlt.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

CodecFound codec_for_etlt(const ExportOptions& options, const fs::path& path) {
  if (options.key.empty())
    throw Error(Kind::kWrongUsage, fmt::format("{} is an encrypted model and no key was given", quoted(path)),
                "add --key KEY, or write .onnx");
  auto codec = find_codec();
  if (!codec) throw_no_codec("to write an .etlt");
  return *std::move(codec);
}

}  // namespace

ModelOutput choose_model_output(const ExportOptions& options, Log& log) {
  // A folder's name may be hidden: "trained/", "."
  std::error_code ignored;
  const bool folder = fs::is_directory(options.model, ignored);
  const fs::path model = folder ? fs::canonical(options.model, ignored).filename() : options.model;
  fs::path path = options.output_file.value_or(fs::path(".") / (folder ? model : model.stem()));
  const std::string name = path.filename().string();
  if (name.empty() || name == "." || name == ".." || name == ".onnx" || name == ".etlt" ||
      (options.output_file && fs::is_directory(path, ignored)))
    throw Error(Kind::kWrongUsage,
                fmt::format("--output_file {} names a folder, expected a file", quoted(path)),
                "give a name that ends in .onnx or .etlt");
  const std::string ending = options.output_file ? path.extension().string() : "";
  if (ending == ".onnx") return {path, std::nullopt};
  if (ending == ".etlt") return {path, codec_for_etlt(options, path)};
  if (ending == ".uff")
    throw Error(Kind::kWrongUsage,
                fmt::format("--output_file {} asks for UFF, which TensorRT reads no more since version 9",
                            quoted(path)),
                "write .onnx");
  if (!ending.empty())
    throw Error(Kind::kWrongUsage, fmt::format("--output_file {} ends in '{}', expected .onnx or .etlt",
                                               quoted(path), escaped(ending)));
  std::optional<CodecFound> codec;
  if (!options.key.empty()) codec = find_codec();
  path += codec ? ".etlt" : ".onnx";
  log.info(fmt::format("writing {}: {}", quoted(path),
                       codec ? "a key was given, so the model is encrypted"
                       : options.key.empty()
                           ? "no key was given, so the model is plain ONNX"
                           : "NVIDIA's codec is not installed, so the model is plain ONNX"));
  return {path, codec};
}

void stage_model(const ExportOptions& options, const ModelProto& model, const ModelOutput& output,
                 OutputFiles& outputs) {
  const IfExists if_exists = options.calibration.force ? IfExists::kReplace : IfExists::kRefuse;
  outputs.stage(output.path, if_exists, 0666, [&](Sink& sink) {
    if (!output.codec) return write_onnx(model, sink);
    const Bytes header(kOnnxEtltHeaderBytes);  // four zero bytes: no input name, so the payload is ONNX
    sink.write(header);
    const std::string plain = onnx_bytes(model);
    sink.write(encrypt(*output.codec, as_bytes(plain), options.key));
  });
}

}  // namespace etalon
