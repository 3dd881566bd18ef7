/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/cli_examples.h"
#include "predict/task_model.h"

#include <clbert/device.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_usage usage = {
    .name = "predict",
    .arguments = "--model RUN [--input F|-] [OPTION...] [TEXT...]",
    .summary =
        "What a model from clbert fine-tune, or any BERT of Hugging Face's with a task's head,\n"
        "says of texts: arguments, lines of a file or of standard input, or TSV, CSV, JSON Lines\n"
        "and SQuAD files with the columns of fine-tune. Answers come in the order of the input.\n"
        "With --json a line an input, as Hugging Face's pipeline of the task gives it.",
    .examples = "clbert predict --model task \"Filmnya bagus sekali.\"\n"
                "clbert predict --model ner --input text.txt --aggregation-strategy simple --json\n"
                "clbert predict --model qa --question \"Siapa?\" --context \"Budi makan nasi.\"",
};

struct arguments {
    char *model, *input, *device, *precision, *question, *context, *pair, *aggregation;
    struct cli_examples examples;
    struct task_model_settings settings;
    struct task_answers how;
    int threads, json, no_answer;
};

enum { OWN_OPTIONS = 17 };

static void make_options(struct arguments *a, struct poptOption *table)
{
    const struct poptOption own[OWN_OPTIONS] = {
        {"model", 0, POPT_ARG_STRING, &a->model, 0, "model directory", "RUN"},
        {"input", 0, POPT_ARG_STRING, &a->input, 0, "file, or - for standard input", "F"},
        {"question", 0, POPT_ARG_STRING, &a->question, 0, "to be answered from --context", "TEXT"},
        {"context", 0, POPT_ARG_STRING, &a->context, 0, "where the answer stands", "TEXT"},
        {"text-pair", 0, POPT_ARG_STRING, &a->pair, 0, "second text of a pair, to one TEXT",
         "TEXT"},
        {"top-k", 0, POPT_ARG_INT, &a->how.top_k, 0, "so many labels or answers, as a list", "N"},
        {"threshold", 0, POPT_ARG_DOUBLE, &a->how.threshold, 0,
         "labels of several that are over it (0.5)", "X"},
        {"aggregation-strategy", 0, POPT_ARG_STRING, &a->aggregation, 0,
         "of tokens: none (default), simple, first, average or max", "S"},
        {"max-answer-length", 0, POPT_ARG_INT, &a->how.max_answer_length, 0, "tokens (30)", "N"},
        {"no-answer", 0, POPT_ARG_NONE, &a->no_answer, 0, "a question may have no answer", NULL},
        {"max-seq-length", 0, POPT_ARG_INT, &a->settings.max_seq_length, 0,
         "tokens at most (what the model takes; of questions 384)", "N"},
        {"doc-stride", 0, POPT_ARG_INT, &a->settings.doc_stride, 0,
         "tokens that stretches of a long context share (128, at most half)", "N"},
        {"batch-size", 0, POPT_ARG_INT, &a->settings.batch_size, 0, "sequences (32)", "N"},
        {"device", 0, POPT_ARG_STRING, &a->device, 0, "auto (default), cpu, opencl, ...", "DEVICE"},
        {"threads", 0, POPT_ARG_INT, &a->threads, 0, "threads of the CPU path (0: all)", "N"},
        {"precision", 0, POPT_ARG_STRING, &a->precision, 0,
         "of products: fp32 (default), tf32, bf16 or fp16", "TYPE"},
        {"json", 0, POPT_ARG_NONE, &a->json, 0, "a line of JSON an input", NULL},
    };
    memcpy(table, own, sizeof own);
    table += OWN_OPTIONS;
    cli_examples_options(&a->examples, &table);
    *table = (struct poptOption)POPT_TABLEEND;
}

static enum clb_status take_grouping(const char *name, enum task_grouping *grouping)
{
    static const char *const names[] = {"none", "simple", "first", "average", "max"};
    for (int i = 0; i < 5; i++) {
        if (name && strcmp(name, names[i]) != 0) continue;
        *grouping = (enum task_grouping)i;
        return CLB_OK;
    }
    return clb_fail(CLB_ERROR_ARGUMENT,
                    "--aggregation-strategy %s is unknown; there are: none, simple, first, "
                    "average, max",
                    name);
}

/* ---- answers ---- */

static double score_of(const json_t *answer)
{
    return json_number_value(json_object_get(answer, "score"));
}

static const char *text_of(const json_t *answer, const char *key)
{
    const char *text = json_string_value(json_object_get(answer, key));
    return text ? text : "";
}

static void print_one(const json_t *answer)
{
    if (json_is_number(answer)) {
        printf("%.6g", json_number_value(answer));
    } else if (json_object_get(answer, "label")) {
        printf("%s %.4f", text_of(answer, "label"), score_of(answer));
    } else if (json_object_get(answer, "answer")) {
        printf("%s %.4f", text_of(answer, "answer"), score_of(answer));
    } else {
        const bool grouped = json_object_get(answer, "entity_group") != NULL;
        printf("%s: %s %.4f", text_of(answer, grouped ? "entity_group" : "entity"),
               text_of(answer, "word"), score_of(answer));
    }
}

