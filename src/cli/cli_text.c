/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli_text.h"

#include "base/error.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum clb_status cli_check_texts(const struct clb_texts *texts)
{
    if (!texts->json_field || texts->format != CLB_TEXT_PLAIN) return CLB_OK;
    return clb_fail(CLB_ERROR_ARGUMENT, "--json-field is for JSON Lines, not for --format text");
}

void cli_print_speed(int64_t bytes, double seconds)
{
    const double mb = 1e-6 * (double)bytes;
    if (bytes < 1000)
        printf("%" PRId64 " bytes of text in %.2f s\n", bytes, seconds);
    else if (mb < 1)
        printf("%.1f kB of text in %.2f s\n", 1e3 * mb, seconds);
    else if (seconds < 0.05) /* start and end are most of it */
        printf("%.1f MB of text in %.2f s\n", mb, seconds);
    else
        printf("%.1f MB of text in %.1f s, %.1f MB/s\n", mb, seconds, mb / seconds);
}

static int64_t sum_of_skipped(const struct clb_text_report *r)
{
    int64_t sum = 0;
    for (int k = 0; k < r->kinds; k++) sum += r->skipped[k].files;
    return sum;
}

static void warn_of_markup(const struct clb_text_report *r)
{
    static const char *const looks[CLB_MARKUPS] = {"", "HTML, XML or a wiki's markup",
                                                   "tables (CSV)", "source code or JSON"};
    int64_t lines = r->lines[CLB_PROSE], marked = 0;
    int most = 1;
    for (int m = 1; m < CLB_MARKUPS; m++) {
        lines += r->lines[m];
        marked += r->lines[m];
        if (r->lines[m] > r->lines[most]) most = m;
    }
    if (2 * marked > lines)
        base_warn("%.0f %% of the lines look like %s, not like prose: take the text out of them "
                  "first",
                  100 * (double)marked / (double)lines, looks[most]);
}

void cli_print_texts(const struct clb_text_report *r)
{
    if (r->kinds) {
        printf("passed over %" PRId64 " files, which are no text:", sum_of_skipped(r));
        for (int k = 0; k < r->kinds; k++)
            printf("%s %s (%" PRId64 ")", k ? "," : "", r->skipped[k].name, r->skipped[k].files);
        printf("\n");
    }
    if (r->unreadable)
        printf("%" PRId64 " files could not be read, or not to their end\n", r->unreadable);
    warn_of_markup(r);
}
