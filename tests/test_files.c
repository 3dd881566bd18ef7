/* SPDX-License-Identifier: Apache-2.0 */
/* Files and directories that appear whole, what killed programs leave, locks. */
#include "support_devices.h"

#include "base/directory.h"
#include "base/files.h"
#include "base/lock.h"
#include "base/partial.h"
#include "base/staging.h"
#include "base/threads.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

#include <cmocka.h>

static char root[] = "/tmp/clbert-test-XXXXXX";

static char *in_root(const char *name)
{
    char *path = base_format("%s/%s", root, name);
    assert_non_null(path);
    return path;
}

static void write_file(const char *directory, const char *name, const char *content)
{
    char *path = base_format("%s/%s", directory, name);
    OK(base_file_write(path, content, strlen(content)));
    free(path);
}

static bool holds(const char *directory, const char *name, const char *content)
{
    char *path = base_format("%s/%s", directory, name), *bytes = NULL;
    size_t size = 0;
    bool same = base_exists(path) &&
                base_file_read(path, "file", 1 << 20, &bytes, &size) == CLB_OK &&
                size == strlen(content) && memcmp(bytes, content, size) == 0;
    free(bytes);
    free(path);
    return same;
}

static int count_entries(const char *directory)
{
    DIR *stream = opendir(directory);
    int count = -2; /* . and .. */
    assert_non_null(stream);
    while (readdir(stream)) count++;
    closedir(stream);
    return count;
}

