/* SPDX-License-Identifier: Apache-2.0 */
#include "train/run_directory.h"

#include "base/directory.h"
#include "base/error.h"
#include "base/files.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/partial.h"
#include "train/run.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "checkpoint-"

static enum clb_status out_of_memory(const char *where)
{
    return clb_fail(CLB_ERROR_MEMORY, "%s: out of memory", where);
}

char *train_checkpoint_path(const char *directory, int64_t step)
{
    return base_format("%s/" PREFIX "%" PRId64, directory, step);
}

/* ---- which checkpoints there are ---- */

enum name_kind { FOREIGN, ODD, CHECKPOINT };

/* "checkpoint-" and digits may still be no name that was written here. */
static enum name_kind checkpoint_step(const char *directory, const char *name, int64_t *step)
{
    const char *digits = name + strlen(PREFIX);
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0) return FOREIGN;
    if (!*digits || digits[strspn(digits, "0123456789")]) return FOREIGN;
    if (strlen(digits) > 18 || *digits == '0') return ODD;
    *step = strtoll(digits, NULL, 10);
    char *path = base_format("%s/%s", directory, name);
    const bool is_directory = path && base_is_directory(path);
    free(path);
    return is_directory ? CHECKPOINT : ODD;
}

static enum clb_status add_step(struct train_checkpoints *c, const char *directory, int64_t step)
{
    int64_t *more = realloc(c->steps, ((size_t)c->count + 1) * sizeof *more);
    if (!more) return out_of_memory(directory);
    c->steps = more;
    int at = c->count++;
    for (; at > 0 && more[at - 1] > step; at--) more[at] = more[at - 1];
    more[at] = step;
    return CLB_OK;
}

enum clb_status train_checkpoints_list(const char *directory, bool say, struct train_checkpoints *c)
{
    *c = (struct train_checkpoints){0};
    DIR *stream = opendir(directory);
    if (!stream)
        return errno == ENOENT
                   ? CLB_OK
                   : clb_fail(CLB_ERROR_IO, "%s: cannot be read: %s", directory, strerror(errno));
    enum clb_status status = CLB_OK;
    for (struct dirent *entry; status == CLB_OK && (entry = readdir(stream));) {
        int64_t step;
        const enum name_kind kind = checkpoint_step(directory, entry->d_name, &step);
        if (kind == CHECKPOINT) status = add_step(c, directory, step);
        if (kind == ODD && say)
            base_warn("%s/%s is not a checkpoint: passed over", directory, entry->d_name);
    }
    closedir(stream);
    return status;
}

/* ---- deciding ---- */

static bool is_filled(const char *directory, const char *name)
{
    struct stat info;
    char *path = base_format("%s/%s", directory, name);
    const bool filled = path && stat(path, &info) == 0 && info.st_size > 0;
    free(path);
    return filled;
}

/* The newest checkpoint that is whole. */
static enum clb_status find_newest(const char *directory, char **checkpoint)
{
    struct train_checkpoints c;
    enum clb_status status;
    CLB_TRY(train_checkpoints_list(directory, true, &c));
    for (int i = c.count - 1; i >= 0 && !*checkpoint; i--) {
        char *path = train_checkpoint_path(directory, c.steps[i]);
        if (!path) {
            status = out_of_memory(directory);
            break;
        }
        if (train_checkpoint_check(path) == CLB_OK) {
            *checkpoint = path;
        } else {
            base_warn("%s is passed over: %s", path, clb_error_message());
            free(path);
        }
    }
    if (status == CLB_OK && c.count > 0 && !*checkpoint)
        status = clb_fail(CLB_ERROR_FORMAT,
                          "%s: none of its %d checkpoints is whole; start again by --overwrite",
                          directory, c.count);
cleanup:
    free(c.steps);
    return status;
}

static enum clb_status find_named(const char *path, char **checkpoint)
{
    if (!base_exists(path))
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "--resume-from-checkpoint %s: there is no such checkpoint", path);
    enum clb_status status = train_checkpoint_check(path);
    if (status != CLB_OK) {
        struct train_checkpoints c = {0};
        const bool is_run = base_is_directory(path) &&
                            train_checkpoints_list(path, false, &c) == CLB_OK && c.count > 0;
        if (is_run)
            clb_fail(status, "is a run, its newest checkpoint is %s/" PREFIX "%" PRId64, path,
                     c.steps[c.count - 1]);
        free(c.steps);
        return clb_fail_context(status, "--resume-from-checkpoint %s", path);
    }
    *checkpoint = strdup(path);
    return *checkpoint ? CLB_OK : out_of_memory(path);
}

/* Whether `path` is `directory` or lies in it. */
static bool lies_in(const char *path, const char *directory)
{
    char *inner = realpath(path, NULL), *outer = realpath(directory, NULL);
    const size_t length = outer ? strlen(outer) : 0;
    const bool in = inner && outer && strncmp(inner, outer, length) == 0 &&
                    (inner[length] == 0 || inner[length] == '/');
    free(inner);
    free(outer);
    return in;
}

/* Whether something lies here that another run's first step would spoil. A failed run may have left
 * an empty metrics.jsonl; a run killed before its first checkpoint some lines, which are no reason
 * to refuse its own command with --resume-from-checkpoint auto. */
static bool holds_run(const char *directory, int checkpoints, bool resume)
{
    return checkpoints > 0 || is_filled(directory, "model.safetensors") ||
           (!resume && is_filled(directory, "metrics.jsonl"));
}

