# SPDX-License-Identifier: Apache-2.0
"""What a unit of a GPU (a multiprocessor, compute unit or Xe core) holds at once, by the code that is
compiled for it: vendors' manuals. For tools/kernel-table and tools/gpu-model."""
import math

# code: (32-bit registers of all lanes of a unit, what they are handed out in, local memory of a unit,
#        work-items that it can hold)
UNITS = {"sm_80": (65536, 8, 164 << 10, 2048), "sm_90": (65536, 8, 228 << 10, 2048),
         "gfx90a": (4 * 64 * 512, 8, 64 << 10, 2048), "gfx942": (4 * 64 * 512, 8, 64 << 10, 2048),
         "gfx1030": (2 * 32 * 1024, 8, 64 << 10, 1024), "gfx1100": (2 * 32 * 1536, 24, 64 << 10, 1024),
         "dg2": (16 * 8 * 1024, 1, 64 << 10, 1024)}


def groups_a_unit(code, registers, local, items):
    """Work-groups of so many work-items that a unit holds at once."""
    all_registers, granule, memory, most = UNITS[code]
    by_registers = all_registers // (math.ceil(registers / granule) * granule * items)
    by_memory = memory // local if local else by_registers
    return max(1, min(by_registers, by_memory, most // items))


def occupancy(code, registers, local, items):
    """The share of the work-items that a unit can hold."""
    return groups_a_unit(code, registers, local, items) * items / UNITS[code][3]
