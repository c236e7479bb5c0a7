#include "etalon/pipeline/detector_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "etalon/base/error.hpp"
#include "etalon/base/ordered_work.hpp"
#include "etalon/calibration/image_folder.hpp"
#include "etalon/detections/kitti.hpp"
#include "etalon/images/resize.hpp"
#include "etalon/report/annotation.hpp"
#include "etalon/runtime/session.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr std::uint64_t kMaxPhotoBytes = std::uint64_t{1} << 30;
constexpr std::uint64_t kMaxLabelBytes = std::uint64_t{1} << 20;

std::string text_of(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

double rounded(double value, double steps) { return std::round(value * steps) / steps; }

std::string name_of_class(const Detector& detector, std::size_t index) {
  if (index < detector.names.size()) return detector.names[index];
  return index < detector.labels.size() ? detector.labels[index] : fmt::format("class {}", index);
}

// --- what a photo's files say

ordered_json json_of(const MaskedDetection& one, const Detector& detector, const Image& photo) {
  constexpr double kBoxSteps = 1e3, kScoreSteps = 1e6;  // far finer than a network knows
  ordered_json object{{"class", one.box.class_index},
                      {"label", name_of_class(detector, one.box.class_index)},
                      {"score", rounded(one.box.confidence, kScoreSteps)},
                      {"box",
                       {rounded(one.box.left, kBoxSteps), rounded(one.box.top, kBoxSteps),
                        rounded(one.box.right, kBoxSteps), rounded(one.box.bottom, kBoxSteps)}}};
  if (detector.has_masks)
    object["mask"] = {{"size", {photo.height, photo.width}},
                      {"counts", coco_counts(one.mask, photo.width, photo.height)}};
  return object;
}

std::string document_line(const fs::path& path, const Image& photo, const std::vector<MaskedDetection>& found,
                          const Detector& detector) {
  ordered_json detections = ordered_json::array();
  for (const auto& one : found) detections.push_back(json_of(one, detector, photo));
  return text_of({{"file", path.filename().string()},
                  {"width", photo.width},
                  {"height", photo.height},
                  {"detections", std::move(detections)}});
}

std::string kitti_text(const std::vector<MaskedDetection>& found, const Detector& detector) {
  std::string text;
  for (const auto& one : found) text += kitti_line(name_of_class(detector, one.box.class_index), one.box);
  return text;
}

void draw_found(Image& photo, const std::vector<MaskedDetection>& found, const Detector& detector) {
  std::vector<Annotation> annotations;
  for (const auto& one : found) {
    const std::size_t c = one.box.class_index;
    annotations.push_back({.box = one.box,
                           .label = name_of_class(detector, c),
                           .colour = c < detector.colours.size() ? detector.colours[c] : class_colour(c),
                           .mask = detector.has_masks ? &one.mask : nullptr});
  }
  annotate(photo, annotations, detector.line_width);
}

// One photo, from its file to the bytes of its files.
struct PhotoWork {
  Image photo;
  std::string picture, labels, line;
  std::map<std::string, std::uint64_t> found;
  std::optional<Error> fault;  // it cannot be read or decoded
};

std::string document_line(const fs::path& path, const Error& fault) {
  return text_of({{"file", path.filename().string()}, {"error", fault.problem()}});
}

// The photo's file is to blame, and another photo may be good.
bool is_of_the_photo(const Error& error) {
  return error.kind() == Kind::kBadInput || error.kind() == Kind::kUnsupported;
}

}  // namespace

DetectorFiles plan_detector_files(const DetectorPaths& paths) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(paths.input, ignored);
  if (!is_folder && !fs::exists(paths.input, ignored))
    throw Error(Kind::kBadInput, fmt::format("{} does not exist, expected a photo or a folder of photos",
                                             quoted(paths.input)));
  const std::vector<fs::path> photos =
      is_folder ? list_images(paths.input) : std::vector<fs::path>{paths.input};
  if (photos.empty())
    throw Error(Kind::kBadInput, fmt::format("{} has no image (jpg, jpeg, png)", quoted(paths.input)));

  const fs::path pictures = paths.output / "images_annotated", labels = paths.output / "labels";
  const fs::path photo_folder = is_folder                       ? paths.input
                                : paths.input.has_parent_path() ? paths.input.parent_path()
                                                                : fs::path(".");
  if (paths.draw && fs::equivalent(pictures, photo_folder, ignored))
    throw Error(
        Kind::kWrongUsage,
        fmt::format("the annotated pictures would be written among the photos in {}", quoted(photo_folder)),
        "give another output folder");

  // A stem that is another photo's whole name is as good as taken: `a.png.jpg` beside `a.png` and `a.jpg`.
  std::map<std::string, int> uses_of_name;
  for (const auto& photo : photos) {
    ++uses_of_name[photo.stem().string()];
    ++uses_of_name[photo.filename().string()];
  }
  DetectorFiles files{.photos = {},
                      .document = paths.output / "detections.json",
                      .protected_inputs = paths.inputs_besides,
                      .if_exists = paths.force ? IfExists::kReplace : IfExists::kRefuse};
  const auto reserve = [&](const fs::path& path) {
    OutputFiles outputs;
    for (const auto& input : paths.inputs_besides) outputs.protect(input);
    outputs.protect(paths.input);
    outputs.reserve(path, files.if_exists);
    return path;
  };
  for (const auto& photo : photos) {
    const std::string stem = photo.stem().string();
    const std::string name = uses_of_name.at(stem) > 1 ? photo.filename().string() : stem;
    files.photos.push_back({.path = photo,
                            .picture = paths.draw ? reserve(pictures / (name + ".png")) : fs::path(),
                            .labels = paths.kitti ? reserve(labels / (name + ".txt")) : fs::path()});
  }
  reserve(files.document);
  return files;
}

