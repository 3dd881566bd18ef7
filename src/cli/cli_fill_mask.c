/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/json.h"
#include "cli/cli.h"

#include <clbert/predict.h>

#include <stdlib.h>
#include <string.h>

static const struct cli_usage usage = {
    .name = "fill-mask",
    .arguments = "--model DIR [--top-k N] TEXT...",
    .summary = "What the model guesses for every [MASK]. --json prints a line a text, as Hugging\n"
               "Face's fill-mask pipeline does: score, token, token_str, sequence.",
    .examples = "clbert fill-mask --model run \"Saya [MASK] nasi di [MASK].\"",
};

struct answer {
    struct clb_ids ids;
    int32_t *positions;
    struct clb_guess *guesses;
    int masks, top_k;
};

static void free_answer(struct answer *answer)
{
    clb_ids_free(&answer->ids);
    free(answer->positions);
    free(answer->guesses);
}

/* The text with one guess in its place. With one mask special tokens are left out and with several
 * they are kept, as Hugging Face's pipeline does. */
static enum clb_status filled_text(const struct clb_tokenizer *tokenizer, struct answer *answer,
                                   int mask, int32_t token, char **text)
{
    int32_t *place = &answer->ids.ids[answer->positions[mask]];
    int32_t kept = *place;
    *place = token;
    enum clb_status status = clb_tokenizer_decode(tokenizer, answer->ids.ids, answer->ids.count,
                                                  answer->masks == 1, text);
    *place = kept;
    return status;
}

static enum clb_status json_of_mask(const struct clb_tokenizer *tokenizer, struct answer *answer,
                                    int mask, json_t *list)
{
    enum clb_status status = CLB_OK;
    for (int k = 0; k < answer->top_k && status == CLB_OK; k++) {
        const struct clb_guess *guess = &answer->guesses[mask * answer->top_k + k];
        char *text = NULL;
        status = filled_text(tokenizer, answer, mask, guess->token, &text);
        if (status == CLB_OK)
            json_array_append_new(
                list, json_pack("{s:f, s:i, s:s, s:s}", "score", (double)guess->score, "token",
                                guess->token, "token_str",
                                clb_tokenizer_token(tokenizer, guess->token), "sequence", text));
        free(text);
    }
    return status;
}

static enum clb_status print_json(const struct clb_tokenizer *tokenizer, struct answer *answer)
{
    json_t *all = json_array();
    enum clb_status status = all ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "out of memory");
    for (int m = 0; m < answer->masks && status == CLB_OK; m++) {
        json_t *list = answer->masks == 1 ? json_incref(all) : json_array();
        status = json_of_mask(tokenizer, answer, m, list);
        if (answer->masks > 1)
            json_array_append_new(all, list);
        else
            json_decref(list);
    }
    if (status == CLB_OK) status = base_json_print(all);
    json_decref(all);
    return status;
}

static void print_table(const struct clb_tokenizer *tokenizer, const struct answer *answer,
                        const char *text)
{
    printf("%s\n", text);
    for (int m = 0; m < answer->masks; m++) {
        printf("  [MASK] %d:", m + 1);
        for (int k = 0; k < answer->top_k; k++) {
            const struct clb_guess *guess = &answer->guesses[m * answer->top_k + k];
            printf("  %s %.1f %%", clb_tokenizer_token(tokenizer, guess->token),
                   100 * (double)guess->score);
        }
        printf("\n");
    }
}

static enum clb_status answer_text(struct clb_predictor *predictor, const char *text, int top_k,
                                   bool json)
{
    const struct clb_tokenizer *tokenizer = clb_predictor_tokenizer(predictor);
    struct answer answer = {.top_k = top_k};
    enum clb_status status = clb_fill_mask(predictor, text, top_k, &answer.ids, &answer.positions,
                                           &answer.masks, &answer.guesses);
    if (status != CLB_OK) return status;
    if (json)
        status = print_json(tokenizer, &answer);
    else
        print_table(tokenizer, &answer, text);
    free_answer(&answer);
    return status;
}

enum clb_status command_fill_mask(int argc, const char **argv)
{
    char *model = NULL, *device_name = NULL, *precision = NULL;
    int top_k = 5, threads = 0, json = 0;
    const struct poptOption options[] = {
        {"model", 0, POPT_ARG_STRING, &model, 0, "model directory", "DIR"},
        {"top-k", 0, POPT_ARG_INT, &top_k, 0, "guesses a mask (5)", "N"},
        {"device", 0, POPT_ARG_STRING, &device_name, 0, "cpu (default), auto, opencl, ...",
         "DEVICE"},
        {"precision", 0, POPT_ARG_STRING, &precision, 0,
         "of products: fp32 (default), tf32, bf16 or fp16", "TYPE"},
        {"threads", 0, POPT_ARG_INT, &threads, 0, "threads of the CPU path (0: all)", "N"},
        {"json", 0, POPT_ARG_NONE, &json, 0, "one line of JSON a text", NULL},
        POPT_TABLEEND};
    struct clb_device *device = NULL;
    struct clb_predictor *predictor = NULL;
    poptContext context = NULL;
    const char **texts;
    int count;
    bool help = false;
    enum clb_type operands;
    enum clb_status status;
    CLB_TRY(cli_parse(&usage, options, argc, argv, &context, &texts, &count, &help));
    if (help) goto cleanup;
    CLB_TRY(cli_require(&usage, model, "--model DIR"));
    CLB_TRY(cli_require(&usage, texts[0], "a TEXT with [MASK]"));
    CLB_TRY(cli_precision(precision, &operands));
    CLB_TRY(clb_device_open(device_name ? device_name : "cpu", threads, &device));
    CLB_TRY(clb_predictor_open(device, model, operands, &predictor));
    for (int i = 0; i < count; i++) CLB_TRY(answer_text(predictor, texts[i], top_k, json));
cleanup:
    clb_predictor_close(predictor);
    clb_device_close(device);
    poptFreeContext(context);
    free(model);
    free(device_name);
    free(precision);
    return status;
}
