/* SPDX-License-Identifier: Apache-2.0 */
#include "base/files.h"
#include "compute/opencl/ocl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { LIMIT = 256 << 20 };

/* What stands before the content of a file: a driver may crash on a binary that is not whole. */
struct head {
    char magic[8];
    uint64_t size, checksum;
};
static const char magic[] = "clbcache";

char *ocl_cache_path(const struct clb_device_info *info, const char *prefix, const void *key,
                     size_t key_size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *directory = NULL, *path = NULL;
    if (cache && cache[0] == '/')
        directory = base_format("%s/clbert", cache);
    else if (home && home[0] == '/')
        directory = base_format("%s/.cache/clbert", home);
    char *identity = base_format("%s|%s|%s|%s|%s|%s", info->platform, info->vendor, info->name,
                                 info->driver, info->version, clb_version());
    if (directory && identity && base_make_directory(directory) == CLB_OK) {
        XXH64_hash_t hash = XXH64(identity, strlen(identity), 0);
        hash = XXH64(key, key_size, hash);
        path = base_format("%s/%s-%016llx.bin", directory, prefix, (unsigned long long)hash);
    }
    free(identity);
    free(directory);
    return path;
}

char *ocl_cache_read(const char *path, size_t *size)
{
    struct head head;
    char *bytes = NULL;
    size_t whole = 0;
    if (!path || !base_exists(path) ||
        base_file_read(path, "cache", LIMIT, &bytes, &whole) != CLB_OK)
        return NULL;
    *size = whole - sizeof head;
    if (whole >= sizeof head) {
        memcpy(&head, bytes, sizeof head);
        memmove(bytes, bytes + sizeof head, *size + 1); /* the 0 byte, too */
        if (memcmp(head.magic, magic, sizeof head.magic) == 0 && head.size == *size &&
            head.checksum == XXH64(bytes, *size, 0))
            return bytes;
    }
    free(bytes);
    unlink(path);
    return NULL;
}

/* A cache that cannot be written is no error: what it was to keep is there. */
void ocl_cache_write(const char *path, const void *bytes, size_t size)
{
    struct head head = {.size = size, .checksum = XXH64(bytes, size, 0)};
    char *whole = malloc(sizeof head + size);
    if (whole) {
        memcpy(head.magic, magic, sizeof head.magic);
        memcpy(whole, &head, sizeof head);
        memcpy(whole + sizeof head, bytes, size);
        (void)base_file_write(path, whole, sizeof head + size);
    }
    free(whole);
}
