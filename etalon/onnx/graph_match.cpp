#include "etalon/onnx/graph_match.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>

#include "etalon/base/error.hpp"
#include "etalon/onnx/graph_index.hpp"

namespace etalon {
namespace {

constexpr std::array<std::string_view, 4> kLayersWithWeights{"Conv", "ConvTranspose", "Gemm", "MatMul"};
constexpr std::array<std::string_view, 4> kCommutative{"Add", "Mul", "Max", "Min"};
// A tensor that more nodes read tells none of them from the others.
constexpr std::size_t kMostUsers = 256;

template <class Table>
bool is_one_of(const Table& table, std::string_view word) {
  return std::find(table.begin(), table.end(), word) != table.end();
}

bool is_number(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The layer's name in that of its weight; nothing where the weight is named otherwise.
std::optional<std::string> stem_of_weight(std::string_view weight) {
  constexpr std::array<std::string_view, 6> kEndings{"/kernel", "/depthwise_kernel", "_W_new",
                                                     "_W",      ".weight",           "/weights"};
  weight = plain_name(weight);
  if (weight.ends_with("/folded")) weight.remove_suffix(std::string_view("/folded").size());
  for (const std::string_view ending : kEndings)
    if (weight.size() > ending.size() && weight.ends_with(ending))
      return std::string(weight.substr(0, weight.size() - ending.size()));
  return std::nullopt;
}

// The weight of a Conv, ConvTranspose, Gemm or MatMul that has a constant one.
const TensorProto* weight_of(const NodeProto& node, const Constants& constants) {
  if (!is_one_of(kLayersWithWeights, node.op_type()) || node.input_size() < 2) return nullptr;
  const auto found = constants.find(node.input(1));
  return found == constants.end() ? nullptr : found->second;
}

bool same_dims(const TensorProto& a, const TensorProto& b) {
  return std::equal(a.dims().begin(), a.dims().end(), b.dims().begin(), b.dims().end());
}

// One of the two graphs, with what the steps ask of it.
struct Side {
  explicit Side(const GraphProto& of)
      : graph(of),
        constants(constants_of(of)),
        index(of),
        partner(static_cast<std::size_t>(of.node_size()), -1) {}

  const NodeProto& node(int at) const { return graph.node(at); }
  const TensorProto* weight(int at) const { return weight_of(node(at), constants); }
  bool is_free(int at) const {
    return partner[static_cast<std::size_t>(at)] < 0 && node(at).op_type() != "Constant";
  }
  // What the node reads that is no constant, in order.
  std::vector<std::string> data(int at) const {
    std::vector<std::string> names;
    for (const auto& input : node(at).input())
      if (!input.empty() && !constants.contains(input)) names.push_back(input);
    return names;
  }

  const GraphProto& graph;
  Constants constants;
  GraphIndex index;
  std::vector<int> partner;  // in the other graph; -1: none
};

class Matcher {
 public:
  Matcher(const GraphProto& first, const GraphProto& second) : a_(first), b_(second) {}

  GraphMatch run() {
    pair_inputs();
    constexpr std::array<void (Matcher::*)(), 5> kSteps{
        &Matcher::pair_same_names, &Matcher::pair_same_layers, &Matcher::pair_same_weights,
        &Matcher::pair_changed_operators, &Matcher::pair_weights_in_order};
    for (const auto step : kSteps) {
      (this->*step)();
      follow();
    }
    return result();
  }

 private:
  void join(const std::string& first, const std::string& second) {
    to_second_.emplace(first, second);
    to_first_.emplace(second, first);
  }

  void pair(int first, int second) {
    a_.partner[static_cast<std::size_t>(first)] = second;
    b_.partner[static_cast<std::size_t>(second)] = first;
    const auto &made = a_.node(first).output(), &others = b_.node(second).output();
    for (int i = 0; i < std::min(made.size(), others.size()); ++i)
      if (!made[i].empty() && !others[i].empty()) join(made[i], others[i]);
  }

  void pair_inputs() {
    const auto first = data_inputs(a_.graph), second = data_inputs(b_.graph);
    std::map<std::string_view, const ValueInfoProto*> by_name;
    for (const auto* input : second) by_name.emplace(plain_name(input->name()), input);
    for (const auto* input : first)
      if (const auto same = by_name.find(plain_name(input->name()));
          same != by_name.end() && !to_first_.contains(same->second->name()))
        join(input->name(), same->second->name());
    // Those without a name in common, in order, if they are as many.
    std::vector<std::string> left, others;
    for (const auto* input : first)
      if (!to_second_.contains(input->name())) left.push_back(input->name());
    for (const auto* input : second)
      if (!to_first_.contains(input->name())) others.push_back(input->name());
    if (left.size() == others.size())
      for (std::size_t i = 0; i < left.size(); ++i) join(left[i], others[i]);
  }

  // Both may be the same layer: one operator, and weights of one shape.
  bool may_be_same(int first, int second) const {
    if (a_.node(first).op_type() != b_.node(second).op_type()) return false;
    const TensorProto *w = a_.weight(first), *v = b_.weight(second);
    return (w == nullptr) == (v == nullptr) && (w == nullptr || same_dims(*w, *v));
  }

  template <class May>
  void pair_by_name(May may) {
    std::map<std::string_view, int> makers;
    for (int i = 0; i < b_.graph.node_size(); ++i)
      for (const auto& output : b_.node(i).output())
        if (b_.is_free(i) && !output.empty()) makers.emplace(plain_name(output), i);
    for (int i = 0; i < a_.graph.node_size(); ++i)
      for (const auto& output : a_.node(i).output()) {
        const auto found = makers.find(plain_name(output));
        if (!output.empty() && !is_number(plain_name(output)) && found != makers.end() && a_.is_free(i) &&
            b_.is_free(found->second) && may(i, found->second))
          pair(i, found->second);
      }
  }
  void pair_same_names() {
    pair_by_name([&](int i, int j) { return may_be_same(i, j); });
  }
  void pair_changed_operators() {
    pair_by_name([](int, int) { return true; });
  }

  void pair_same_layers() {
    const auto layers = [](const Side& side) {
      std::map<std::string, int> found;
      for (int i = 0; i < side.graph.node_size(); ++i) {
        if (!side.is_free(i) || !side.weight(i)) continue;
        std::set<std::string> names{std::string(plain_name(side.node(i).name()))};
        if (auto stem = stem_of_weight(side.node(i).input(1))) names.insert(std::move(*stem));
        for (const auto& name : names)
          if (!found.emplace(name, i).second) found[name] = -1;  // of two layers: tells nothing
      }
      found.erase("");
      return found;
    };
    const auto first = layers(a_), second = layers(b_);
    for (const auto& [name, i] : first) {
      const auto other = second.find(name);
      if (i >= 0 && other != second.end() && other->second >= 0 && a_.is_free(i) &&
          b_.is_free(other->second) && a_.node(i).op_type() == b_.node(other->second).op_type())
        pair(i, other->second);
    }
  }

  // Sums that are the same for the same numbers, and nearly so for the same numbers rounded otherwise.
  struct Weights {
    int node = 0;
    double sum = 0, squares = 0;
    bool near(const Weights& other) const {
      constexpr double kNear =
          1e-4;  // folding in float32 changes 1e-6, another layer's weights are 1e-2 away
      return std::abs(squares - other.squares) <= kNear * squares &&
             std::abs(sum - other.sum) <= kNear * std::sqrt(squares);
    }
  };
  static std::vector<Weights> free_weights(const Side& side) {
    std::vector<Weights> found;
    for (int i = 0; i < side.graph.node_size(); ++i) {
      const TensorProto* weight = side.is_free(i) ? side.weight(i) : nullptr;
      if (!weight ||
          (weight->data_type() != TensorProto::FLOAT && weight->data_type() != TensorProto::FLOAT16 &&
           weight->data_type() != TensorProto::DOUBLE))
        continue;
      Weights sums{.node = i};
      for (const float value : float_values(*weight)) {
        sums.sum += value;
        sums.squares += static_cast<double>(value) * value;
      }
      found.push_back(sums);
    }
    return found;
  }
  void pair_same_weights() {
    const auto first = free_weights(a_), second = free_weights(b_);
    const auto only_near = [&](const Weights& one, const std::vector<Weights>& others,
                               const auto& may) -> const Weights* {
      const Weights* found = nullptr;
      for (const auto& other : others) {
        if (!one.near(other) || !may(one.node, other.node)) continue;
        if (found) return nullptr;
        found = &other;
      }
      return found;
    };
    for (const auto& one : first) {
      const Weights* other = only_near(one, second, [&](int i, int j) { return may_be_same(i, j); });
      if (other && only_near(*other, first, [&](int j, int i) { return may_be_same(i, j); }) == &one)
        pair(one.node, other->node);
    }
  }

  void pair_weights_in_order() {
    const auto left = [](const Side& side) {
      std::map<std::string, std::vector<int>> groups;
      for (int i = 0; i < side.graph.node_size(); ++i) {
        const TensorProto* weight = side.is_free(i) ? side.weight(i) : nullptr;
        if (!weight) continue;
        std::string group = side.node(i).op_type();
        for (const auto dim : weight->dims()) group += "," + std::to_string(dim);
        groups[group].push_back(i);
      }
      return groups;
    };
    const auto first = left(a_), second = left(b_);
    for (const auto& [group, nodes] : first) {
      const auto others = second.find(group);
      if (others == second.end() || others->second.size() != nodes.size()) continue;
      for (std::size_t i = 0; i < nodes.size(); ++i) pair(nodes[i], others->second[i]);
    }
  }

  // What follows from the pairs so far, until nothing more does.
  void follow() {
    for (bool more = true; more;) {
      more = false;
      for (int i = 0; i < a_.graph.node_size(); ++i) more = follow_inputs(i) || more;
      for (int i = a_.graph.node_size(); i-- > 0;) more = follow_outputs(i) || more;
    }
  }

  // In the second's names, sorted where their order means nothing; nothing while one has no partner.
  std::optional<std::vector<std::string>> partners_of(const std::vector<std::string>& data,
                                                      std::string_view op) const {
    std::vector<std::string> names;
    for (const auto& name : data) {
      const auto found = to_second_.find(name);
      if (found == to_second_.end()) return std::nullopt;
      names.push_back(found->second);
    }
    if (is_one_of(kCommutative, op)) std::sort(names.begin(), names.end());
    return names;
  }

  bool follow_inputs(int i) {
    if (!a_.is_free(i)) return false;
    const auto data = a_.data(i);
    const auto wanted = partners_of(data, a_.node(i).op_type());
    if (!wanted || wanted->empty()) return false;
    // The only free node of its kind on both sides.
    const auto in_second = [&](int j) {
      auto reads = b_.data(j);
      if (is_one_of(kCommutative, b_.node(j).op_type())) std::sort(reads.begin(), reads.end());
      return may_be_same(i, j) && reads == *wanted;
    };
    const auto in_first = [&](int other) {
      return a_.node(other).op_type() == a_.node(i).op_type() &&
             (a_.weight(other) == nullptr) == (a_.weight(i) == nullptr) &&
             (a_.weight(i) == nullptr || same_dims(*a_.weight(i), *a_.weight(other))) &&
             partners_of(a_.data(other), a_.node(other).op_type()) == wanted;
    };
    const auto only = [](const Side& side, std::string_view tensor, const auto& fits) {
      int found = -1;
      const auto users = side.index.users(tensor);
      if (users.size() > kMostUsers) return -1;
      for (const int user : users) {
        if (user == found || !side.is_free(user) || !fits(user)) continue;
        if (found >= 0) return -1;
        found = user;
      }
      return found;
    };
    const int j = only(b_, wanted->front(), in_second);
    if (j < 0 || only(a_, data.front(), in_first) != i) return false;
    pair(i, j);
    return true;
  }

  bool follow_outputs(int i) {
    const int j = a_.partner[static_cast<std::size_t>(i)];
    if (j < 0 || a_.node(i).op_type() != b_.node(j).op_type()) return false;
    auto reads = a_.data(i), others = b_.data(j);
    if (reads.size() != others.size()) return false;
    if (is_one_of(kCommutative, a_.node(i).op_type())) {  // only what has no partner yet can be meant
      std::erase_if(reads, [&](const std::string& name) { return to_second_.contains(name); });
      std::erase_if(others, [&](const std::string& name) { return to_first_.contains(name); });
      if (reads.size() != 1 || others.size() != 1) return false;
    }
    bool more = false;
    for (std::size_t slot = 0; slot < reads.size(); ++slot) {
      const auto first = a_.index.producer(reads[slot]), second = b_.index.producer(others[slot]);
      if (!first || !second || !a_.is_free(*first) || !b_.is_free(*second) || !may_be_same(*first, *second))
        continue;
      pair(*first, *second);
      more = true;
    }
    return more;
  }

  GraphMatch result() const {
    GraphMatch match{.pairs = {}, .only_first = {}, .only_second = {}, .tensors = to_second_};
    for (int i = 0; i < a_.graph.node_size(); ++i) {
      const int j = a_.partner[static_cast<std::size_t>(i)];
      if (j >= 0) match.pairs.push_back({i, j});
      if (a_.is_free(i)) match.only_first.push_back(i);
    }
    for (int j = 0; j < b_.graph.node_size(); ++j)
      if (b_.is_free(j)) match.only_second.push_back(j);
    return match;
  }

  Side a_, b_;
  std::map<std::string, std::string, std::less<>> to_second_, to_first_;
};

}  // namespace

std::string_view plain_name(std::string_view tensor) {
  if (tensor.ends_with(":0")) tensor.remove_suffix(2);
  return tensor;
}

Constants constants_of(const GraphProto& graph) {
  Constants constants;
  for (const auto& tensor : graph.initializer()) constants.emplace(tensor.name(), &tensor);
  for (const auto& node : graph.node())
    if (node.op_type() == "Constant" && node.output_size() == 1)
      if (const auto* value = find_attribute(node, "value"); value && value->has_t())
        constants.emplace(node.output(0), &value->t());
  return constants;
}

std::string layer_name(const NodeProto& node, const Constants& constants) {
  if (weight_of(node, constants))
    if (auto stem = stem_of_weight(node.input(1))) return std::move(*stem);
  if (!node.name().empty()) return std::string(plain_name(node.name()));
  return node.output_size() > 0 ? std::string(plain_name(node.output(0))) : node.op_type();
}

GraphMatch match_graphs(const GraphProto& first, const GraphProto& second) {
  return Matcher(first, second).run();
}

}  // namespace etalon
