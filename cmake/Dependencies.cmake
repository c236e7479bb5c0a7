# Every library that etalon uses, and the one room that may know it (ARCHITECTURE.md, "Rooms").
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)                             # everywhere
find_package(spdlog REQUIRED)                          # cli
find_package(CLI11 REQUIRED)                           # cli
find_package(nlohmann_json REQUIRED)
find_package(Protobuf REQUIRED)                        # spec, onnx, formats
find_package(JPEG REQUIRED)                            # images
find_package(PNG REQUIRED)                             # images
find_package(Threads REQUIRED)
set(HDF5_PREFER_PARALLEL OFF)
find_package(HDF5 REQUIRED COMPONENTS C)               # formats
find_package(ZLIB REQUIRED)                            # formats, images
find_path(ETALON_XXHASH xxhash.h REQUIRED)             # base: its header alone, for identities of content
find_library(ETALON_HWY hwy REQUIRED)                  # images, runtime: SIMD with dispatch at run time

# libonnx: its headers compile only with the two definitions that Debian built it with.
find_library(ETALON_ONNX onnx REQUIRED)
find_library(ETALON_ONNX_PROTO onnx_proto REQUIRED)
add_library(etalon_libonnx INTERFACE)
target_compile_definitions(etalon_libonnx INTERFACE ONNX_NAMESPACE=onnx ONNX_ML=1)
target_link_libraries(etalon_libonnx INTERFACE ${ETALON_ONNX} ${ETALON_ONNX_PROTO} protobuf::libprotobuf)

add_library(etalon_hdf5 INTERFACE)
target_include_directories(etalon_hdf5 SYSTEM INTERFACE ${HDF5_INCLUDE_DIRS})
target_link_libraries(etalon_hdf5 INTERFACE ${HDF5_LIBRARIES})

# OpenVINO lies inside its Python wheel, which tools/setup.sh puts into .deps/openvino (docs/building.md).
if(ETALON_RUNTIME STREQUAL "openvino")
  if(NOT OpenVINO_DIR)
    file(GLOB ETALON_OPENVINO_FOUND ${CMAKE_SOURCE_DIR}/.deps/openvino/lib/python3*/site-packages/openvino/cmake)
    list(APPEND ETALON_OPENVINO_FOUND "not-found")
    list(GET ETALON_OPENVINO_FOUND 0 OpenVINO_DIR)
  endif()
  find_package(OpenVINO REQUIRED COMPONENTS Runtime)   # runtime
endif()

if(ETALON_TESTS)
  find_package(GTest REQUIRED)
endif()
if(ETALON_BENCHMARKS)
  find_package(benchmark REQUIRED)
endif()
