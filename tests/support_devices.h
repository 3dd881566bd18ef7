/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices a test runs on: CLBERT_TEST_DEVICES (selectors, comma separated), or the CPU path
 * and every OpenCL device of the machine. */
#ifndef SUPPORT_DEVICES_H
#define SUPPORT_DEVICES_H

#include <clbert/device.h>

/* The number of devices, and their selectors. */
int support_device_count(void);
const char *support_device(int index);

/* Fails the test with the library's message where the status is not CLB_OK. */
void support_ok(enum clb_status status, const char *file, int line);
#define OK(expression) support_ok((expression), __FILE__, __LINE__)

#endif
