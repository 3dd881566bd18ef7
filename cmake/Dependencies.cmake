# SPDX-License-Identifier: Apache-2.0
# Every dependency is a Debian package; a missing one is named.
find_package(PkgConfig REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS C)

function(clbert_require name module package reason)
  pkg_check_modules(${name} IMPORTED_TARGET QUIET ${module})
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "${module} (${reason}) was not found. Install it with: apt-get install ${package}")
  endif()
  set(CLBERT_LIBRARIES ${CLBERT_LIBRARIES} PkgConfig::${name} PARENT_SCOPE)
endfunction()

set(CLBERT_LIBRARIES m)
clbert_require(OPENCL OpenCL ocl-icd-opencl-dev "the OpenCL ICD loader: any vendor's devices")
clbert_require(CLBLAST clblast libclblast-dev "matrix products on OpenCL devices")
clbert_require(ICU icu-uc libicu-dev "Unicode: normalisation, classes, sentence boundaries")
clbert_require(JANSSON jansson libjansson-dev "JSON")
clbert_require(ARCHIVE libarchive libarchive-dev "compressed text")
clbert_require(XXHASH libxxhash libxxhash-dev "checksums")
clbert_require(POPT popt libpopt-dev "command-line options and help")
pkg_check_modules(CMOCKA IMPORTED_TARGET QUIET cmocka) # the tests
if(BUILD_TESTING AND NOT CMOCKA_FOUND)
  message(FATAL_ERROR "cmocka (the tests) was not found. Install it with: apt-get install "
                      "libcmocka-dev, or configure with -DBUILD_TESTING=OFF")
endif()
