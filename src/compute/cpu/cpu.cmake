# SPDX-License-Identifier: Apache-2.0
# The CPU path's kernels are compiled once for each instruction set, with the set's name behind
# every symbol (cpu_isa.h); cpu_device.c picks the best at start. Elsewhere than on x86-64 there is
# one set, "native": whatever the compiler targets.
file(GLOB CLBERT_CPU_KERNELS CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/cpu_*.c)
set(CLBERT_CPU_DEVICE ${CMAKE_CURRENT_LIST_DIR}/cpu_device.c ${CMAKE_CURRENT_LIST_DIR}/cpu_pool.c)
set(CLBERT_CPU_DOT ${CMAKE_CURRENT_LIST_DIR}/cpu_engine_bf16_dot.c)
set(CLBERT_CPU_AMX ${CMAKE_CURRENT_LIST_DIR}/cpu_engine_bf16_amx.c)
list(REMOVE_ITEM CLBERT_CPU_KERNELS ${CLBERT_CPU_DEVICE} ${CLBERT_CPU_DOT} ${CLBERT_CPU_AMX})

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
  set(CLBERT_CPU_ISAS v2 v3 v4)
  set(CLBERT_CPU_FLAGS_v2 -march=x86-64-v2)
  set(CLBERT_CPU_FLAGS_v3 -march=x86-64-v3)
  set(CLBERT_CPU_FLAGS_v4 -march=x86-64-v4 -mprefer-vector-width=512)
else()
  set(CLBERT_CPU_ISAS native)
endif()

set(CLBERT_CPU_OBJECTS ${CLBERT_CPU_DEVICE})
foreach(isa ${CLBERT_CPU_ISAS})
  add_library(clbert_cpu_${isa} OBJECT ${CLBERT_CPU_KERNELS})
  target_link_libraries(clbert_cpu_${isa} PRIVATE clbert_flags)
  target_compile_definitions(clbert_cpu_${isa} PRIVATE CPU_ISA=${isa})
  target_compile_options(clbert_cpu_${isa} PRIVATE -O3 ${CLBERT_CPU_FLAGS_${isa}})
  list(APPEND CLBERT_CPU_OBJECTS $<TARGET_OBJECTS:clbert_cpu_${isa}>)
endforeach()

# Engines for bf16, beside the kernels of the instruction set that they come with.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
  set(CLBERT_CPU_FLAGS_dot ${CLBERT_CPU_FLAGS_v4} -mavx512bf16)
  set(CLBERT_CPU_FLAGS_amx ${CLBERT_CPU_FLAGS_v4} -mamx-tile -mamx-bf16)
  foreach(engine dot amx)
    string(TOUPPER ${engine} file)
    add_library(clbert_cpu_${engine} OBJECT ${CLBERT_CPU_${file}})
    target_link_libraries(clbert_cpu_${engine} PRIVATE clbert_flags)
    target_compile_options(clbert_cpu_${engine} PRIVATE -O3 ${CLBERT_CPU_FLAGS_${engine}})
    list(APPEND CLBERT_CPU_OBJECTS $<TARGET_OBJECTS:clbert_cpu_${engine}>)
  endforeach()
endif()
# a * b + c may become one instruction, but not in the random numbers: same bits on every device.
set(CLBERT_CPU_CONTRACTED ${CLBERT_CPU_KERNELS})
list(FILTER CLBERT_CPU_CONTRACTED EXCLUDE REGEX "cpu_random.c")
set_source_files_properties(${CLBERT_CPU_CONTRACTED} PROPERTIES COMPILE_OPTIONS -ffp-contract=fast)
