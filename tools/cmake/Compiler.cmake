# Flags, each only where the compiler knows it.
include(CheckCCompilerFlag)
include(CheckIPOSupported)

add_library(seedbed_flags INTERFACE)
target_compile_definitions(seedbed_flags INTERFACE _GNU_SOURCE)
target_include_directories(seedbed_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include
                                                   ${CMAKE_BINARY_DIR}/generated)

function(seedbed_add_flag flag)
  string(MAKE_C_IDENTIFIER "SEEDBED_HAS${flag}" variable)
  check_c_compiler_flag("${flag}" ${variable})
  if(${variable})
    target_compile_options(seedbed_flags INTERFACE "${flag}")
  endif()
endfunction()

foreach(flag -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes
             -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wdouble-promotion -Wundef)
  seedbed_add_flag(${flag})
endforeach()
if(SEEDBED_WERROR)
  seedbed_add_flag(-Werror)
endif()

# Arithmetic keeps its order; only errno and traps, which nobody reads, are given up so that loops become vector code.
foreach(flag -fno-math-errno -fno-trapping-math -fopenmp-simd -ffp-contract=fast -fno-common)
  seedbed_add_flag(${flag})
endforeach()
if(NOT SEEDBED_PORTABLE)
  seedbed_add_flag(-march=native)
endif()

# A portable x86-64 build has the whole engine again for wider vectors: SEEDBED_WIDTHS, each with a dash, is what its targets'
# names end in. Single features, since names of levels (x86-64-v3) are known to new compilers only; src/kernels/width.c asks
# the CPU for the same ones.
set(SEEDBED_WIDTHS "")
if(SEEDBED_PORTABLE AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  set(avx2 -mavx2 -mfma)
  set(avx512 ${avx2} -mavx512f -mavx512bw -mavx512cd -mavx512dq -mavx512vl)
  foreach(width avx2 avx512)
    list(APPEND SEEDBED_WIDTHS -${width})
    add_library(seedbed_flags-${width} INTERFACE)
    target_link_libraries(seedbed_flags-${width} INTERFACE seedbed_flags)
    target_compile_options(seedbed_flags-${width} INTERFACE ${${width}})
  endforeach()
endif()

if(SEEDBED_SANITIZE)
  target_compile_options(seedbed_flags INTERFACE -fsanitize=${SEEDBED_SANITIZE} -fno-sanitize-recover=all
                                                 -fno-omit-frame-pointer)
  target_link_options(seedbed_flags INTERFACE -fsanitize=${SEEDBED_SANITIZE})
endif()
