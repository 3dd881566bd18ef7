# SPDX-License-Identifier: Apache-2.0
# Embeds every cl/*.cl into the library as a byte array (a C string literal is only guaranteed to
# hold 4095 characters): kernels_NAME[] and kernels_NAME_size for cl/NAME.cl.
file(GLOB CLBERT_KERNELS CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cl/*.cl)
set(CLBERT_KERNEL_SOURCES "")
foreach(kernel ${CLBERT_KERNELS})
  get_filename_component(name ${kernel} NAME_WE)
  set(output ${CMAKE_BINARY_DIR}/kernels/${name}.cl.c)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DINPUT=${kernel} -DOUTPUT=${output} -DNAME=${name}
            -P ${PROJECT_SOURCE_DIR}/cmake/EmbedKernel.cmake
    DEPENDS ${kernel} ${PROJECT_SOURCE_DIR}/cmake/EmbedKernel.cmake
    COMMENT "Embedding ${name}.cl")
  list(APPEND CLBERT_KERNEL_SOURCES ${output})
endforeach()
