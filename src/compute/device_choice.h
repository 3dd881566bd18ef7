/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the listed devices a --device means: functions of the list alone. */
#ifndef COMPUTE_DEVICE_CHOICE_H
#define COMPUTE_DEVICE_CHOICE_H

#include "base/failure.h"

#include <clbert/device.h>

/* Whether `selector` is `word`, without regard to case. */
bool device_is_word(const char *selector, const char *word);
/* Whether it is "opencl:P.D"; its numbers. */
bool device_is_index(const char *selector, unsigned *platform, unsigned *device);

/* The better of two OpenCL devices: a discrete GPU before an integrated one before anything else;
 * then the higher estimate of fp32 speed, which is comparable across vendors: compute units x clock
 * x lanes, where a unit has 128 lanes on NVIDIA (a multiprocessor) and on AMD's RDNA (a work-group
 * processor), 64 on AMD's CDNA and elsewhere, 8 on Intel (an execution unit); then more memory. */
bool device_is_better(const struct clb_device_info *a, const struct clb_device_info *b);

/* The device that `selector` means (clb_device_open says how), and one line why. `problem`: what
 * failed while devices were listed, for the message where none is found. */
enum clb_status device_choose(const char *selector, const struct clb_device_info *infos, int count,
                              const struct base_failure *problem, int *chosen, char *reason,
                              size_t size);

#endif
