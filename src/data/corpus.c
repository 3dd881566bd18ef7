/* SPDX-License-Identifier: Apache-2.0 */
#include "data/corpus.h"

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/staging.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct clb_corpus {
    char *directory;
    struct clb_tokenizer *tokenizer;
    struct indexed splits[2];
    uint64_t hash;           /* of the blend, in its first corpus */
    char *name;              /* of the blend, in its first corpus */
    double weight;           /* 0: by size */
    struct clb_corpus *next; /* of a blend */
};

#define LEAST_SHARE 1e-6 /* of the greatest weight */

static const char *const split_names[2] = {"train", "validation"};

static enum clb_status check_version(const json_t *json, const char *path)
{
    int64_t version = CORPUS_VERSION;
    enum clb_status status = base_json_get_int(json, path, "version", &version);
    if (status == CLB_OK && (version < 1 || version > CORPUS_VERSION))
        status = clb_fail(CLB_ERROR_FORMAT,
                          "%s: is of version %lld; this clbert reads %d: take a newer one, or "
                          "prepare the corpus again",
                          path, (long long)version, CORPUS_VERSION);
    return status;
}

static enum clb_status check_vocabulary(const struct clb_corpus *corpus, const json_t *json,
                                        const char *path)
{
    char *text, expected[32];
    enum clb_status status = base_json_get_string(json, path, "tokenizer", &text);
    if (status != CLB_OK) return status;
    snprintf(expected, sizeof expected, "%016" PRIx64, clb_tokenizer_hash(corpus->tokenizer));
    if (!text || strcmp(text, expected) != 0)
        status =
            clb_fail(CLB_ERROR_FORMAT,
                     "%s: the corpus was made with another vocabulary than the vocab.txt beside "
                     "it: prepare it again",
                     path);
    free(text);
    return status;
}

static enum clb_status check_counts(const struct clb_corpus *corpus, int split, const json_t *json,
                                    const char *path)
{
    const json_t *counts = json_object_get(json, split_names[split]);
    int64_t sentences = -1, tokens = -1;
    enum clb_status status;
    CLB_TRY(base_json_get_int(counts, path, "sentences", &sentences));
    CLB_TRY(base_json_get_int(counts, path, "tokens", &tokens));
    if (sentences != corpus->splits[split].sentences || tokens != corpus->splits[split].tokens)
        status = clb_fail(CLB_ERROR_FORMAT,
                          "%s: %s.idx is of another corpus than corpus.json: prepare it again",
                          path, split_names[split]);
cleanup:
    return status;
}

static enum clb_status open_parts(struct clb_corpus *corpus)
{
    char *path = base_format("%s/corpus.json", corpus->directory);
    json_t *json = NULL;
    enum clb_status status;
    if (!path) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", corpus->directory);
    CLB_TRY(base_staging_recover(corpus->directory));
    if (!base_exists(path)) {
        status = clb_fail(CLB_ERROR_IO,
                          "%s: is no corpus: it has no corpus.json; make one by clbert "
                          "prepare",
                          corpus->directory);
        goto cleanup;
    }
    CLB_TRY(base_json_read(path, "corpus description", &json));
    CLB_TRY(check_version(json, path));
    CLB_TRY(clb_tokenizer_open(corpus->directory, &corpus->tokenizer));
    CLB_TRY(check_vocabulary(corpus, json, path));
    for (int s = 0; s < 2; s++) {
        char *prefix = base_format("%s/%s", corpus->directory, split_names[s]);
        status = prefix ? indexed_open(prefix, &corpus->splits[s])
                        : clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", corpus->directory);
        free(prefix);
        if (status != CLB_OK) goto cleanup;
        CLB_TRY(check_counts(corpus, s, json, path));
    }
cleanup:
    json_decref(json);
    free(path);
    return status;
}

static uint64_t hash_of(const struct clb_corpus *corpus)
{
    uint64_t facts[7] = {clb_tokenizer_hash(corpus->tokenizer)};
    for (int s = 0; s < 2; s++) {
        facts[1 + 3 * s] = (uint64_t)corpus->splits[s].sentences;
        facts[2 + 3 * s] = (uint64_t)corpus->splits[s].documents;
        facts[3 + 3 * s] = (uint64_t)corpus->splits[s].tokens;
    }
    return XXH64(facts, sizeof facts, 0);
}

enum clb_status clb_corpus_open(const char *directory, struct clb_corpus **out)
{
    return clb_corpora_open(&directory, 1, out);
}

/* ---- several ---- */

/* "DIR:WEIGHT", or "DIR" alone; a directory whose own name ends so is taken as it is. */
static enum clb_status take_spec(struct clb_corpus *corpus, const char *spec)
{
    const char *colon = base_exists(spec) ? NULL : strrchr(spec, ':');
    char *end = NULL;
    corpus->directory = colon ? strndup(spec, (size_t)(colon - spec)) : strdup(spec);
    if (!corpus->directory) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", spec);
    if (!colon) return CLB_OK;
    corpus->weight = strtod(colon + 1, &end);
    if (*end == 0 && end > colon + 1 && corpus->weight > 0 && isfinite(corpus->weight))
        return CLB_OK;
    return clb_fail(CLB_ERROR_ARGUMENT,
                    "%s: the weight of a corpus is a number above 0, as in %s:0.7", spec,
                    corpus->directory);
}

