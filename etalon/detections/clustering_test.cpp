#include "etalon/detections/clustering.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "etalon/base/message_of_test.hpp"

namespace etalon {
namespace {

TEST(Dbscan, FindsTheClustersThatScikitLearnFinds) {
  std::ifstream file(std::string(ETALON_DETECTIONS_TESTDATA) + "/clusters.txt");
  std::string comment;
  std::getline(file, comment);
  int sets = 0;
  double eps = 0, samples = 0;
  std::size_t count = 0;
  for (; file >> eps >> samples >> count; ++sets) {
    SCOPED_TRACE(eps);
    std::vector<Detection> boxes(count);
    std::vector<int> expected(count), found(count, -1);
    for (std::size_t i = 0; i < count; ++i) {
      auto& b = boxes[i];
      file >> b.left >> b.top >> b.right >> b.bottom >> b.confidence >> expected[i];
    }
    const auto clusters = dbscan(boxes, eps, samples);
    for (std::size_t c = 0; c < clusters.size(); ++c)
      for (const std::size_t member : clusters[c]) found[member] = static_cast<int>(c);
    EXPECT_EQ(found, expected);
  }
  EXPECT_EQ(sets, 3);
}

TEST(Dbscan, HoldsABoxWithoutAreaForNoNeighbourOfItself) {
  const std::vector<Detection> boxes{{0, 5, 5, 5, 5, 2.0}};
  EXPECT_TRUE(dbscan(boxes, 0.5, 1).empty());
  EXPECT_EQ(dbscan(boxes, 1.0, 1).size(), 1U);
  EXPECT_TRUE(dbscan({}, 0.5, 1).empty());
}

TEST(Dbscan, RefusesMoreCandidatesThanItCanCompareInReasonableTime) {
  EXPECT_EQ(message_of([] { dbscan(std::vector<Detection>(kMostToCluster + 1), 0.5, 1); }),
            "16385 candidates of one class are to be clustered, DBSCAN takes at most 16384 (raise "
            "coverage_threshold, or cluster by NMS)");
}

}  // namespace
}  // namespace etalon
