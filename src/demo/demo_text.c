/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "demo/story.h"

#include <clbert/demo_text.h>
#include <errno.h>
#include <string.h>

enum clb_status clb_demo_story(uint64_t seed, int64_t story, FILE *stream)
{
    struct story s;
    struct story_text text;
    story_choose(&s, seed, (uint64_t)story);
    for (int stage = 0; stage < STORY_STAGES; stage++) {
        if (!s.sentences[stage]) continue;
        story_write(&s, s.sentences[stage], &text);
        fprintf(stream, "%s\n", text.text);
    }
    return ferror(stream)
               ? clb_fail(CLB_ERROR_IO, "the stories cannot be written: %s", strerror(errno))
               : CLB_OK;
}

enum clb_status clb_demo_text(uint64_t seed, int64_t documents, FILE *stream)
{
    enum clb_status status = CLB_OK;
    for (int64_t d = 0; d < documents && status == CLB_OK; d++) {
        status = clb_demo_story(seed, d, stream);
        fputc('\n', stream);
    }
    return status;
}
