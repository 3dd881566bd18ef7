/* SPDX-License-Identifier: Apache-2.0 */
/* An OpenCL driver that takes the program down with it when it is loaded. */
#include <stdlib.h>

__attribute__((constructor)) static void load(void)
{
    abort();
}
