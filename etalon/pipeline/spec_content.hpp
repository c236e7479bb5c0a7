// What a specification of any kind is and says, as far as it matters outside of training.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/spec/finding.hpp"

namespace etalon {

struct SpecContent {
  // "experiment specification of DetectNet_v2", "inference specification of DetectNet_v2",
  // "dataset_convert specification of DetectNet_v2", "experiment specification of Mask R-CNN",
  // "specification of SSD" (and other networks)
  std::string kind;
  bool supported = true;          // false: of another network; its facts say how that is known
  bool for_export = false;        // an experiment: what export reads
  nlohmann::ordered_json facts;   // an object; docs/specs.md has its keys
  std::vector<Finding> findings;  // of reading: unknown fields
  std::vector<Finding> wrong;     // of validation: *_validation.hpp of the spec room

  // The places that the data loader will look at, with what is remarked where there is nothing.
  struct DataPlace {
    std::string path;  // as it is written; may be a pattern
    bool folder;       // else files
    Finding absent;
  };
  std::vector<DataPlace> data_places;
  // What relative ones are relative to. DetectNet_v2's data loader has a folder of its own for that.
  enum class DataRoot { kDataFolder, kWorkingDirectory };
  DataRoot data_root = DataRoot::kDataFolder;
};

// Errors (kBadInput): see spec_text.hpp; no places of files in them.
SpecContent content_of_spec(std::string_view text);

}  // namespace etalon
