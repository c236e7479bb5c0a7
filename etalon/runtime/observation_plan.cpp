#include "etalon/runtime/observation_plan.hpp"

#include <map>
#include <set>
#include <string_view>

namespace etalon {

std::vector<Observation> plan_observations(const GraphProto& graph, const std::vector<std::string>& wanted) {
  const std::set<std::string_view> is_wanted(wanted.begin(), wanted.end());
  std::map<std::string_view, std::string_view> counted_as;  // a Relu's output -> the tensor that is counted for it
  for (const NodeProto& node : graph.node()) {
    if (node.op_type() != "Relu" || !node.domain().empty() || node.input_size() != 1 || node.output_size() != 1) continue;
    if (!is_wanted.contains(node.input(0))) continue;
    const auto earlier = counted_as.find(node.input(0));  // Relu(Relu(x)) is Relu(x)
    counted_as.emplace(node.output(0), earlier == counted_as.end() ? std::string_view(node.input(0)) : earlier->second);
  }
  std::vector<Observation> plan;
  std::map<std::string_view, std::size_t> place;
  std::set<std::string_view> done;
  for (const std::string& name : wanted) {
    if (!done.insert(name).second) continue;
    const auto source = counted_as.find(name);
    const std::string_view counted = source == counted_as.end() ? std::string_view(name) : source->second;
    const auto [at, is_new] = place.emplace(counted, plan.size());
    if (is_new) plan.push_back({std::string(counted), {}});
    if (counted != name) plan[at->second].rectified.push_back(name);
  }
  return plan;
}

}  // namespace etalon
