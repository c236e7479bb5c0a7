// nvinfer_config.txt and labels.txt beside an exported model.
#pragma once

#include "etalon/base/file.hpp"
#include "etalon/base/log.hpp"
#include "etalon/networks/deployable.hpp"
#include "etalon/pipeline/export_options.hpp"
#include "etalon/pipeline/model_output.hpp"

namespace etalon {

// Files that are there with the same content are left alone. Without labels there is no labels.txt. Errors: a
// value of the specification that nvinfer cannot take (kBadInput, the specification named); as
// OutputFiles::stage.
void stage_deepstream_files(const ExportOptions& options, const Deployable& deployable,
                            const ModelOutput& model, OutputFiles& outputs, Log& log);

}  // namespace etalon
