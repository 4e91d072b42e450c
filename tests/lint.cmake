# Checks of the source, each a test; one whose tool is absent counts as skipped and says so.
find_program(SEEDBED_LINT_PYTHON NAMES python3 REQUIRED)
find_program(SEEDBED_LINT_CXX NAMES c++ g++ clang++ REQUIRED)

function(seedbed_lint name)
  add_test(NAME lint/${name} COMMAND ${SEEDBED_LINT_PYTHON} -B ${CMAKE_CURRENT_SOURCE_DIR}/lint/${name}.py ${ARGN})
  set_tests_properties(lint/${name} PROPERTIES TIMEOUT 900 LABELS lint SKIP_RETURN_CODE 77)
endfunction()

seedbed_lint(layering)
seedbed_lint(headers ${CMAKE_C_COMPILER} ${SEEDBED_LINT_CXX} ${CMAKE_BINARY_DIR}/generated
  ${HDF5_C_INCLUDE_DIRS} ${HDF5_INCLUDE_DIRS} ${MPI_C_INCLUDE_DIRS} ${openblas_INCLUDE_DIRS} ${yaml_INCLUDE_DIRS})
seedbed_lint(sizes)
seedbed_lint(words)
seedbed_lint(format)
seedbed_lint(shell)
seedbed_lint(tidy ${CMAKE_BINARY_DIR})
set_tests_properties(lint/tidy PROPERTIES PROCESSORS 2)
