// Inside formats/tensorfile: the halves of the reading. send_... run in the process that has the HDF5
// library, receive_... here, and trust nothing.
#pragma once

#include <cstdint>

#include "etalon/formats/hdf5/hdf5_file.hpp"
#include "etalon/formats/hdf5/own_process.hpp"
#include "etalon/formats/tensorfile/tensorfile_reader.hpp"

namespace etalon {

bool has_first_batch(const Hdf5File& file);
void send_facts(const Hdf5File& file, ProcessSender& to);
void send_batches(const Hdf5File& file, std::uint64_t first, std::uint64_t count, ProcessSender& to);

TensorfileFacts receive_facts(ProcessReceiver& from);
FloatArray receive_batch(ProcessReceiver& from);

}  // namespace etalon