static enum clb_status decide_new(const struct clb_training_options *o, struct train_directory *d)
{
    struct train_checkpoints c;
    enum clb_status status = train_checkpoints_list(d->path, false, &c);
    free(c.steps);
    if (status != CLB_OK || !holds_run(d->path, c.count, o->resume_from_checkpoint != NULL))
        return status;
    if (!o->overwrite)
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "%s: holds another run; go on with it by --resume-from-checkpoint auto, "
                        "replace it by --overwrite, or choose another --output-dir",
                        d->path);
    const char *start = d->checkpoint ? d->checkpoint : o->model;
    if (start && lies_in(start, d->path))
        return clb_fail(CLB_ERROR_ARGUMENT,
                        "%s: lies in the --output-dir that --overwrite replaces: choose another "
                        "--output-dir",
                        start);
    d->replace = true;
    return CLB_OK;
}

static enum clb_status decide(const struct clb_training_options *o, struct train_directory *d)
{
    const char *resume = o->resume_from_checkpoint;
    enum clb_status status = CLB_OK;
    if (resume && strcmp(resume, "auto") == 0)
        status = find_newest(d->path, &d->checkpoint);
    else if (resume)
        status = find_named(resume, &d->checkpoint);
    if (status != CLB_OK) return status;
    d->ours = d->checkpoint && lies_in(d->checkpoint, d->path);
    return d->ours ? CLB_OK : decide_new(o, d);
}

enum clb_status train_directory_open(const struct clb_training_options *o,
                                     struct train_directory *d)
{
    enum clb_status status;
    *d = (struct train_directory){.path = o->output_dir};
    if (o->dry_run) return decide(o, d);
    d->made = !base_exists(d->path);
    CLB_TRY(base_make_directory(d->path));
    CLB_TRY(base_lock_take(d->path, &d->lock));
    base_partial_sweep(d->path);
    CLB_TRY(decide(o, d));
cleanup:
    return status;
}

void train_directory_close(struct train_directory *d)
{
    base_lock_release(d->lock);
    if (d->made) rmdir(d->path); /* fails where anything was written */
    free(d->checkpoint);
    *d = (struct train_directory){0};
}

/* ---- doing it ---- */

static enum clb_status remove_checkpoint(const char *directory, int64_t step)
{
    char *path = train_checkpoint_path(directory, step);
    enum clb_status status = path ? base_directory_remove(path) : out_of_memory(directory);
    free(path);
    return status;
}

static enum clb_status remove_file(const char *directory, const char *name)
{
    char *path = base_format("%s/%s", directory, name);
    enum clb_status status = path ? CLB_OK : out_of_memory(directory);
    if (path && unlink(path) != 0 && errno != ENOENT)
        status = clb_fail(CLB_ERROR_IO, "%s: cannot be removed: %s", path, strerror(errno));
    free(path);
    return status;
}

static enum clb_status remove_run(const char *directory, const struct train_checkpoints *c)
{
    enum clb_status status = CLB_OK;
    for (int i = 0; i < c->count && status == CLB_OK; i++)
        status = remove_checkpoint(directory, c->steps[i]);
    if (status == CLB_OK) status = remove_file(directory, "metrics.jsonl");
    if (status == CLB_OK) status = remove_file(directory, "model.safetensors");
    return status;
}

/* The lines of the branch that is left, since the resumed run cuts its own from the file. */
static enum clb_status copy_metrics(const char *directory, const char *aside)
{
    char *from = base_format("%s/metrics.jsonl", directory), *bytes = NULL;
    char *to = base_format("%s/metrics.jsonl", aside);
    size_t size;
    enum clb_status status = from && to ? CLB_OK : out_of_memory(directory);
    if (status == CLB_OK && base_exists(from)) {
        status = base_file_read(from, "metrics", INT64_MAX, &bytes, &size);
        if (status == CLB_OK) status = base_file_write(to, bytes, size);
    }
    free(bytes);
    free(from);
    free(to);
    return status;
}

/* Renames a checkpoint to the first free of NAME.aside, NAME.aside-2, ... */
static enum clb_status set_aside(const char *directory, int64_t step, bool newest)
{
    char *path = train_checkpoint_path(directory, step);
    char *aside = path ? base_format("%s.aside", path) : NULL;
    enum clb_status status = path && newest ? copy_metrics(directory, path) : CLB_OK;
    for (int i = 2; aside && base_exists(aside); i++) {
        free(aside);
        aside = base_format("%s.aside-%d", path, i);
    }
    if (!aside)
        status = out_of_memory(directory);
    else if (status == CLB_OK && rename(path, aside) != 0)
        status = clb_fail(CLB_ERROR_IO, "%s: cannot be renamed: %s", path, strerror(errno));
    else if (status == CLB_OK)
        base_warn("%s belongs to another branch now and is set aside: %s", path, aside);
    free(path);
    free(aside);
    return status;
}

enum clb_status train_directory_begin(const struct train_directory *d, int64_t step)
{
    struct train_checkpoints c;
    enum clb_status status;
    CLB_TRY(train_checkpoints_list(d->path, false, &c));
    if (d->replace) CLB_TRY(remove_run(d->path, &c));
    if (d->ours)
        for (int i = 0; i < c.count; i++)
            if (c.steps[i] > step) CLB_TRY(set_aside(d->path, c.steps[i], i == c.count - 1));
    CLB_TRY(base_sync_directory(d->path));
cleanup:
    free(c.steps);
    return status;
}

enum clb_status train_directory_limit(const char *path, int32_t limit, int64_t best)
{
    struct train_checkpoints c;
    enum clb_status status;
    CLB_TRY(train_checkpoints_list(path, false, &c));
    int surplus = limit > 0 ? c.count - limit : 0;
    for (int i = 0; i < c.count - 1 && surplus > 0; i++) {
        if (c.steps[i] == best) continue;
        CLB_TRY(remove_checkpoint(path, c.steps[i]));
        surplus--;
    }
cleanup:
    free(c.steps);
    return status;
}
