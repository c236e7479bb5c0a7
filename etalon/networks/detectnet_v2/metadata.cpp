#include "etalon/networks/detectnet_v2/metadata.hpp"

#include <nlohmann/json.hpp>

namespace etalon {
namespace {

using nlohmann::json;

std::string_view word_of(ChannelOrder order) {
  return order == ChannelOrder::kRgb ? "rgb" : order == ChannelOrder::kBgr ? "bgr" : "grey";
}
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
                                    {"layout", how.layout == Layout::kNchw ? "nchw" : "nhwc"},
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

}  // namespace etalon
