# The CPU kernels are compiled once for each instruction set; cpu_device.c picks the best at start.
file(GLOB CLBERT_CPU_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.c)
set(CLBERT_CPU_OBJECTS ${CLBERT_CPU_SOURCES})
