/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cpu/cpu_kernels.h"

void cpu_backend_fill(struct clb_backend *backend)
{
#define CPU_FILL(name) backend->name = CPU_RENAMED(name);
    CLB_OPERATION_LIST(CPU_FILL)
    CPU_FILL(peak)
#undef CPU_FILL
}
