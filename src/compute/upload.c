/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/upload.h"

#include "base/error.h"
#include "compute/backend.h"

#include <stdlib.h>

enum { PLACES = 2 };

struct upload {
    struct clb_device *device;
    struct {
        void *handle, *memory; /* the backend's, and the same for the host */
        void *sent;            /* until the device has fetched it */
    } places[PLACES];
    int place; /* the next */
};

enum clb_status upload_create(struct clb_device *device, int64_t bytes, struct upload **out)
{
    struct upload *upload = calloc(1, sizeof *upload);
    enum clb_status status = CLB_OK;
    if (!upload) return clb_fail(CLB_ERROR_MEMORY, "batch: out of memory");
    upload->device = device;
    for (int i = 0; i < PLACES; i++)
        CLB_TRY(device->backend->allocate_host(device, bytes, &upload->places[i].handle,
                                               &upload->places[i].memory));
    *out = upload;
    return CLB_OK;
cleanup:
    upload_destroy(upload);
    return status;
}

static enum clb_status wait_for(struct upload *upload, int place)
{
    void *sent = upload->places[place].sent;
    upload->places[place].sent = NULL;
    return upload->device->backend->wait_sent(upload->device, sent);
}

void upload_destroy(struct upload *upload)
{
    if (!upload) return;
    for (int i = 0; i < PLACES; i++) {
        if (!upload->places[i].memory) continue;
        wait_for(upload, i);
        upload->device->backend->release_host(upload->device, upload->places[i].handle,
                                              upload->places[i].memory);
    }
    free(upload);
}

enum clb_status upload_next(struct upload *upload, void **memory)
{
    *memory = upload->places[upload->place].memory;
    return wait_for(upload, upload->place);
}

enum clb_status upload_send(struct upload *upload, struct clb_tensor tensor, int64_t count)
{
    struct clb_device *device = upload->device;
    const int64_t bytes = count * clb_type_size(tensor.type);
    const int place = upload->place;
    if (count > tensor.capacity) return clb_fail(CLB_ERROR_ARGUMENT, "batch: over its memory");
    upload->place = (place + 1) % PLACES;
    device->traffic.writes++;
    device->traffic.bytes += bytes;
    return device->backend->send(device, tensor.memory, upload->places[place].memory, bytes,
                                 &upload->places[place].sent);
}