static enum clb_status open_one(const char *spec, struct clb_corpus **out)
{
    struct clb_corpus *corpus = calloc(1, sizeof *corpus);
    enum clb_status status;
    if (!corpus) return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", spec);
    CLB_TRY(take_spec(corpus, spec));
    CLB_TRY(open_parts(corpus));
    corpus->hash = hash_of(corpus);
    *out = corpus;
    corpus = NULL;
cleanup:
    clb_corpus_close(corpus);
    return status;
}

/* Weights may be of any size, but each must matter beside the others. */
static enum clb_status check_weights(const struct clb_corpus *first)
{
    double greatest = 0;
    for (const struct clb_corpus *c = first; c; c = c->next) greatest = fmax(greatest, c->weight);
    for (const struct clb_corpus *c = first; c; c = c->next)
        if (c->weight < greatest * LEAST_SHARE)
            return clb_fail(CLB_ERROR_ARGUMENT,
                            "%s: its weight, %g, is less than a millionth of another's, %g: leave "
                            "it out, or give it more",
                            c->directory, c->weight, greatest);
    return CLB_OK;
}

static enum clb_status check_blend(const struct clb_corpus *first)
{
    for (const struct clb_corpus *c = first->next; c; c = c->next) {
        if (clb_tokenizer_hash(c->tokenizer) != clb_tokenizer_hash(first->tokenizer))
            return clb_fail(CLB_ERROR_ARGUMENT,
                            "%s: was made with another vocabulary than %s: prepare both with one",
                            c->directory, first->directory);
        if ((c->weight > 0) != (first->weight > 0))
            return clb_fail(CLB_ERROR_ARGUMENT, "%s: give every corpus a weight, or none",
                            c->directory);
    }
    return first->weight > 0 ? check_weights(first) : CLB_OK;
}

/* What the blend is called and known by, kept in its first corpus. */
static enum clb_status name_blend(struct clb_corpus *first, const char *const *specs, int count)
{
    first->name = strdup(specs[0]);
    for (int i = 1; i < count && first->name; i++) {
        char *longer = base_format("%s %s", first->name, specs[i]);
        free(first->name);
        first->name = longer;
    }
    for (const struct clb_corpus *c = first->next; c; c = c->next) {
        const uint64_t hashes[2] = {first->hash, c->hash};
        const double weights[2] = {first->weight, c->weight};
        first->hash = XXH64(hashes, sizeof hashes, XXH64(weights, sizeof weights, 0));
    }
    return first->name ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", specs[0]);
}

enum clb_status clb_corpora_open(const char *const *specs, int count, struct clb_corpus **out)
{
    struct clb_corpus *first = NULL, **last = &first;
    enum clb_status status = CLB_OK;
    if (count < 1) return clb_fail(CLB_ERROR_ARGUMENT, "no corpus is named");
    for (int i = 0; i < count; i++, last = &(*last)->next) CLB_TRY(open_one(specs[i], last));
    CLB_TRY(check_blend(first));
    CLB_TRY(name_blend(first, specs, count));
    *out = first;
    first = NULL;
cleanup:
    clb_corpus_close(first);
    return status;
}

void clb_corpus_close(struct clb_corpus *corpus)
{
    while (corpus) {
        struct clb_corpus *next = corpus->next;
        for (int s = 0; s < 2; s++) indexed_close(&corpus->splits[s]);
        clb_tokenizer_close(corpus->tokenizer);
        free(corpus->directory);
        free(corpus->name);
        free(corpus);
        corpus = next;
    }
}

const struct clb_tokenizer *clb_corpus_tokenizer(const struct clb_corpus *corpus)
{
    return corpus->tokenizer;
}

const char *clb_corpus_directory(const struct clb_corpus *corpus)
{
    return corpus->name;
}

const struct clb_corpus *corpus_next(const struct clb_corpus *corpus)
{
    return corpus->next;
}

double corpus_weight(const struct clb_corpus *corpus)
{
    return corpus->weight;
}

const struct indexed *corpus_split(const struct clb_corpus *corpus, enum clb_split split)
{
    return &corpus->splits[split];
}

int64_t clb_corpus_documents(const struct clb_corpus *corpus, enum clb_split split)
{
    int64_t sum = 0;
    for (; corpus; corpus = corpus->next) sum += corpus->splits[split].documents;
    return sum;
}

int64_t clb_corpus_sentences(const struct clb_corpus *corpus, enum clb_split split)
{
    int64_t sum = 0;
    for (; corpus; corpus = corpus->next) sum += corpus->splits[split].sentences;
    return sum;
}

int64_t clb_corpus_tokens(const struct clb_corpus *corpus, enum clb_split split)
{
    int64_t sum = 0;
    for (; corpus; corpus = corpus->next) sum += corpus->splits[split].tokens;
    return sum;
}

bool clb_corpus_pairs(const struct clb_corpus *corpus, enum clb_split split)
{
    while (corpus && corpus->splits[split].documents < 2) corpus = corpus->next;
    return corpus != NULL;
}

uint64_t clb_corpus_hash(const struct clb_corpus *corpus)
{
    return corpus->hash;
}
