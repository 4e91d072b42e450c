# One test for each tests/system/test_*.py, run by a Python that has what they import. Those that start several ranks use
# both cores.
execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/find-python h5py numpy pandas xarray pytest
  OUTPUT_VARIABLE SEEDBED_TEST_PYTHON OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_VARIABLE reason)
if(NOT SEEDBED_TEST_PYTHON)
  message(WARNING "System tests are left out: ${reason}")
  return()
endif()

file(GLOB system_tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/system/test_*.py)
set(counts "")
if(SEEDBED_SANITIZE)
  # What does not test the engine, or another build of it; what measures or spends time or memory; and comparisons (of
  # bits, with NumPy) of what the unit tests cover.
  set(left_out analysis.* docs jobs portable report reproduce slurm sweeps.* hosts memory.* schedule stop
    bits.* curvature interpolation mnist normalised_margins numpy pairs sample_metrics stiffness torch)
  list(JOIN left_out "|" left_out)
  list(FILTER system_tests EXCLUDE REGEX "/test_(${left_out})\\.py$")
  set(counts ";SEEDBED_TEST_KILLS=4;SEEDBED_TEST_EPOCHS=5")
endif()
foreach(source ${system_tests})
  get_filename_component(name ${source} NAME_WE)
  file(STRINGS ${source} ranks REGEX "ranks|mpirun|hosts|slurm")
  set(cores 1)
  if(ranks)
    set(cores 2)
  endif()
  add_test(NAME ${prefix}system/${name}
    COMMAND ${SEEDBED_TEST_PYTHON} -m pytest -q -ra -p no:cacheprovider --rootdir ${CMAKE_CURRENT_SOURCE_DIR}/system ${source})
  set_tests_properties(${prefix}system/${name} PROPERTIES TIMEOUT 900 PROCESSORS ${cores} LABELS system
    ENVIRONMENT "${environment};${mpi_environment};SEEDBED_BINARY=$<TARGET_FILE:seedbed>;SEEDBED_BUILD=${CMAKE_BINARY_DIR}${counts}")
endforeach()
# Its kills for lack of memory are counted for the whole node.
if(TEST ${prefix}system/test_memory_kill)
  set_tests_properties(${prefix}system/test_memory_kill PROPERTIES RUN_SERIAL TRUE)
endif()
