#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A family of operations has the same name everywhere: an operation of cpu_FAMILY.c is in
# ocl_FAMILY.c, a kernel of its name in cl/FAMILY.cl, and tests/test_FAMILY.c calls it.
# Usage: families.sh SOURCE-DIRECTORY
set -euo pipefail
cd "$1"
failed=0
complain() {
    echo "$1" >&2
    failed=1
}

operations=$(sed -n '/define CLB_OPERATION_LIST/,/^$/p' include/clbert/ops.h | grep -oE 'X\([a-z_]{2,}\)' | tr -d 'X()')
[ "$(wc -w <<<"$operations")" -ge 24 ] || complain "CLB_OPERATION_LIST was not found in include/clbert/ops.h"
for operation in $operations; do
    cpu=$(grep -lE "^(enum clb_status )?CPU_RENAMED\($operation\)\(" src/compute/cpu/cpu_*.c || true)
    ocl=$(grep -lE "^(enum clb_status )?ocl_$operation\(" src/compute/opencl/ocl_*.c || true)
    family=$(sed -E 's,.*/cpu_(.*)\.c,\1,' <<<"$cpu")
    if [ -z "$cpu" ] || [ "$ocl" != "src/compute/opencl/ocl_$family.c" ]; then
        complain "$operation: in '$cpu', but in '$ocl'"
        continue
    fi
    for kernels in $(grep -lE "(KERNEL|kernel void) $operation\(" cl/*.cl || true); do
        case $kernels in
            "cl/$family.cl" | "cl/${family}_wide.cl") ;;
            *) complain "$operation: in $cpu, but in $kernels" ;;
        esac
    done
    grep -q "\bclb_$operation\b" "tests/test_$family.c" || complain "$operation: not in tests/test_$family.c"
done
[ "$failed" = 0 ] || exit 1
echo "$(wc -w <<<"$operations") operations, each of one family"
