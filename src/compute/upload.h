/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to a device again and again, as batches do, without waiting for it: while the device
 * fetches one, the host makes the next in another place. */
#ifndef COMPUTE_UPLOAD_H
#define COMPUTE_UPLOAD_H

#include <clbert/device.h>

struct upload;

/* For up to `bytes` at a time. */
enum clb_status upload_create(struct clb_device *device, int64_t bytes, struct upload **upload);
/* NULL is allowed. */
void upload_destroy(struct upload *upload);

/* Where the next is to be made, until upload_send. Waits only where the device has not yet fetched
 * the one before the last. */
enum clb_status upload_next(struct upload *upload, void **memory);

/* Queues the copy of the first `count` elements made there to the tensor's beginning. */
enum clb_status upload_send(struct upload *upload, struct clb_tensor tensor, int64_t count);

#endif
