/* The practice corpus: short Indonesian stories whose words determine each other. */
#ifndef CLBERT_DEMO_TEXT_H
#define CLBERT_DEMO_TEXT_H

#include <clbert/status.h>
#include <stdint.h>
#include <stdio.h>

/* Writes story number `story` (not negative) of a seed: three to eight sentences, one a line,
 * without the blank line behind it. A pure function of both numbers; the first 900,000 stories of a
 * seed are all different. */
enum clb_status clb_demo_story(uint64_t seed, int64_t story, FILE *stream);

/* Writes `documents` stories, a blank line after each. */
enum clb_status clb_demo_text(uint64_t seed, int64_t documents, FILE *stream);

#endif
