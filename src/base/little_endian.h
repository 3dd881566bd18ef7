/* SPDX-License-Identifier: Apache-2.0 */
/* Included where little-endian files are read and written as they lie in memory. */
#ifndef BASE_LITTLE_ENDIAN_H
#define BASE_LITTLE_ENDIAN_H

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "corpora and safetensors are little-endian; this machine is not");

#endif
