#include "etalon/networks/detectnet_v2/metadata.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

using nlohmann::json;

std::string_view word_of(ChannelOrder order) {
  return order == ChannelOrder::kRgb ? "rgb" : order == ChannelOrder::kBgr ? "bgr" : "grey";
}
std::string_view word_of(Layout layout) { return layout == Layout::kNchw ? "nchw" : "nhwc"; }
std::string_view word_of(ClassClustering::Algorithm algorithm) {
  switch (algorithm) {
    case ClassClustering::Algorithm::kDbscan:
      return "dbscan";
    case ClassClustering::Algorithm::kNms:
      return "nms";
    case ClassClustering::Algorithm::kHybrid:
      return "hybrid";
  }
  return "nms";
}

// The one of `all` that word_of calls so.
template <class Value>
Value named(const std::string& word, std::initializer_list<Value> all) {
  for (const Value value : all)
    if (word_of(value) == word) return value;
  throw Error(Kind::kBadInput, fmt::format("the model's metadata says '{}'", escaped(word)));
}

json json_of(const ClassClustering& one) {
  return {{"class", one.class_name},
          {"algorithm", word_of(one.algorithm)},
          {"coverage_threshold", one.coverage_threshold},
          {"nms_iou_threshold", one.nms_iou_threshold},
          {"nms_confidence_threshold", one.nms_confidence_threshold},
          {"dbscan_eps", one.dbscan_eps},
          {"dbscan_min_samples", one.dbscan_min_samples},
          {"dbscan_confidence_threshold", one.dbscan_confidence_threshold},
          {"minimum_box_height", one.minimum_box_height}};
}

}  // namespace

void write_metadata(Deployable& deployable) {
  const auto put = [&](const char* key, std::string value) {
    auto& entry = *deployable.model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(std::move(value));
  };
  const auto text = [](const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
  };
  put("etalon.network", deployable.network);
  const auto& how = deployable.preprocessing;
  const json mean = how.order == ChannelOrder::kGrey ? json{how.mean[0]} : json(how.mean);
  put("etalon.preprocessing", text({{"channel_order", word_of(how.order)},
                                    {"layout", word_of(how.layout)},
                                    {"mean", mean},
                                    {"scale", how.scale}}));
  put("etalon.box_code",
      text({{"offset", deployable.box_code.offset}, {"scale", deployable.box_code.scale}}));
  if (!deployable.labels.empty()) put("etalon.labels", text(deployable.labels));
  if (!deployable.clustering.empty()) {
    json list = json::array();
    for (const auto& one : deployable.clustering) list.push_back(json_of(one));
    put("etalon.clustering", text(list));
  }
}

std::optional<Preprocessing> preprocessing_in(const ModelProto& model) {
  for (const auto& entry : model.metadata_props()) {
    if (entry.key() != "etalon.preprocessing") continue;
    try {
      const json value = json::parse(entry.value());
      Preprocessing how;
      const auto word = [&](const char* key) { return value.at(key).get<std::string>(); };
      how.order = named(word("channel_order"), {ChannelOrder::kRgb, ChannelOrder::kBgr, ChannelOrder::kGrey});
      how.layout = named(word("layout"), {Layout::kNchw, Layout::kNhwc});
      const auto mean = value.at("mean").get<std::vector<double>>();
      if (mean.empty() || mean.size() > how.mean.size()) throw Error(Kind::kBadInput, "mean is no colour");
      std::ranges::copy(mean, how.mean.begin());
      how.scale = value.at("scale").get<double>();
      return how;
    } catch (const json::exception&) {
      throw Error(Kind::kBadInput, "the model's metadata 'etalon.preprocessing' is damaged",
                  "give --mean, --scale and the rest");
    }
  }
  return std::nullopt;
}

}  // namespace etalon
