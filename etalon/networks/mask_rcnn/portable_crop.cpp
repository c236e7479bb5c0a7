#include "etalon/networks/mask_rcnn/portable_crop.hpp"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

using Dims1 = std::array<std::int64_t, 1>;
using Dims2 = std::array<std::int64_t, 2>;
using Dims3 = std::array<std::int64_t, 3>;
using Dims4 = std::array<std::int64_t, 4>;

// An RoI of 224 x 224 pixels lies between levels 3 and 4; each level is for twice the side of the one before.
constexpr double kSideBelowLevel4 = 224;

struct Pyramid {
  std::vector<float> places;      // of a level: scale, last row, last column, columns, first cell
  std::vector<float> area_steps;  // an RoI's level is the lowest and one up for each of these that it exceeds
  std::int64_t cells = 0;
};
constexpr std::int64_t kPlaceColumns = 5;

Pyramid pyramid_of(const MaskRcnnFacts& facts) {
  Pyramid pyramid;
  for (int level = facts.min_level; level <= facts.max_level; ++level) {
    const std::int64_t stride = std::int64_t{1} << level;
    const std::int64_t rows = facts.height / stride, columns = facts.width / stride;
    for (const double value : {1.0 / double(stride), double(rows) - 1, double(columns) - 1, double(columns),
                               double(pyramid.cells)})
      pyramid.places.push_back(static_cast<float>(value));
    if (level > facts.min_level)
      pyramid.area_steps.push_back(static_cast<float>(std::pow(kSideBelowLevel4 * std::exp2(level - 4), 2)));
    pyramid.cells += rows * columns;
  }
  constexpr std::int64_t kExactInFloat = 1 << 24;  // places are computed in float32
  if (pyramid.cells > kExactInFloat)
    throw Error(Kind::kUnsupported, fmt::format("an input of {} x {} pixels is too large to crop from",
                                                facts.height, facts.width));
  return pyramid;
}

// Every cell of every level of every image as a row of its channels, [N*cells,C]; returns its name. (GatherND
// with batch_dims would do without the flattening, but OpenVINO copies all rows for it.)
std::string cells_of(GraphBuilder& graph, const MaskRcnnFacts& facts, std::span<const std::string> maps,
                     std::int64_t channels) {
  std::string all = "pyramid_cells";
  if (graph.has(all)) return all;
  std::vector<std::string> levels;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const std::int64_t stride = std::int64_t{1} << (facts.min_level + static_cast<int>(i));
    const auto level = fmt::format("{}/level_{}", all, facts.min_level + static_cast<int>(i));
    graph.transpose(level + "/channels_last", maps[i], Dims4{0, 2, 3, 1});
    graph.reshape(level + "/cells", level + "/channels_last",
                  Dims3{0, (facts.height / stride) * (facts.width / stride), channels});
    levels.push_back(level + "/cells");
  }
  graph.concat(all + "/by_image", levels, 1);
  graph.reshape(all, all + "/by_image", Dims2{-1, channels});
  return all;
}

}  // namespace

