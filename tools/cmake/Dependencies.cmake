# The libraries of the engine, each as one imported target; each is linked by one folder of src/.
find_package(PkgConfig REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)
find_package(ZLIB REQUIRED)

set(HDF5_PREFER_PARALLEL ON)
find_package(HDF5 REQUIRED COMPONENTS C HL)
if(NOT HDF5_IS_PARALLEL)
  message(FATAL_ERROR "HDF5 ${HDF5_VERSION} was built without MPI. seedbed needs the parallel build: "
                      "on Debian and Ubuntu libhdf5-openmpi-dev; elsewhere point HDF5_ROOT at one.")
endif()
add_library(seedbed_hdf5 INTERFACE)
target_include_directories(seedbed_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS} ${HDF5_INCLUDE_DIRS})
target_compile_definitions(seedbed_hdf5 INTERFACE ${HDF5_C_DEFINITIONS})
target_link_libraries(seedbed_hdf5 INTERFACE ${HDF5_C_HL_LIBRARIES} ${HDF5_C_LIBRARIES} MPI::MPI_C)

pkg_check_modules(openblas REQUIRED IMPORTED_TARGET openblas)
pkg_check_modules(yaml REQUIRED IMPORTED_TARGET yaml-0.1)
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)
add_library(seedbed_random123 INTERFACE)
target_include_directories(seedbed_random123 SYSTEM INTERFACE ${RANDOM123_INCLUDE_DIR} ${XXHASH_INCLUDE_DIR})
