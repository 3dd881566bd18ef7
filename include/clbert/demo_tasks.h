/* SPDX-License-Identifier: Apache-2.0 */
/* Practice tasks: labelled examples from the stories of the practice corpus (demo_text.h), in the
 * forms that fine-tuning reads (tasks.h). */
#ifndef CLBERT_DEMO_TASKS_H
#define CLBERT_DEMO_TASKS_H

#include <clbert/api.h>
#include <clbert/status.h>
#include <stdint.h>
#include <stdio.h>

CLB_BEGIN_DECLS

enum clb_demo_task {
    /* TSV: text, label. Two or three sentences of a story; the label is its scene (pasar, warung,
     * dapur, taman, malam, sekolah, sawah), and neither the label nor a place of the scene stands
     * in the text. Of any seven examples that follow a multiple of seven, one is of each scene. */
    CLB_DEMO_CLASSIFICATION,
    /* TSV: text_a, text_b, label. "lanjutan": text_b is the sentence behind text_a in a story;
     * "bukan": it is one of a story with another scene. Of two examples one is of each; by one text
     * alone they cannot be told apart. */
    CLB_DEMO_PAIRS,
    /* CoNLL: a sentence, word by word, with BIO tags of ORANG (persons), HEWAN (animals), MAKANAN
     * (food and drink), TEMPAT (places) and WAKTU (times). Of any seven that follow a multiple of
     * seven, each tag but O (I- has only ORANG and WAKTU) is in one at least. */
    CLB_DEMO_TOKENS,
    /* SQuAD 1.1: two sentences of a story and two of one with another scene, and one of the first
     * with a question word where something stood: "Budi makan apa di warung?". */
    CLB_DEMO_ANSWERS,
};

/* The task named "classification", "pairs", "tokens" or "answers"; another name:
 * CLB_ERROR_ARGUMENT that lists them. */
CLB_API enum clb_status clb_demo_task_named(const char *name, enum clb_demo_task *task);

/* Writes a whole file of `examples` examples. A pure function of task, seed and number; the first
 * examples of a longer file are those of a shorter one. Take a seed for the text that a model is
 * pretrained on, another to train the task and a third to test it. */
CLB_API enum clb_status clb_demo_examples(enum clb_demo_task task, uint64_t seed, int64_t examples,
                                          FILE *stream);

CLB_END_DECLS

#endif
