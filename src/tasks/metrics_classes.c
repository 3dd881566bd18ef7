/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "tasks/metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

struct tasks_f1 tasks_f1_of(int64_t correct, int64_t guessed, int64_t true_count)
{
    return (struct tasks_f1){ratio((double)correct, (double)guessed),
                             ratio((double)correct, (double)true_count),
                             ratio(2 * (double)correct, (double)(guessed + true_count))};
}

static void add(struct tasks_f1 *sum, struct tasks_f1 f)
{
    sum->precision += f.precision;
    sum->recall += f.recall;
    sum->f1 += f.f1;
}

static struct tasks_f1 mean(struct tasks_f1 sum, int count)
{
    return (struct tasks_f1){sum.precision / count, sum.recall / count, sum.f1 / count};
}

/* ---- one of several ---- */

void tasks_confusion_add(const int32_t *truth, const int32_t *guess, int64_t count, int classes,
                         int64_t *confusion)
{
    for (int64_t i = 0; i < count; i++) confusion[(int64_t)truth[i] * classes + guess[i]]++;
}

/* Of one class. */
struct counts {
    int64_t correct, guessed, true_count;
};

static struct counts count_class(const int64_t *confusion, int classes, int c)
{
    struct counts n = {.correct = confusion[(int64_t)c * classes + c]};
    for (int64_t k = 0; k < classes; k++) {
        n.true_count += confusion[(int64_t)c * classes + k];
        n.guessed += confusion[k * classes + c];
    }
    return n;
}

struct tasks_class_scores tasks_class_scores(const int64_t *confusion, int classes)
{
    struct tasks_class_scores s = {0};
    struct tasks_f1 sum = {0};
    int present = 0;
    int64_t total = 0, correct = 0;
    double both = 0, truth = 0, guess = 0; /* sums of products over the classes */
    for (int c = 0; c < classes; c++) {
        const struct counts n = count_class(confusion, classes, c);
        const struct tasks_f1 f = tasks_f1_of(n.correct, n.guessed, n.true_count);
        total += n.true_count;
        correct += n.correct;
        both += (double)n.true_count * (double)n.guessed;
        truth += (double)n.true_count * (double)n.true_count;
        guess += (double)n.guessed * (double)n.guessed;
        if (c == 1) s.binary = f;
        if (n.true_count + n.guessed == 0) continue;
        present++;
        add(&sum, f);
    }
    const double all = (double)total;
    const double spread = (all * all - truth) * (all * all - guess);
    s.accuracy = (double)correct / all;
    s.macro = mean(sum, present);
    s.micro = (struct tasks_f1){s.accuracy, s.accuracy, s.accuracy};
    s.matthews = spread > 0 ? ((double)correct * all - both) / sqrt(spread) : 0;
    return s;
}

/* ---- any of several ---- */

struct scored {
    float score;
    bool truth;
};

static int by_score(const void *a, const void *b)
{
    const float x = ((const struct scored *)a)->score, y = ((const struct scored *)b)->score;
    return (x > y) - (x < y);
}

/* How often what is true scores over what is not; equal scores count half. NaN without both. */
static double area_under_curve(struct scored *s, int64_t count)
{
    double below = 0, area = 0; /* of what is not true, and of pairs */
    int64_t trues = 0;
    qsort(s, (size_t)count, sizeof *s, by_score);
    for (int64_t i = 0, end; i < count; i = end) {
        int64_t here = 0;
        for (end = i; end < count && !(s[end].score > s[i].score); end++) here += s[end].truth;
        const double others = (double)(end - i - here);
        area += (double)here * (below + 0.5 * others);
        below += others;
        trues += here;
    }
    return area / ((double)trues * below);
}

static void score_areas(const float *scores, const float *truth, int64_t count, int classes,
                        struct scored *room, struct tasks_label_scores *result)
{
    double sum = 0;
    for (int c = 0; c < classes; c++) {
        for (int64_t i = 0; i < count; i++)
            room[i] = (struct scored){scores[i * classes + c], truth[i * classes + c] != 0};
        const double area = area_under_curve(room, count);
        if (isnan(area))
            result->auc_left_out++;
        else
            sum += area;
    }
    for (int64_t i = 0; i < count * classes; i++)
        room[i] = (struct scored){scores[i], truth[i] != 0};
    result->auc_macro = sum / (classes - result->auc_left_out);
    result->auc_micro = area_under_curve(room, count * classes);
}

enum clb_status tasks_label_scores(const float *scores, const float *truth, int64_t count,
                                   int classes, float threshold, struct tasks_label_scores *result)
{
    const size_t size = (size_t)count * (size_t)classes;
    struct scored *room = malloc((size + 1) * sizeof *room);
    bool *wrong = calloc((size_t)count + 1, sizeof *wrong);
    struct counts all = {0};
    *result = (struct tasks_label_scores){0};
    for (int c = 0; room && wrong && c < classes; c++) {
        struct counts n = {0};
        for (int64_t i = 0; i < count; i++) {
            const bool guessed = scores[i * classes + c] > threshold;
            const bool true_here = truth[i * classes + c] != 0;
            n.correct += guessed && true_here;
            n.guessed += guessed;
            n.true_count += true_here;
            wrong[i] |= guessed != true_here;
        }
        add(&result->macro, tasks_f1_of(n.correct, n.guessed, n.true_count));
        all.correct += n.correct;
        all.guessed += n.guessed;
        all.true_count += n.true_count;
    }
    if (room && wrong) {
        int64_t right = 0;
        for (int64_t i = 0; i < count; i++) right += !wrong[i];
        result->macro = mean(result->macro, classes);
        result->micro = tasks_f1_of(all.correct, all.guessed, all.true_count);
        result->subset_accuracy = (double)right / (double)count;
        score_areas(scores, truth, count, classes, room, result);
    }
    const bool done = room && wrong;
    free(room);
    free(wrong);
    return done ? CLB_OK : clb_fail(CLB_ERROR_MEMORY, "metrics: out of memory");
}
