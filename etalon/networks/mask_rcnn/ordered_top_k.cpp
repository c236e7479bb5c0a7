#include "etalon/networks/mask_rcnn/ordered_top_k.hpp"

#include <array>
#include <vector>

namespace etalon {
namespace {

constexpr std::int64_t kExactInFloat = 1 << 24;

// out [N,k], int64: where the k largest of x are. First, by index, those above the smallest of them, then, by
// index, as many that equal it as are left.
void choose(GraphBuilder& graph, const std::string& out, const std::string& x, std::int64_t length,
            std::int64_t k) {
  const auto at = [&](const std::string& name) { return out + "/" + name; };
  graph.top_k(at("largest"), at("any_order"), x, k);
  graph.slice(at("smallest"), at("largest"), 1, k - 1, k);
  graph.binary("Greater", at("is_above"), x, at("smallest"));
  graph.binary("Equal", at("is_smallest"), x, at("smallest"));
  graph.countdown(at("countdown"), length);
  graph.scalar(at("length"), static_cast<float>(length));
  graph.scalar(at("twice_length"), static_cast<float>(2 * length));
  graph.scalar(at("zero"), 0);
  graph.where(at("class_of_equal"), at("is_smallest"), at("length"), at("zero"));
  graph.where(at("class"), at("is_above"), at("twice_length"), at("class_of_equal"));
  graph.add(at("code"), at("class"), at("countdown"));  // different for each
  graph.top_k(at("codes"), out, at("code"), k);
}

}  // namespace

void ordered_top_k(GraphBuilder& graph, const std::string& values, const std::string& indices,
                   const std::string& x, std::int64_t length, std::int64_t k) {
  if (k * k > kExactInFloat || 3 * length > kExactInFloat) return graph.top_k(values, indices, x, k);
  const auto at = [&](const std::string& name) { return indices + "/" + name; };
  std::string chosen = x;  // [N,k], equal ones by index
  if (k < length) {
    chosen = at("chosen");
    choose(graph, at("places"), x, length, k);
    graph.unsqueeze(at("place_column"), at("places"), 2);
    graph.gather_nd(chosen, x, at("place_column"), 1);
  }
  // Sorted; then each run of equal ones is sorted by where they come from.
  graph.top_k(values, at("any_order"), chosen, k);
  graph.slice(at("first"), values, 1, 0, 1);
  graph.slice(at("all_but_last"), values, 1, 0, k - 1);
  graph.concat(at("before"), std::vector{at("first"), at("all_but_last")}, 1);
  graph.binary("Greater", at("is_less_than_before"), at("before"), values);
  graph.cast_to_float(at("step"), at("is_less_than_before"));
  graph.cumulative_sum(at("run"), at("step"), 1);
  graph.scalar(at("minus_k"), static_cast<float>(-k));
  graph.mul(at("run_code"), at("run"), at("minus_k"));
  graph.cast_to_float(at("number"), at("any_order"));
  graph.binary("Sub", at("code"), at("run_code"), at("number"));  // different for each
  graph.top_k(at("codes"), at("order_of_codes"), at("code"), k);
  graph.binary("Sub", at("sorted_number"), at("run_code"), at("codes"));
  if (k == length) return graph.cast_to_int64(indices, at("sorted_number"));
  graph.cast_to_int64(at("sorted_place"), at("sorted_number"));
  graph.unsqueeze(at("sorted_place_column"), at("sorted_place"), 2);
  graph.gather_nd(indices, at("places"), at("sorted_place_column"), 1);
}

}  // namespace etalon
