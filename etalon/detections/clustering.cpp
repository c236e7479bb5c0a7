#include "etalon/detections/clustering.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

// Keep the quotient of two empty boxes defined. Sources: NVIDIA/tao_tensorflow1_backend, cv/detectnet_v2,
// postprocessor/cluster.py (1e-5) and postprocessor/utilities.py (0.01), which TAO's inference uses.
constexpr double kNmsUnionEpsilon = 1e-5;
constexpr double kDbscanUnionEpsilon = 0.01;
constexpr double kEpsSlack = 1e-12;  // utilities.py and its caller add it to dbscan_eps

}  // namespace

double overlap(const Detection& a, const Detection& b, double union_epsilon) {
  const double width = std::max(0.0, std::min(a.right, b.right) - std::max(a.left, b.left));
  const double height = std::max(0.0, std::min(a.bottom, b.bottom) - std::max(a.top, b.top));
  const double common = width * height;
  const auto area = [](const Detection& box) { return (box.right - box.left) * (box.bottom - box.top); };
  return common / (area(a) + area(b) - common + union_epsilon);
}

std::vector<Detection> suppress_overlapping(std::vector<Detection> proposals, double iou_threshold) {
  std::stable_sort(proposals.begin(), proposals.end(),
                   [](const Detection& a, const Detection& b) { return a.confidence > b.confidence; });
  std::vector<Detection> kept;
  for (const auto& proposal : proposals) {
    const auto strikes = [&](const Detection& better) {
      return overlap(better, proposal, kNmsUnionEpsilon) > iou_threshold;
    };
    if (std::none_of(kept.begin(), kept.end(), strikes)) kept.push_back(proposal);
  }
  return kept;
}

std::vector<std::vector<std::size_t>> dbscan(std::span<const Detection> proposals, double eps,
                                             double min_weight) {
  // A box is its own neighbour only if 1 - area / (area + 0.01) is within eps: one without area is not. So it
  // is in the original, whose matrix of distances has such a diagonal.
  const auto near = [&](std::size_t a, std::size_t b) {
    return 1.0 - overlap(proposals[a], proposals[b], kDbscanUnionEpsilon) <= eps + kEpsSlack;
  };
  const std::size_t count = proposals.size();
  if (count > kMostToCluster)
    throw Error(Kind::kBadInput,
                fmt::format("{} candidates of one class are to be clustered, DBSCAN takes at most {}", count,
                            kMostToCluster),
                "raise coverage_threshold, or cluster by NMS");
  std::vector<bool> is_core(count), taken(count);
  for (std::size_t i = 0; i < count; ++i) {
    double weight = 0;
    for (std::size_t j = 0; j < count; ++j)
      if (near(i, j)) weight += proposals[j].confidence;
    is_core[i] = weight >= min_weight;
  }
  std::vector<std::vector<std::size_t>> clusters;
  for (std::size_t first = 0; first < count; ++first) {
    if (taken[first] || !is_core[first]) continue;
    std::vector<std::size_t> members{first};
    taken[first] = true;
    for (std::size_t next = 0; next < members.size(); ++next) {
      const std::size_t from = members[next];
      if (!is_core[from]) continue;
      for (std::size_t to = 0; to < count; ++to)
        if (!taken[to] && near(from, to)) {
          taken[to] = true;
          members.push_back(to);
        }
    }
    std::ranges::sort(members);
    clusters.push_back(std::move(members));
  }
  return clusters;
}

}  // namespace etalon
