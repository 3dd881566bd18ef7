/* SPDX-License-Identifier: Apache-2.0 */
#include "support_devices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char selectors[16][64];
static int count = -1;

static void take(const char *selector)
{
    if (count < 16) snprintf(selectors[count++], sizeof selectors[0], "%s", selector);
}

static void find_devices(void)
{
    const char *chosen = getenv("CLBERT_TEST_DEVICES");
    count = 0;
    if (chosen && *chosen) {
        char *copy = strdup(chosen);
        for (char *s = strtok(copy, ","); s; s = strtok(NULL, ",")) take(s);
        free(copy);
        return;
    }
    struct clb_device_info *infos;
    int devices;
    OK(clb_device_list(&infos, &devices));
    for (int i = 0; i < devices; i++) take(infos[i].selector);
    free(infos);
}

int support_device_count(void)
{
    if (count < 0) find_devices();
    return count;
}

const char *support_device(int index)
{
    return selectors[index];
}

void support_ok(enum clb_status status, const char *file, int line)
{
    if (status == CLB_OK) return;
    print_error("%s:%d: %s\n", file, line, clb_error_message());
    _fail(file, line);
}