/* A child that does `work` and is killed, or ends, before this goes on. */
static void in_child(void (*work)(const char *path), const char *path)
{
    const pid_t child = fork();
    if (child == 0) {
        work(path);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

/* ---- partial files ---- */

static void leave_partials(const char *path)
{
    struct base_partial file, directory;
    if (base_partial_file(path, &file) != CLB_OK ||
        base_partial_directory(path, &directory) != CLB_OK)
        return;
    write_file(directory.path, "inside", "x");
    kill(getpid(), SIGKILL);
}

static void test_sweep(void **state)
{
    (void)state;
    char *path = in_root("thing"), *foreign = in_root("thing.tmp-other-host-0123456789abcdef");
    char *former = in_root("checkpoint-5.tmp-4711"), *own = in_root("notes.tmp-mine");
    struct base_partial alive;
    in_child(leave_partials, path);
    OK(base_partial_file(path, &alive));
    OK(base_make_directory(former));
    write_file(root, "thing.tmp-other-host-0123456789abcdef", "");
    write_file(root, "notes.tmp-mine", "");
    assert_int_equal(count_entries(root), 6);
    base_partial_sweep(root);
    assert_int_equal(count_entries(root), 4); /* the dead one's two are gone */
    assert_true(base_exists(alive.path) && base_exists(foreign) && base_exists(former));
    const struct utimbuf old = {1, 1};
    assert_int_equal(utime(foreign, &old) | utime(former, &old) | utime(alive.path, &old), 0);
    base_partial_sweep(root);
    assert_true(base_exists(alive.path) && base_exists(own));
    assert_false(base_exists(foreign) || base_exists(former));
    unlink(alive.path);
    unlink(own);
    base_partial_close(&alive);
    free(path), free(foreign), free(former), free(own);
}

/* ---- directories ---- */

static void test_directory(void **state)
{
    (void)state;
    char *path = in_root("whole");
    struct base_directory *d;
    for (int round = 0; round < 2; round++) {
        const char *name = round == 0 ? "first" : "second";
        OK(base_directory_create(path, &d));
        write_file(base_directory_path(d), name, "x");
        assert_int_equal(base_exists(path), round == 1);
        OK(base_directory_commit(d));
        assert_true(holds(path, name, "x"));
        assert_int_equal(count_entries(path), 1);
    }
    OK(base_directory_create(path, &d));
    base_directory_abandon(d);
    assert_true(holds(path, "second", "x"));
    OK(base_directory_remove(path));
    OK(base_directory_remove(path));
    assert_int_equal(count_entries(root), 0);
    free(path);
}

/* ---- staging ---- */

static void test_staging(void **state)
{
    (void)state;
    char *path = in_root("a/b");
    struct base_staging *s;
    OK(base_staging_create(path, &s));
    write_file(base_staging_path(s), "one", "1");
    base_staging_abandon(s);
    assert_false(base_exists(path)); /* made by it, gone with it */
    OK(base_make_directory(path));
    write_file(path, "one", "old");
    write_file(path, "foreign", "kept");
    OK(base_staging_create(path, &s));
    write_file(base_staging_path(s), "one", "new");
    assert_true(holds(path, "one", "old"));
    OK(base_staging_commit(s));
    assert_true(holds(path, "one", "new") && holds(path, "foreign", "kept"));
    assert_int_equal(count_entries(path), 2);
    free(path);
}

/* Killed between the decision and the last file. */
static void test_staging_recovers(void **state)
{
    (void)state;
    char *path = in_root("cut"), *committed = in_root("cut/.committed");
    OK(base_make_directory(committed));
    write_file(path, "one", "old");
    write_file(path, "two", "new");
    write_file(committed, "one", "new");
    OK(base_staging_recover(path));
    assert_true(holds(path, "one", "new") && holds(path, "two", "new"));
    assert_int_equal(count_entries(path), 2);
    OK(base_staging_recover(path));
    char *missing = in_root("nowhere");
    OK(base_staging_recover(missing));
    free(missing);
    free(path);
    free(committed);
}

/* ---- locks ---- */

static void take_and_die(const char *path)
{
    struct base_lock *lock;
    if (base_lock_take(path, &lock) == CLB_OK) kill(getpid(), SIGKILL);
}

static void test_lock(void **state)
{
    (void)state;
    struct base_lock *lock, *second;
    in_child(take_and_die, root);
    OK(base_lock_take(root, &lock)); /* died with its holder */
    assert_int_equal(base_lock_take(root, &second), CLB_ERROR_ARGUMENT);
    char process[32];
    snprintf(process, sizeof process, "process %ld on ", (long)getpid());
    assert_non_null(strstr(clb_error_message(), process));
    base_lock_release(lock);
    assert_int_equal(count_entries(root), 0);
    OK(base_lock_take(root, &lock));
    base_lock_release(lock);
}

/* ---- odd paths ---- */

static void test_odd_paths(void **state)
{
    (void)state;
    char *pipe_path = in_root("pipe"), *bytes;
    size_t size;
    assert_int_equal(base_make_directory(""), CLB_ERROR_ARGUMENT);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_int_equal(base_file_read(pipe_path, "file", 100, &bytes, &size), CLB_ERROR_IO);
    unlink(pipe_path);
    free(pipe_path);
    static const char *const parents[][2] = {{"a", "."},  {"a/", "."},      {"a/b", "a"},
                                             {"/a", "/"}, {"/a//b/", "/a"}, {"/", "/"}};
    for (size_t i = 0; i < sizeof parents / sizeof *parents; i++) {
        char *parent = base_parent(parents[i][0]);
        assert_string_equal(parent, parents[i][1]);
        free(parent);
    }
}

/* ---- quotas of CPU time ---- */

static void make_group(const char *path, const char *name, const char *content)
{
    char *directory = in_root(path);
    OK(base_make_directory(directory));
    write_file(directory, name, content);
    free(directory);
}

/* A container's own group, seen from inside it, in a machine with version 2. */
static void test_quota(void **state)
{
    (void)state;
    assert_true(isinf(base_cpu_quota(root)));
    make_group("proc/self", "cgroup", "0::/job/step\n");
    make_group(
        "proc/self", "mountinfo",
        "31 23 0:28 / / rw - ext4 /dev/a rw\n32 31 0:29 / /cg rw,relatime shared:4 - cgroup2 "
        "cgroup2 rw,nsdelegate\n");
    make_group("cg/job/step", "cpu.max", "max 100000\n");
    assert_true(isinf(base_cpu_quota(root)));
    make_group("cg/job", "cpu.max", "150000 100000\n");
    make_group("cg/other", "cpu.max", "20000 100000\n");
    assert_float_equal(base_cpu_quota(root), 1.5, 1e-6);
    make_group("cg/job/step", "cpu.max", "50000 100000\n");
    assert_float_equal(base_cpu_quota(root), 0.5, 1e-6);
    assert_int_equal(base_threads(3), 3);
    assert_true(base_threads(0) >= 1);
}

/* Version 1, where the group is named from the outside, and mounted alone. */
static void test_quota_of_version_1(void **state)
{
    (void)state;
    make_group("proc/self", "cgroup", "9:cpuset:/\n4:cpuacct,cpu:/docker/1234\n0::/docker/1234\n");
    make_group("proc/self", "mountinfo",
               "33 31 0:30 /docker/1234 /cg/cpu ro - cgroup cgroup rw,cpuacct,cpu\n"
               "34 31 0:31 /docker/1234 /cg/set ro - cgroup cgroup rw,cpuset\n");
    make_group("cg/cpu", "cpu.cfs_period_us", "100000\n");
    make_group("cg/cpu", "cpu.cfs_quota_us", "-1\n");
    assert_true(isinf(base_cpu_quota(root)));
    make_group("cg/cpu", "cpu.cfs_quota_us", "300000\n");
    assert_float_equal(base_cpu_quota(root), 3.0, 1e-6);
}

static int make_root(void **state)
{
    (void)state;
    memcpy(root, "/tmp/clbert-test-XXXXXX", sizeof root);
    return mkdtemp(root) == NULL;
}

static int remove_root(void **state)
{
    (void)state;
    return base_remove_tree(root) != CLB_OK;
}

#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_ROOT(test_sweep),   IN_ROOT(test_directory),
        IN_ROOT(test_staging), IN_ROOT(test_staging_recovers),
        IN_ROOT(test_lock),    IN_ROOT(test_odd_paths),
        IN_ROOT(test_quota),   IN_ROOT(test_quota_of_version_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
