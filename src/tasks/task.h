/* SPDX-License-Identifier: Apache-2.0 */
/* A task: how its examples are read and made into sequences, which head has its loss, and what is
 * told of the head's answers. A new one is a struct task_kind in a file of its own. */
#ifndef TASKS_TASK_H
#define TASKS_TASK_H

#include <clbert/batch.h>
#include <clbert/config.h>
#include <clbert/model.h>
#include <clbert/stream.h>
#include <clbert/tasks.h>
#include <clbert/tokenizer.h>
#include <jansson.h>

/* ---- task_set.c: examples in memory ---- */

/* One record: ids of one text or two, without special tokens, and its labels. */
struct task_example {
    int64_t first_id;
    int32_t a, b; /* tokens of each */
    int64_t first_value;
    int32_t
        values; /* classes; or one a token, -100 where it has none; or the tokens of the second
                   text where the answer begins and ends, [0, 0] and no token where there is none */
    double number;
    int64_t first_sequence; /* after task_set_arrange */
    int32_t sequences;
};

/* What the model is shown of an example: all of it, or as much as fits; of a long context one of
 * several stretches. */
struct task_sequence {
    int64_t example;
    int32_t a, first_b, b; /* tokens of each, from that one of the second text on */
    int64_t first_row;     /* of the logits of a task with some for every token */
};

struct task_span {
    int32_t begin, end; /* in a text, code points */
};

struct task_set {
    const struct task_kind *kind;
    const struct clb_tokenizer *tokenizer;
    struct clb_task_columns columns;
    char separator;
    struct task_labels *labels;
    bool learns;   /* names of classes that are new become labels; else they are counted */
    bool labelled; /* every record must have its labels; else they are not looked at */
    bool keeps;    /* the records, for who tells of answers */
    int32_t max_answer_length; /* tokens */

    struct task_example *examples; /* [example_count] */
    json_t **records;              /* [example_count], or NULL */
    int32_t *ids;                  /* of all examples */
    struct task_span *spans;       /* [id_count] where each stands, for kinds that need it */
    int32_t *values;
    int64_t example_count, id_count, value_count;
    int64_t example_room, record_room, id_room, span_room, value_room;
    json_t *unknown; /* {name: how often} of classes that are no labels */

    int32_t max_seq_length;
    struct task_sequence *sequences; /* [count], after task_set_arrange */
    int64_t count, rows;             /* sequences; tokens of all of them, special ones too */
    int64_t truncated;               /* examples that did not fit */
};

struct task_set *task_set_create(const struct task_kind *kind,
                                 const struct clb_tokenizer *tokenizer, struct task_labels *labels);
void task_set_destroy(struct task_set *set);

/* Reads all records. Where `held` is not NULL, a share `fraction` of them, drawn from `seed` and
 * their numbers, goes there. Errors name file and line. */
enum clb_status task_set_read(struct task_set *set, struct task_set *held, double fraction,
                              uint64_t seed, const struct clb_examples *examples);
/* One record. `where` is for messages. */
enum clb_status task_set_add(struct task_set *set, json_t *record, const char *where);
/* Forgets all examples. */
void task_set_clear(struct task_set *set);
/* After labels have been sorted. */
void task_set_renumber(struct task_set *set, const int32_t *to);
/* An error that lists the classes that are no labels; CLB_OK where there are none. */
enum clb_status task_set_check_labels(const struct task_set *set, const char *what);

/* The tokens of an example, special ones too, of which a share `quantile` has no more. */
int32_t task_set_length(const struct task_set *set, double quantile);
/* Makes the sequences, of at most so many tokens. Two texts lose tokens from the longer one (as
 * Hugging Face's longest_first); a context is cut into stretches that overlap by doc_stride. */
enum clb_status task_set_arrange(struct task_set *set, int32_t max_seq_length, int32_t doc_stride);
int32_t task_sequence_length(const struct task_sequence *sequence);
/* The doc_stride that was asked for; negative: 128, or half of shorter sequences. */
int32_t task_doc_stride(int32_t asked, int32_t max_seq_length);
/* Appends a sequence to a batch, with labels where they are wanted. */
enum clb_status task_set_append(const struct task_set *set, int64_t sequence, bool labels,
                                struct clb_batch *batch);
/* A hash of all that is trained on. */
uint64_t task_set_hash(const struct task_set *set);

/* For the kinds: appends to the last example. */
enum clb_status task_set_encode(struct task_set *set, const char *text, int32_t *tokens);
enum clb_status task_set_value(struct task_set *set, int32_t value);
/* The class of a name, by the set's rules; -1: it is no label. */
enum clb_status task_set_class(struct task_set *set, const char *name, int32_t *id);

