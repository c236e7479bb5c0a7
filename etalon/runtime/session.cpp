#include "etalon/runtime/session.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "etalon/base/error.hpp"
#include "etalon/base/ordered_work.hpp"
#include "etalon/runtime/network.hpp"
#include "etalon/runtime/observation_plan.hpp"
#include "etalon/runtime/tap.hpp"

namespace etalon {
struct Session::State {
  struct Counted {
    Observation what;
    std::shared_ptr<Tap> tap;
  };
  std::vector<Counted> counted;
  std::size_t lane_limit = 1;
  std::unique_ptr<Network> network;
  std::vector<std::unique_ptr<Lane>> lanes;  // made when first needed

  void make_lanes(std::size_t count) {
    while (lanes.size() < count) lanes.push_back(network->make_lane());
  }
};

Session::Session(const ModelProto& model, const SessionOptions& options) : state_(std::make_unique<State>()) {
  state_->lane_limit = worker_count(options.threads);
  std::vector<NetworkTap> taps;
  for (Observation& what : plan_observations(model.graph(), options.observe)) {
    const auto& counted = state_->counted.emplace_back(std::move(what), std::make_shared<Tap>());
    taps.push_back({counted.what.tensor, counted.tap});
  }
  state_->network = compile_network(model, state_->lane_limit, options, taps);
}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

std::vector<std::int64_t> Session::input_shape() const { return state_->network->input_shape(); }

std::size_t Session::input_size() const {
  std::size_t size = 1;
  for (const std::int64_t dimension : input_shape()) size *= static_cast<std::size_t>(dimension);
  return size;
}

void Session::run_all(std::size_t count, const FillInput& fill, const TakeOutputs& take, Progress& progress) {
  const std::size_t workers = std::min(state_->lane_limit, count);
  state_->make_lanes(workers);
  // A worker loads its image and then computes it: while one decodes, the others compute, and never more
  // threads are busy than there are lanes.
  const auto compute = [&](std::size_t worker, std::size_t index) {
    Lane& lane = *state_->lanes[worker];
    fill(index, lane.input());
    lane.infer();
    return take ? lane.outputs() : Outputs{};
  };
  if (take) return map_in_order<Outputs>(count, workers, compute, take, progress);
  run_in_order(count, workers, compute, {}, progress);
}

void Session::run_each(std::size_t count, const FillInput& fill, const UseOutputs& use,
                       const Deliver& deliver, Progress& progress) {
  const std::size_t workers = std::min(state_->lane_limit, count);
  state_->make_lanes(workers);
  run_in_order(
      count, workers,
      [&](std::size_t worker, std::size_t index) {
        Lane& lane = *state_->lanes[worker];
        fill(index, lane.input());
        lane.infer();
        use(index, lane.outputs());
      },
      deliver, progress);
}

Outputs Session::run(std::span<const float> input) {
  state_->make_lanes(1);
  Lane& lane = *state_->lanes.front();
  if (input.size() != lane.input().size())
    throw Error(Kind::kInternal, fmt::format("an input of {} numbers for a network that takes {}",
                                             input.size(), lane.input().size()));
  std::copy(input.begin(), input.end(), lane.input().begin());
  lane.infer();
  return lane.outputs();
}

std::map<std::string, TensorStatistics> Session::take_statistics() {
  std::map<std::string, TensorStatistics> statistics;
  for (State::Counted& counted : state_->counted) {
    TensorStatistics magnitude, rectified;
    counted.tap->take(magnitude, counted.what.rectified.empty() ? nullptr : &rectified);
    for (const std::string& name : counted.what.rectified) statistics[name] = rectified;
    statistics[counted.what.tensor] = std::move(magnitude);
  }
  return statistics;
}

}  // namespace etalon