DetectorResult run_detector(const Detector& detector, const DetectorFiles& files, int threads, Log& log,
                            Progress& progress) {
  Session session(detector.model, {.threads = threads});
  std::vector<PhotoWork> slots(work_slots(worker_count(threads)));
  const auto slot_of = [&](std::size_t i) -> PhotoWork& { return slots[i % slots.size()]; };
  const bool goes_on = files.photos.size() > 1;
  std::optional<Error> first_fault;
  std::size_t faults = 0, first_faulty = 0;
  const auto in_photo = [&](std::size_t i) { return [&files, i] { return quoted(files.photos[i].path); }; };

  const auto fill = [&](std::size_t i, std::span<float> input) {
    PhotoWork& work = slot_of(i);
    try {
      work.photo = to_rgb(decode_image(read_file(files.photos[i].path, kMaxPhotoBytes), detector.decoding));
      detector.prepare(work.photo, input);
    } catch (Error& error) {
      if (!goes_on || !is_of_the_photo(error)) {
        error.add_place(quoted(files.photos[i].path));
        throw;
      }
      work.photo = {};
      work.fault = error;
      std::ranges::fill(input, 0.0F);  // computed for nothing: rare, and the run needs no second way
    }
  };
  const auto use = [&](std::size_t i, const Outputs& outputs) {
    within(in_photo(i), [&] {
      PhotoWork& work = slot_of(i);
      if (work.fault) {
        work.line = document_line(files.photos[i].path, *work.fault);
        return;
      }
      const auto found = detector.find(outputs, work.photo.width, work.photo.height);
      for (const auto& one : found) ++work.found[name_of_class(detector, one.box.class_index)];
      work.line = document_line(files.photos[i].path, work.photo, found, detector);
      if (!files.photos[i].labels.empty()) work.labels = kitti_text(found, detector);
      if (!files.photos[i].picture.empty()) {
        draw_found(work.photo, found, detector);
        work.picture = encode_png(work.photo);
      }
      work.photo = {};
    });
  };

  DetectorResult result;
  result.photo_count = files.photos.size();
  result.document = files.document;
  for (const auto& label : detector.names.empty() ? detector.labels : detector.names)
    if (!detector.has_masks || &label != detector.labels.data()) result.found[label] = 0;  // not background
  OutputFiles document;
  for (const auto& input : files.protected_inputs) document.protect(input);
  progress.begin("looking at photos", files.photos.size());
  document.stage(files.document, files.if_exists, 0666, [&](Sink& sink) {
    sink.write(fmt::format("{{\"version\":1,\"network\":{},\"classes\":{},\"images\":[",
                           text_of(detector.network), text_of(detector.labels)));
    const auto deliver = [&](std::size_t i) {
      const PhotoWork work = std::exchange(slot_of(i), {});
      OutputFiles outputs;
      const auto stage = [&](const fs::path& path, std::string_view text) {
        if (!path.empty()) outputs.stage(path, files.if_exists, 0666, text);
      };
      if (work.fault) {
        log.warning(fmt::format("{} is left out: {}", quoted(files.photos[i].path), work.fault->problem()));
        if (++faults == 1) {
          first_fault = work.fault;
          first_faulty = i;
        }
      } else {
        stage(files.photos[i].picture, work.picture);
        stage(files.photos[i].labels, work.labels);
        outputs.commit();
      }
      sink.write(fmt::format("{}\n{}", i == 0 ? "" : ",", work.line));
      for (const auto& [name, count] : work.found) result.found[name] += count;
    };
    session.run_each(files.photos.size(), fill, use, deliver, progress);
    sink.write(std::string_view("\n]}\n"));
  });
  progress.end();
  document.commit();
  const auto& first = files.photos.front();
  if (!first.picture.empty() && faults < files.photos.size())
    result.written.push_back(first.picture.parent_path());
  if (!first.labels.empty() && faults < files.photos.size())
    result.written.push_back(first.labels.parent_path());
  result.written.push_back(files.document);
  for (const auto& path : result.written) log.info(fmt::format("wrote {}", quoted(path)));
  if (first_fault)
    throw Error(
        first_fault->kind(),
        fmt::format("{} of {} photos could not be read, the first is {}: {}", faults, files.photos.size(),
                    quoted(files.photos[first_faulty].path), first_fault->problem()),
        first_fault->hint());
  return result;
}

ImageInput image_input_of(const ModelProto& model) {
  constexpr std::int64_t kLargestSide = 1 << 16;
  const auto inputs = data_inputs(model.graph());
  if (inputs.size() == 1)
    if (const auto shape = shape_of(*inputs[0]);
        shape && shape->size() == 4 && std::all_of(shape->begin() + 1, shape->end(), [](const Dimension& d) {
          return d && *d > 0 && *d <= kLargestSide;
        }))
      return {static_cast<int>(*(*shape)[1]), static_cast<int>(*(*shape)[2]), static_cast<int>(*(*shape)[3])};
  throw Error(Kind::kBadInput, "expected a model with one image input of fixed height and width");
}

std::vector<std::string> read_label_lines(const fs::path& path) {
  const Bytes bytes = read_file(path, kMaxLabelBytes);
  const std::string_view text = as_text(bytes);
  constexpr std::string_view kBlanks = " \t\r";
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    line = line.substr(0, line.find_last_not_of(kBlanks) + 1);
    lines.emplace_back(line);
    begin = end + 1;
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  if (lines.empty()) throw Error(Kind::kBadInput, fmt::format("{} names no class", quoted(path)));
  return lines;
}

}  // namespace etalon