/* The endless row of a set's batches: every epoch in another order. */
struct task_batches {
    const struct task_set *set;
    uint64_t seed;
};
struct clb_batch_source task_set_batches(const struct task_batches *batches);

/* The code points of a text. */
int32_t task_code_points(const char *text);
/* Where code point `point` of a text begins, or its end. */
const char *task_at_code_point(const char *text, int64_t point);
/* The text between two code points of one; malloc'd, NULL: out of memory. */
char *task_cut(const char *text, int32_t begin, int32_t end);

/* ---- task_predict.c ---- */

/* The logits of all sequences: [count, num_labels], or [rows, num_labels or 2] where the kind has
 * some for every token. In batches of sequences of like lengths that the model has room for. */
enum clb_status task_predict(struct clb_model *model, const struct task_set *set, float *logits);
int64_t task_logit_rows(const struct task_set *set);
int32_t task_width(const struct task_set *set);

/* ---- reading a record (task_record.c) ---- */

/* The text of a column: a string, or a number or boolean as written. Missing, null or of another
 * kind: CLB_ERROR_FORMAT that lists the columns there are. Malloc'd. */
enum clb_status task_record_text(const json_t *record, const char *column, const char *where,
                                 char **text);
enum clb_status task_record_missing(const json_t *record, const char *column, const char *where);

/* ---- task_labels.c: the names of classes ---- */

struct task_labels {
    json_t *ids;  /* {name: number} */
    char **names; /* [count] */
    int32_t count;
};
/* The number of a name, -1: unknown; or a new one. */
int32_t task_labels_find(const struct task_labels *labels, const char *name);
enum clb_status task_labels_add(struct task_labels *labels, const char *name, int32_t *id);
/* Brings the names into order, that of `as` (of equal names) where it is not NULL, else numbers by
 * value and other names by code points; says where each number has gone: to[old], malloc'd. */
enum clb_status task_labels_order(struct task_labels *labels, const struct task_labels *as,
                                  int32_t **to);
/* Whether they have the same names. */
bool task_labels_equal(const struct task_labels *a, const struct task_labels *b);
/* Those in a model directory's config.json, with its other settings; LABEL_0, ... where it has no
 * names. */
enum clb_status task_labels_of_directory(const char *directory, struct clb_config *config,
                                         struct task_labels *labels);
void task_labels_free(struct task_labels *labels);

/* ---- kinds ---- */

/* How answers are told. */
struct task_answers {
    int top_k;           /* classes, or answers; 0: the best alone */
    double threshold;    /* of a class among several: 0.5 */
    enum task_grouping { /* of tokens, as Hugging Face's aggregation_strategy */
                         TASK_GROUP_NONE,
                         TASK_GROUP_SIMPLE,
                         TASK_GROUP_FIRST,
                         TASK_GROUP_AVERAGE,
                         TASK_GROUP_MAX,
    } grouping;
    int max_answer_length; /* tokens: 30 */
    bool no_answer;        /* may be the answer to a question */
};

struct task_kind {
    enum clb_task task;
    enum clb_architecture architecture;
    enum clb_problem_type problem_type;
    const char *head;             /* of the model: "sequence" */
    enum clb_record_format usual; /* what a file is that does not say it */
    bool has_labels;              /* classes with names: as many logits */
    int32_t width;                /* logits without names */
    bool per_token;               /* logits for every token, not for every sequence */
    const char *best;             /* the figure that decides which step is the best, */
    bool less_is_better;          /* and how */
    /* Adds the record's texts and, where the set is labelled, its labels. */
    enum clb_status (*read)(struct task_set *set, const json_t *record, const char *where);
    /* Gives the sequence that lies at `row` of the batch its labels. */
    enum clb_status (*label)(const struct task_set *set, int64_t sequence, struct clb_batch *batch,
                             int32_t row);
    /* The figures of all answers (task_predict) against the labels: "loss", "accuracy", ... */
    enum clb_status (*figures)(const struct task_set *set, const float *logits, json_t *figures);
    /* The loss of one example. */
    double (*loss)(const struct task_set *set, const float *logits, int64_t example);
    /* What Hugging Face's pipeline of the task says of one example; a new reference. */
    enum clb_status (*answer)(const struct task_set *set, const float *logits, int64_t example,
                              const struct task_answers *how, json_t **answer);
};

extern const struct task_kind task_classification, task_multi_label, task_regression, task_tokens,
    task_answers;
const struct task_kind *task_kind_of(enum clb_task task);

/* task_tokens.c: the text of a record, or its words with blanks between them; malloc'd. */
enum clb_status task_sentence_text(const struct task_set *set, const json_t *record, char **text);

/* task_entities.c: the answer of token classification. */
enum clb_status task_answer_entities(const struct task_set *set, const float *logits,
                                     int64_t example, const struct task_answers *how,
                                     json_t **answer);

#endif
