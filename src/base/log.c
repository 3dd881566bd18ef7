/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

static atomic_bool quiet;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the line that is shown */
static bool progress_shown;

static void clear_progress(void)
{
    if (progress_shown) fputs("\r\033[K", stderr);
    progress_shown = false;
}

void base_log_quiet(bool value)
{
    quiet = value;
}

bool base_log_is_terminal(void)
{
    return isatty(STDERR_FILENO) == 1;
}

static void print_line(const char *prefix, const char *format, va_list arguments)
{
    pthread_mutex_lock(&lock);
    clear_progress();
    fputs(prefix, stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    pthread_mutex_unlock(&lock);
}

void base_log(const char *format, ...)
{
    if (quiet) return;
    va_list arguments;
    va_start(arguments, format);
    print_line("", format, arguments);
    va_end(arguments);
}

void base_warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line("warning: ", format, arguments);
    va_end(arguments);
}

/* A line that wraps could not be cleared: cuts it to the terminal's width, counted in characters.
 */
static void cut_to_terminal(char *line)
{
    struct winsize size;
    int columns = 80;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) columns = size.ws_col;
    for (char *c = line; *c; c++)
        if ((*c & 0xC0) != 0x80 && --columns == 0) { /* the last column stays free */
            *c = 0;
            return;
        }
}

void base_log_progress(const char *format, ...)
{
    char line[512] = "";
    if (format) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(line, sizeof line, format, arguments);
        va_end(arguments);
    }
    pthread_mutex_lock(&lock);
    clear_progress();
    if (!quiet && *line && base_log_is_terminal()) {
        cut_to_terminal(line);
        fputs(line, stderr);
        fflush(stderr);
        progress_shown = true;
    }
    pthread_mutex_unlock(&lock);
}
