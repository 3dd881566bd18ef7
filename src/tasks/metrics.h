/* SPDX-License-Identifier: Apache-2.0 */
/* How good guesses are, in the numbers that scikit-learn, scipy, seqeval and SQuAD's script give.
 * NaN is a number that is not defined, as the accuracy of no examples. */
#ifndef TASKS_METRICS_H
#define TASKS_METRICS_H

#include <clbert/status.h>
#include <stdint.h>

/* Precision, recall and F1 are 0 where they would divide by 0. */
struct tasks_f1 {
    double precision, recall, f1;
};
struct tasks_f1 tasks_f1_of(int64_t correct, int64_t guessed, int64_t true_count);

/* ---- classes: one of several ---- */

/* Adds to `confusion` [classes][classes], rows by truth, columns by guess, both in [0, classes).
 * Zero it first; batches may be added one after the other. */
void tasks_confusion_add(const int32_t *truth, const int32_t *guess, int64_t count, int classes,
                         int64_t *confusion);

struct tasks_class_scores {
    double accuracy;
    struct tasks_f1 macro;  /* the mean over the classes that occur in truth or guess */
    struct tasks_f1 micro;  /* of all decisions: each is the accuracy */
    struct tasks_f1 binary; /* class 1 is what is looked for */
    double matthews;        /* of any number of classes; 0 where truth or guess is one class only */
};
struct tasks_class_scores tasks_class_scores(const int64_t *confusion, int classes);

/* ---- labels: any of several ---- */

struct tasks_label_scores {
    struct tasks_f1 macro, micro; /* macro: the mean over all classes */
    double subset_accuracy;       /* examples with every class right */
    double auc_macro, auc_micro; /* area under the ROC curve; macro: the mean over classes that have
                                    both kinds of truth, micro: of all decisions */
    int auc_left_out;            /* classes without both */
};
/* Scores and truth (0 or not) are [count][classes]. Guessed is what is over the threshold: 0.5
 * where scores are probabilities, 0 where they are logits. CLB_ERROR_MEMORY. */
enum clb_status tasks_label_scores(const float *scores, const float *truth, int64_t count,
                                   int classes, float threshold, struct tasks_label_scores *result);

/* ---- numbers ---- */

struct tasks_number_scores {
    double mean_squared_error;
    double pearson, spearman; /* NaN where truth or guesses are all the same */
};
/* CLB_ERROR_MEMORY. */
enum clb_status tasks_number_scores(const float *truth, const float *guess, int64_t count,
                                    struct tasks_number_scores *result);

/* ---- entities: tags of tokens ---- */

/* A sentence's tags: IOB1, IOB2, IOBES or BIOES, as "B-PER", "I-PER", "E-PER", "S-PER" and "O". */
struct tasks_tagged {
    const char *const *truth, *const *guess;
    int64_t count;
};

struct tasks_entity_scores {
    struct tasks_f1 all; /* micro: of all entities */
    double accuracy;     /* of tags */
    int64_t tags, true_count;
    int types;
    struct tasks_entity_type {
        char *name; /* "PER"; "_" of tags without */
        struct tasks_f1 scores;
        int64_t correct, guessed, true_count;
    } * by_type; /* in order of their names' bytes */
};
/* An entity is right if its type and both its ends are. Where entities begin and end seqeval's
 * default mode says, also of tags that break the rules. Free `result` after success.
 * CLB_ERROR_MEMORY. */
enum clb_status tasks_entity_scores(const struct tasks_tagged *sentences, int64_t count,
                                    struct tasks_entity_scores *result);
void tasks_entity_scores_free(struct tasks_entity_scores *scores);

/* ---- answers ---- */

struct tasks_answer {
    const char *guess; /* "": there is none */
    const char *const *gold;
    int gold_count; /* 0: there is no answer */
};

struct tasks_answer_scores {
    struct tasks_answer_part {
        int64_t count;
        double exact, f1; /* in percent, 0 to 100 */
    } all, answerable, unanswerable;
};
/* Of each question what the guess scores with the gold answer that suits it best, in normal form;
 * gold answers of which nothing is left then do not count. CLB_ERROR_MEMORY. */
enum clb_status tasks_answer_scores(const struct tasks_answer *answers, int64_t count,
                                    struct tasks_answer_scores *result);

/* SQuAD's normal form, malloc'd: lower case, without ASCII's punctuation and the words a, an and
 * the, one blank between words. What is not UTF-8 counts as U+FFFD. CLB_ERROR_MEMORY. */
enum clb_status tasks_normal_answer(const char *text, char **normal);

#endif
