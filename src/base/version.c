/* SPDX-License-Identifier: Apache-2.0 */
#include <clbert/api.h>

const char *clb_version(void)
{
    return CLBERT_VERSION;
}
