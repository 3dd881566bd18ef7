/* SPDX-License-Identifier: Apache-2.0 */
/* What other programs of the field call our options: Hugging Face's scripts, Megatron-LM, Google's
 * BERT, NVIDIA's. The first line whose option the command has is what is said. */
#include "base/error.h"
#include "cli/cli.h"

#include <string.h>

static const struct {
    const char *alias;  /* names, separated by spaces */
    const char *option; /* what it is called here */
    const char *more;   /* behind it, or NULL */
} aliases[] = {
    {"lr", "learning-rate", NULL},
    {"batch-size batch bs micro-batch-size per-gpu-train-batch-size per-gpu-batch-size "
     "per-device-batch-size train-batch-size train-micro-batch-size global-batch-size b",
     "per-device-train-batch-size", NULL},
    {"batch-size batch bs per-gpu-eval-batch-size per-device-batch-size eval-batch-size "
     "per-device-train-batch-size",
     "per-device-eval-batch-size", NULL},
    {"steps num-steps train-steps num-train-steps max-train-steps train-iters iterations iters "
     "total-steps",
     "max-steps", NULL},
    {"num-steps max-steps iters iterations", "steps", NULL},
    {"epochs epoch num-epochs n-epochs", "num-train-epochs", NULL},
    {"output out out-dir save save-dir save-path run-dir checkpoint-dir", "output-dir", NULL},
    {"output-dir out out-dir save-dir output-file output-path", "output", NULL},
    {"resume resume-from continue load load-checkpoint from-checkpoint", "resume-from-checkpoint",
     ": auto, or a checkpoint's directory"},
    {"overwrite-output-dir overwrite-output force", "overwrite", NULL},
    {"model-name-or-path model-name model-path model-dir checkpoint config-name config-file "
     "bert-config-file init-checkpoint pretrained-model",
     "model", NULL},
    {"tokenizer-name tokenizer-path tokenizer-dir vocab vocab-file vocab-path", "tokenizer", NULL},
    {"train-file train-data training-data dataset", "train", NULL},
    {"validation-file eval-file dev dev-file eval-data", "validation", NULL},
    {"test-file predict-file test-data", "test", NULL},
    {"task-name task-type", "task", NULL},
    {"patience", "early-stopping-patience", NULL},
    {"layerwise-lr-decay layer-wise-lr-decay llrd", "layer-decay", NULL},
    {"freeze frozen-layers", "freeze-layers", NULL},
    {"text-column-name sentence-column", "text-column", NULL},
    {"label-column-name target-column", "label-column", NULL},
    {"aggregation grouped-entities", "aggregation-strategy", NULL},
    {"dataset dataset-name dataset-path train-file train-data train-data-file data-path data-dir "
     "corpus corpora validation-file",
     "data", ": a corpus that clbert prepare made"},
    {"warmup-proportion warmup-fraction", "warmup-ratio", NULL},
    {"warmup num-warmup-steps lr-warmup-iters warmup-iters", "warmup-steps", ": a number of steps"},
    {"max-length max-len max-seq-len seq-length seq-len sequence-length block-size",
     "max-seq-length", NULL},
    {"mlm-prob masked-lm-prob mask-prob mask-probability masking-probability", "mlm-probability",
     NULL},
    {"short-seq-prob", "short-seq-probability", NULL},
    {"wwm do-whole-word-mask whole-word-masking", "whole-word-mask", NULL},
    {"span-masking spanbert", "span-mask", NULL},
    {"hidden-dropout hidden-dropout-prob attention-dropout attention-probs-dropout-prob "
     "dropout-prob",
     "dropout", ": of both hidden states and attention"},
    {"gradient-accumulation grad-accum accumulate accumulation-steps grad-accumulation-steps",
     "gradient-accumulation-steps", NULL},
    {"clip clip-grad clip-norm grad-clip gradient-clip gradient-clipping max-norm", "max-grad-norm",
     NULL},
    {"optimizer opt", "optim", NULL},
    {"wd decay", "weight-decay", NULL},
    {"beta1 adam-b1", "adam-beta1", NULL},
    {"beta2 adam-b2", "adam-beta2", NULL},
    {"eps epsilon adam-eps", "adam-epsilon", NULL},
    {"log-steps log-every log-interval", "logging-steps", NULL},
    {"eval-every eval-interval evaluation-steps validation-steps", "eval-steps", NULL},
    {"eval-iters max-eval-samples", "eval-samples", NULL},
    {"save-every save-interval checkpoint-steps checkpoint-interval save-checkpoints-steps",
     "save-steps", NULL},
    {"keep-checkpoints max-checkpoints keep-last", "save-total-limit", NULL},
    {"random-seed", "seed", NULL},
    {"lr-decay-style scheduler lr-scheduler schedule", "lr-scheduler-type", NULL},
    {"num-threads nthreads n-threads num-workers workers jobs num-proc preprocessing-num-workers "
     "dataloader-num-workers",
     "threads", NULL},
    {"topk k n-best", "top-k", NULL},
    {"cuda use-cuda gpu use-gpu gpus device-id ngpu num-gpus", "device",
     " opencl: any vendor's card, by its OpenCL driver"},
    {"no-cuda no-gpu use-cpu cpu", "device", " cpu"},
    {"do-lower-case lowercase uncased", "cased", ": text is lower-cased where that is not given"},
    {"text-column text-field text-column-name json-keys", "json-field", NULL},
    {"lang", "language", NULL},
    {"tf32", "precision", " tf32"},
    {"bf16", "precision", " bf16"},
    {"fp16 half", "precision", " fp16"},
    {"amp mixed-precision dtype torch-dtype", "precision", ": fp32, tf32, bf16 or fp16"},
};

