/* What a stream is made of, for the files of this room. */
#ifndef DATA_STREAM_H
#define DATA_STREAM_H

#include "data/masking.h"
#include "data/pairs.h"

#include <clbert/stream.h>

struct clb_stream {
    struct clb_stream_options options;
    const struct indexed *set;
    struct pairs pairs;
    struct masking masking;
};

#endif
