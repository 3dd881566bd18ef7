/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream is made of, for the files of this room. */
#ifndef DATA_STREAM_H
#define DATA_STREAM_H

#include "data/masking.h"
#include "data/packing.h"
#include "data/pairs.h"

#include <clbert/stream.h>

/* One corpus of a blend. Of every STREAM_CYCLE examples it gives `share`, in places that are drawn
 * anew every cycle; where there is one corpus it gives all. */
enum { STREAM_CYCLE = 1000 };

struct stream_part {
    const struct indexed *set;
    struct pairs pairs;     /* or, without next sentence prediction, */
    struct packing packing; /* full sequences */
    int64_t examples;       /* in an epoch */
    uint64_t seed;          /* of this part */
    int32_t share, first;   /* places first .. first + share - 1 of a cycle */
};

struct clb_stream {
    struct clb_stream_options options;
    struct masking masking;
    int part_count;
    struct stream_part *parts;
};

/* Where an example comes from. */
struct stream_place {
    const struct stream_part *part;
    uint32_t epoch; /* of the part */
    int64_t index;  /* in that epoch */
    float mlm_probability;
    struct pair pair;
};

enum masking_unit stream_masking_unit(const struct clb_stream_options *options);
struct stream_place stream_place(const struct clb_stream *stream, int64_t number);
enum clb_status stream_example_at(const struct clb_stream *stream, const struct stream_place *place,
                                  struct clb_example *example);

#endif
