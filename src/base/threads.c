/* SPDX-License-Identifier: Apache-2.0 */
#include "base/threads.h"

#include "base/files.h"

#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether a word is in a list with commas. */
static bool lists(const char *list, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == 0)) return true;
    }
    return false;
}

/* The numbers of a file, "max" being infinite; how many there are. */
static int read_numbers(const char *directory, const char *name, double numbers[2])
{
    char *path = base_format("%s/%s", directory, name);
    FILE *file = path ? fopen(path, "r") : NULL;
    int count = 0;
    char word[32];
    while (file && count < 2 && fscanf(file, "%31s", word) == 1)
        numbers[count++] = strcmp(word, "max") == 0 ? INFINITY : atof(word);
    if (file) fclose(file);
    free(path);
    return count;
}

/* Of one group alone. */
static double quota_of(const char *directory)
{
    double numbers[2], period[2];
    if (read_numbers(directory, "cpu.max", numbers) == 2 && numbers[1] > 0)
        return numbers[0] / numbers[1];
    if (read_numbers(directory, "cpu.cfs_quota_us", numbers) == 1 && numbers[0] > 0 &&
        read_numbers(directory, "cpu.cfs_period_us", period) == 1 && period[0] > 0)
        return numbers[0] / period[0];
    return INFINITY;
}

/* Of the group at `path` below a mount of groups and of all around it that can be seen. */
static double quota_along(const char *root, const char *mount, const char *path)
{
    double quota = INFINITY;
    char *directory = base_format("%s%s%s", root, mount, path);
    const size_t top = strlen(root) + strlen(mount);
    while (directory) {
        quota = fmin(quota, quota_of(directory));
        char *last = strrchr(directory + top, '/');
        if (!last) break;
        *last = 0;
    }
    free(directory);
    return quota;
}

/* Where groups of this hierarchy are mounted, if `line` of mountinfo says so: the group that is
 * mounted there, and where. */
static bool is_mount(const char *line, bool unified, char group[1024], char mount[1024])
{
    char type[32], options[512];
    const char *rest = strstr(line, " - ");
    if (!rest || sscanf(line, "%*s %*s %*s %1023s %1023s", group, mount) != 2) return false;
    if (sscanf(rest, " - %31s %*s %511s", type, options) != 2) return false;
    return unified ? strcmp(type, "cgroup2") == 0
                   : strcmp(type, "cgroup") == 0 && lists(options, "cpu");
}

static double quota_in(const char *root, bool unified, const char *path)
{
    char *name = base_format("%s/proc/self/mountinfo", root), line[4096], group[1024], mount[1024];
    FILE *file = name ? fopen(name, "r") : NULL;
    double quota = INFINITY;
    while (file && fgets(line, sizeof line, file)) {
        if (!is_mount(line, unified, group, mount)) continue;
        const size_t length = strcmp(group, "/") == 0 ? 0 : strlen(group);
        const bool below = strncmp(path, group, length) == 0 && strcmp(path, "/") != 0;
        quota = fmin(quota, quota_along(root, mount, below ? path + length : ""));
    }
    if (file) fclose(file);
    free(name);
    return quota;
}

double base_cpu_quota(const char *root)
{
    char *name = base_format("%s/proc/self/cgroup", root), line[1200];
    FILE *file = name ? fopen(name, "r") : NULL;
    double quota = INFINITY;
    while (file && fgets(line, sizeof line, file)) { /* number:controllers:path */
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path) continue;
        *path++ = 0;
        path[strcspn(path, "\n")] = 0;
        if (*++controllers == 0)
            quota = fmin(quota, quota_in(root, true, path));
        else if (lists(controllers, "cpu"))
            quota = fmin(quota, quota_in(root, false, path));
    }
    if (file) fclose(file);
    free(name);
    return quota;
}

int base_threads(int asked)
{
    if (asked > 0) return asked;
    const int threads = omp_get_max_threads();
    const double quota = ceil(base_cpu_quota(""));
    return quota < threads ? (int)fmax(1.0, quota) : threads;
}
