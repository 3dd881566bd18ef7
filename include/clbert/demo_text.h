/* SPDX-License-Identifier: Apache-2.0 */
/* The practice corpus: short Indonesian stories whose words determine each other. */
#ifndef CLBERT_DEMO_TEXT_H
#define CLBERT_DEMO_TEXT_H

#include <clbert/api.h>
#include <clbert/status.h>
#include <stdint.h>
#include <stdio.h>

CLB_BEGIN_DECLS

/* Writes story number `story` (not negative) of a seed: three to eight sentences, one a line,
 * without the blank line behind it. A pure function of both numbers; the first 900,000 stories of a
 * seed are all different. */
CLB_API enum clb_status clb_demo_story(uint64_t seed, int64_t story, FILE *stream);

/* Writes `documents` stories, a blank line after each. */
CLB_API enum clb_status clb_demo_text(uint64_t seed, int64_t documents, FILE *stream);

CLB_END_DECLS

#endif
