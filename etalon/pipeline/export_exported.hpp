// An exported model in the place of a trained one: `-m model.onnx`, `-m model.etlt -k KEY`.
#pragma once

#include <string_view>

#include "etalon/base/log.hpp"
#include "etalon/networks/deployable.hpp"
#include "etalon/pipeline/export_options.hpp"

namespace etalon {

// Whether the options name one. Error (kWrongUsage): they do not, and ask for what only an exported model
// can have done to it.
bool starts_from_exported(const ExportOptions& options);

// Brought to etalon's operator set where that changes nothing, and its padding repaired if asked for; the log
// says what was changed, or what should be. Errors: of read_exported_model and deployable_from_exported;
// kWrongUsage: asks for another batch; kBadInput: there is nothing to repair.
Deployable deployable_of_exported(const ExportOptions& options, std::string_view network, Log& log);

}  // namespace etalon
