/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that read text share. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <clbert/status.h>
#include <clbert/text.h>

/* CLB_OK if the options of a text fit each other. */
enum clb_status cli_check_texts(const struct clb_texts *texts);

/* Prints how much text was read, how long it took, and, where that can be told, the speed. */
void cli_print_speed(int64_t bytes, double seconds);

/* Prints what was passed over, and warns of what does not look like prose. */
void cli_print_texts(const struct clb_text_report *report);

#endif
