/* SPDX-License-Identifier: Apache-2.0 */
/* How many threads to work with. */
#ifndef BASE_THREADS_H
#define BASE_THREADS_H

/* `asked`, or, where that is 0, as many as this process may keep busy: the CPUs it may run on
 * (OMP_NUM_THREADS overrules), but no more than its container has a quota of, rounded up. */
int base_threads(int asked);

/* The quota of CPU time of this process's control groups and of those around them, in CPUs, as
 * Linux tells it below `root` ("" is the system's); INFINITY where there is none. Both versions of
 * cgroups: man 7 cgroups. */
double base_cpu_quota(const char *root);

#endif
