# SPDX-License-Identifier: Apache-2.0
file(READ ${INPUT} bytes HEX)
string(LENGTH "${bytes}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "((0x..,){20})" "\\1\n" bytes "${bytes}")
file(WRITE ${OUTPUT} "#include <stddef.h>\nconst char kernels_${NAME}[] = {\n${bytes}0};\n"
                     "const size_t kernels_${NAME}_size = ${size};\n")
