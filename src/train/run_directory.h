/* SPDX-License-Identifier: Apache-2.0 */
/* The output directory of a run: what it holds, what a new or resumed run may do with it, and when.
 * Nothing is removed or renamed before the run is known to be possible. */
#ifndef TRAIN_RUN_DIRECTORY_H
#define TRAIN_RUN_DIRECTORY_H

#include <clbert/train.h>

struct base_lock;

struct train_directory {
    const char *path;
    char *checkpoint; /* to resume from; NULL: a new run */
    bool ours;        /* the checkpoint lies in this directory */
    bool replace;     /* another run lies here and gives way */
    bool made;        /* the directory, by this run */
    struct base_lock *lock;
};

/* Decides by the options, and locks the directory; makes it where it is missing. Another run that
 * should not be replaced, no checkpoint to resume from, another program at work there:
 * CLB_ERROR_ARGUMENT. A dry run changes nothing. */
enum clb_status train_directory_open(const struct clb_training_options *options,
                                     struct train_directory *directory);
/* The run is about to take its first step after `step`: removes the run that gives way, or sets
 * aside, by renaming, checkpoints of steps above, which belong to another branch. */
enum clb_status train_directory_begin(const struct train_directory *directory, int64_t step);
/* Gives the lock back; a directory that was made and is empty goes. A zeroed one is allowed. */
void train_directory_close(struct train_directory *directory);

/* Removes the oldest checkpoints but `limit`; 0: none. That of step `best` stays, and counts. */
enum clb_status train_directory_limit(const char *path, int32_t limit, int64_t best);

/* The checkpoints of a directory; one that is missing has none. `say`: warns of what only looks
 * like one. The caller frees steps. */
struct train_checkpoints {
    int64_t *steps; /* ascending */
    int count;
};
enum clb_status train_checkpoints_list(const char *directory, bool say,
                                       struct train_checkpoints *checkpoints);
/* DIR/checkpoint-STEP; malloc'd, NULL: out of memory. */
char *train_checkpoint_path(const char *directory, int64_t step);

#endif