/* For people: the answers, then what was asked, behind a tab. */
static void print_line(const json_t *record, const json_t *answer)
{
    static const char *const keys[] = {"text", "text_a", "text_b", "question"};
    size_t i;
    const json_t *one;
    if (!json_is_array(answer)) print_one(answer);
    json_array_foreach(answer, i, one)
    {
        if (i > 0) printf("; ");
        print_one(one);
    }
    if (json_is_array(answer) && json_array_size(answer) == 0) printf("-");
    for (int k = 0; k < 4; k++) {
        const char *text = json_string_value(json_object_get(record, keys[k]));
        if (text) printf("\t%s", text);
    }
    printf("\n");
}

static enum clb_status print_answer(void *context, const json_t *record, const json_t *answer)
{
    const struct arguments *a = context;
    enum clb_status status = CLB_OK;
    if (a->json)
        status = base_json_print(answer);
    else
        print_line(record, answer);
    if (status == CLB_OK && ferror(stdout))
        status = clb_fail(CLB_ERROR_IO, "standard output cannot be written");
    return status;
}

/* ---- questions ---- */

static json_t *record_of(const struct arguments *a, const struct clb_task_columns *c,
                         const char *text)
{
    if (a->question)
        return json_pack("{s:s, s:s}", c->question, a->question, c->context, a->context);
    if (a->pair) return json_pack("{s:s, s:s}", c->text_a, text, c->text_b, a->pair);
    return json_pack("{s:s}", c->text, text);
}

static enum clb_status ask_arguments(struct arguments *a, struct task_model *model,
                                     const struct clb_task_columns *columns, const char **texts,
                                     int count)
{
    enum clb_status status = CLB_OK;
    for (int i = 0; i < count && status == CLB_OK; i++) {
        json_t *record = record_of(a, columns, texts[i]);
        if (!record)
            status = clb_fail(CLB_ERROR_ARGUMENT, "\"%s\": is not UTF-8", texts[i]);
        else
            status = task_model_ask(model, &record, 1, &a->how, print_answer, a);
        json_decref(record);
    }
    return status;
}

static enum clb_status ask_input(struct arguments *a, struct task_model *model,
                                 struct clb_examples *examples)
{
    const char *path = a->input ? a->input : "-";
    int64_t cut;
    examples->paths = &path;
    examples->count = 1;
    const enum clb_status status =
        task_model_predict(model, examples, &a->how, print_answer, a, &cut);
    if (status == CLB_OK && cut > 0)
        base_warn("%" PRId64 " texts were longer than the model takes, and were cut", cut);
    return status;
}

static enum clb_status check(const struct arguments *a, const struct task_kind *kind, int texts)
{
    const bool answers = kind->task == CLB_TASK_QUESTION_ANSWERING;
    if (!a->question != !a->context)
        return clb_fail(CLB_ERROR_ARGUMENT, "--question needs --context, and it a --question");
    if (a->question && !answers)
        return clb_fail(CLB_ERROR_ARGUMENT, "--question: the model is for %s",
                        clb_task_name(kind->task));
    if (texts > 0 && answers)
        return clb_fail(CLB_ERROR_ARGUMENT, "the model answers questions: give it --question and "
                                            "--context, or --input");
    if (texts > 0 && a->input)
        return clb_fail(CLB_ERROR_ARGUMENT, "--input, or texts as arguments, not both");
    if (a->pair && texts != 1)
        return clb_fail(CLB_ERROR_ARGUMENT, "--text-pair needs one TEXT before it");
    if (a->how.top_k < 0 || a->how.max_answer_length < 1)
        return clb_fail(CLB_ERROR_ARGUMENT, "--top-k and --max-answer-length should be at least 1");
    return CLB_OK;
}

static enum clb_status predict(struct arguments *a, const char **texts, int count)
{
    struct clb_examples examples = {0};
    struct clb_device *device = NULL;
    struct task_model *model = NULL;
    const struct task_kind *kind = NULL;
    enum clb_status status;
    CLB_TRY(take_grouping(a->aggregation, &a->how.grouping));
    CLB_TRY(cli_precision(a->precision, &a->settings.precision));
    CLB_TRY(cli_examples_take(&a->examples, &examples));
    CLB_TRY(task_model_kind_of(a->model, &kind));
    if (kind) CLB_TRY(check(a, kind, count));
    CLB_TRY(clb_device_open(a->device ? a->device : "auto", a->threads, &device));
    CLB_TRY(task_model_open(device, a->model, &a->settings, &model));
    if (a->question)
        status = ask_arguments(a, model, &examples.columns, (const char *[]){""}, 1);
    else if (count > 0)
        status = ask_arguments(a, model, &examples.columns, texts, count);
    else
        status = ask_input(a, model, &examples);
cleanup:
    task_model_close(model);
    clb_device_close(device);
    return status;
}

static void free_arguments(struct arguments *a)
{
    cli_examples_free(&a->examples);
    free(a->model);
    free(a->input);
    free(a->device);
    free(a->precision);
    free(a->question);
    free(a->context);
    free(a->pair);
    free(a->aggregation);
}

enum clb_status command_predict(int argc, const char **argv)
{
    struct arguments a = {.settings = {.batch_size = 32, .doc_stride = -1, .max_answer_length = 30},
                          .how = {.threshold = 0.5, .max_answer_length = 30}};
    struct poptOption options[OWN_OPTIONS + CLI_EXAMPLES_OPTIONS + 1];
    poptContext context = NULL;
    const char **rest;
    int rest_count;
    bool help = false;
    enum clb_status status;
    make_options(&a, options);
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &rest, &rest_count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_require(&usage, a.model, "--model RUN"));
    a.how.no_answer = a.no_answer;
    CLB_TRY(predict(&a, rest, rest_count));
cleanup:
    poptFreeContext(context);
    free_arguments(&a);
    return status;
}