/* Options of others that have no counterpart. */
static const struct {
    const char *alias, *why;
} without[] = {
    {"do-train do-eval do-predict", "the command says what is done: pretrain, evaluate"},
    {"local-rank nproc-per-node distributed ddp deepspeed fsdp", "one device is used at a time"},
};

/* Whether `name` is one of the words of `list`. */
static bool among(const char *name, const char *list)
{
    const size_t length = strlen(name);
    for (const char *at = list; *at; at += strspn(at, " ")) {
        const size_t word = strcspn(at, " ");
        if (word == length && strncmp(at, name, length) == 0) return true;
        at += word;
    }
    return false;
}

static bool has_option(const struct poptOption *options, const char *name)
{
    for (; options->longName; options++)
        if (strcmp(options->longName, name) == 0) return true;
    return false;
}

enum clb_status cli_explain_option(const char *given, const char *name,
                                   const struct poptOption *options)
{
    if (has_option(options, name)) /* spelled with underscores */
        return clb_fail(CLB_ERROR_ARGUMENT, "unknown option %s; here it is --%s", given, name);
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (among(name, aliases[i].alias) && has_option(options, aliases[i].option))
            return clb_fail(CLB_ERROR_ARGUMENT, "unknown option %s; here it is --%s%s", given,
                            aliases[i].option, aliases[i].more ? aliases[i].more : "");
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        if (among(name, without[i].alias))
            return clb_fail(CLB_ERROR_ARGUMENT, "unknown option %s; leave it out: %s", given,
                            without[i].why);
    return CLB_OK;
}

const char *cli_command_alias(const char *name)
{
    static const struct {
        const char *alias, *command;
    } commands[] = {
        {"train pre-train run-mlm", "pretrain"},
        {"benchmark", "bench"},
        {"test eval", "evaluate"},
        {"mask unmask", "fill-mask"},
        {"classify infer", "predict"},
        {"finetune train-task run-glue", "fine-tune"},
        {"nsp", "next-sentence"},
        {"preprocess", "prepare"},
        {"list info", "devices"},
        {"encode", "tokenize"},
        {"encode-sentences sentence-embeddings embeddings embed-sentences", "embed"},
        {"cosine cosine-similarity sts", "similarity"},
        {"train-tokenizer vocabulary", "vocab"},
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (among(name, commands[i].alias)) return commands[i].command;
    return NULL;
}
