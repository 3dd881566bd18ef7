/* SPDX-License-Identifier: Apache-2.0 */
/* The progress line on a narrow terminal: never wider than it, and cleared before another line. */
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

enum { COLUMNS = 20 };

/* What a terminal of 20 columns is sent for one line of progress and one of the log. */
static void log_to_terminal(const char *progress, char *sent, size_t size)
{
    const struct winsize window = {.ws_row = 5, .ws_col = COLUMNS};
    const int terminal = posix_openpt(O_RDWR | O_NOCTTY), kept = dup(STDERR_FILENO);
    assert_int_equal(grantpt(terminal) | unlockpt(terminal), 0);
    const int slave = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    assert_true(slave >= 0);
    assert_int_equal(ioctl(slave, TIOCSWINSZ, &window), 0);
    fflush(stderr);
    dup2(slave, STDERR_FILENO);
    base_log_progress("%s", progress);
    base_log("end");
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    size_t length = 0;
    do { /* it comes in pieces */
        const ssize_t count = read(terminal, sent + length, size - 1 - length);
        assert_true(count > 0);
        length += (size_t)count;
        sent[length] = 0;
    } while (!strstr(sent, "end\r\n"));
    close(slave);
    close(terminal);
    close(kept);
}

static void test_progress_fits(void **state)
{
    (void)state;
    char sent[256];
    log_to_terminal("short", sent, sizeof sent);
    assert_string_equal(sent, "short\r\033[Kend\r\n");
    log_to_terminal("0123456789012345678901234567890", sent, sizeof sent);
    assert_string_equal(sent, "0123456789012345678\r\033[Kend\r\n");
    log_to_terminal("ääääääääääääääääääääääää", sent, sizeof sent); /* two bytes each */
    assert_string_equal(sent, "äääääääääääääääääää\r\033[Kend\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_progress_fits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