void crop_portably(GraphBuilder& graph, const MaskRcnnFacts& facts, const std::string& out,
                   const std::string& rois, std::span<const std::string> maps, const CropShape& shape) {
  const auto at = [&](const std::string& name) { return out + "/" + name; };
  const Pyramid pyramid = pyramid_of(facts);
  const std::int64_t r = shape.rois, p = shape.size, samples = r * p * p;
  graph.scalar(at("zero"), 0);
  graph.scalar(at("one"), 1);

  // RoIs that can be sampled: inside the image, not empty; comparisons with NaN do not hold. The others are
  // sampled at the origin, with weight 0.
  graph.slice(at("low"), rois, 2, 0, 2);
  graph.slice(at("high"), rois, 2, 2, 4);
  const auto height = static_cast<float>(facts.height), width = static_cast<float>(facts.width);
  graph.floats(at("image"), Dims1{4}, std::array{height, width, height, width});
  graph.binary("Max", at("not_below"), rois, at("zero"));
  graph.binary("Min", at("clipped"), at("not_below"), at("image"));
  graph.binary("Equal", at("is_inside"), rois, at("clipped"));
  graph.binary("Less", at("is_ordered"), at("low"), at("high"));
  graph.cast_to_float(at("inside"), at("is_inside"));
  graph.cast_to_float(at("ordered"), at("is_ordered"));
  graph.concat(at("conditions"), std::vector{at("inside"), at("ordered")}, 2);
  graph.reduce_min(at("valid"), at("conditions"), 2);
  graph.cast_to_bool(at("is_valid"), at("valid"));
  graph.where(at("valid_low"), at("is_valid"), at("low"), at("zero"));
  graph.where(at("valid_high"), at("is_valid"), at("high"), at("zero"));

  // The level, and where it lies among the cells.
  graph.binary("Sub", at("sides"), at("valid_high"), at("valid_low"));
  graph.slice(at("heights"), at("sides"), 2, 0, 1);
  graph.slice(at("widths"), at("sides"), 2, 1, 2);
  graph.mul(at("areas"), at("heights"), at("widths"));
  graph.floats(at("area_steps"), Dims1{std::int64_t(pyramid.area_steps.size())}, pyramid.area_steps);
  graph.binary("Greater", at("exceeds"), at("areas"), at("area_steps"));
  graph.cast_to_float(at("steps"), at("exceeds"));
  graph.reduce_sum(at("step_count"), at("steps"), 2);
  graph.reshape(at("level_number"), at("step_count"), Dims2{0, r});
  graph.cast_to_int64(at("level"), at("level_number"));
  graph.floats(at("places"), Dims2{facts.levels(), kPlaceColumns}, pyramid.places);
  graph.gather(at("place"), at("places"), at("level"), 0);
  graph.slice(at("scale"), at("place"), 2, 0, 1);
  graph.slice(at("last"), at("place"), 2, 1, 3);
  graph.slice(at("columns"), at("place"), 2, 3, 4);
  graph.slice(at("first_cell"), at("place"), 2, 4, 5);

  // Positions [N,R,2,P], rows and columns together: the cells before and after, the fraction between.
  std::vector<float> middles;
  for (std::int64_t i = 0; i < p; ++i) middles.push_back(static_cast<float>(i) + 0.5F);
  graph.floats(at("middles"), Dims1{p}, middles);
  graph.scalar(at("bins"), static_cast<float>(p));
  graph.mul(at("scaled_low"), at("valid_low"), at("scale"));
  graph.mul(at("scaled_high"), at("valid_high"), at("scale"));
  graph.binary("Sub", at("scaled_sides"), at("scaled_high"), at("scaled_low"));
  graph.binary("Div", at("bin_sides"), at("scaled_sides"), at("bins"));
  graph.unsqueeze(at("bin_side"), at("bin_sides"), 3);
  graph.unsqueeze(at("start"), at("scaled_low"), 3);
  graph.unsqueeze(at("end"), at("last"), 3);
  graph.mul(at("offsets"), at("bin_side"), at("middles"));
  graph.add(at("wanted"), at("start"), at("offsets"));
  graph.binary("Min", at("position"), at("wanted"), at("end"));  // RoIs do not begin before 0
  graph.unary("Floor", at("before"), at("position"));
  graph.binary("Sub", at("fraction"), at("position"), at("before"));
  graph.add(at("next"), at("before"), at("one"));
  graph.binary("Min", at("after"), at("next"), at("end"));

  const auto rows_of = [&](const std::string& x) {  // [N,R,P,1]
    graph.slice(x + "/of_rows", x, 2, 0, 1);
    graph.reshape(x + "/row", x + "/of_rows", Dims4{0, r, p, 1});
    return x + "/row";
  };
  const auto columns_of = [&](const std::string& x) {  // [N,R,1,P]
    graph.slice(x + "/column", x, 2, 1, 2);
    return x + "/column";
  };
  graph.unsqueeze(at("row_length"), at("columns"), 3);
  graph.unsqueeze(at("origin"), at("first_cell"), 3);
  for (const std::string row : {"before", "after"}) {
    graph.mul(at("cells_" + row), rows_of(at(row)), at("row_length"));
    graph.add(at("row_" + row), at("cells_" + row), at("origin"));
    columns_of(at(row));
  }

  graph.numbers_along(at("image_number"), rois, 0);
  graph.ints(at("cells_of_an_image"), Dims1{pyramid.cells});
  graph.mul(at("first_cell_of_image"), at("image_number"), at("cells_of_an_image"));
  graph.reshape(at("image_begin"), at("first_cell_of_image"), Dims4{-1, 1, 1, 1});
  const auto cells = cells_of(graph, facts, maps, shape.channels);
  const auto corner = [&](const std::string& row, const std::string& column) {  // [N,R*P*P,C]
    const auto name = out + "/" + row + "_" + column;
    graph.add(name + "/number", at("row_" + row), at(column) + "/column");
    graph.cast_to_int64(name + "/index_in_image", name + "/number");
    graph.add(name + "/index", name + "/index_in_image", at("image_begin"));
    graph.reshape(name + "/indices", name + "/index", Dims2{0, samples});
    graph.gather(name, cells, name + "/indices", 0);
    return name;
  };
  // Weights [N,R*P*P,1].
  graph.floats(at("ones"), Dims4{1, 1, p, p}, std::vector<float>(static_cast<std::size_t>(p * p), 1.0F));
  const auto spread = [&](const std::string& x) {
    graph.mul(x + "/spread", x, at("ones"));
    graph.reshape(x + "/weights", x + "/spread", Dims3{0, samples, 1});
    return x + "/weights";
  };
  const auto down = rows_of(at("fraction")), right = columns_of(at("fraction"));
  graph.binary("Sub", at("one_minus_down"), at("one"), down);
  graph.binary("Sub", at("left"), at("one"), right);
  const auto left_weight = spread(at("left")), right_weight = spread(right);
  for (const std::string row : {"before", "after"}) {
    graph.mul(at("left_of_" + row), corner(row, "before"), left_weight);
    graph.mul(at("right_of_" + row), corner(row, "after"), right_weight);
    graph.add(at("between_" + row), at("left_of_" + row), at("right_of_" + row));
  }
  graph.mul(at("upper_part"), at("between_before"), spread(at("one_minus_down")));
  graph.mul(at("lower_part"), at("between_after"), spread(down));
  graph.add(at("samples"), at("upper_part"), at("lower_part"));
  graph.reshape(at("samples_of_rois"), at("samples"), Dims4{0, r, p * p, shape.channels});
  graph.transpose(at("channels_first"), at("samples_of_rois"), Dims4{0, 1, 3, 2});
  graph.reshape(at("crops"), at("channels_first"), std::array<std::int64_t, 5>{0, r, shape.channels, p, p});
  // Last, so that the crops are numbers of their own, with a range of their own, as a plugin's are.
  graph.reshape(at("valid_of_roi"), at("valid"), std::array<std::int64_t, 5>{0, r, 1, 1, 1});
  graph.mul(out, at("crops"), at("valid_of_roi"));
}

}  // namespace etalon
