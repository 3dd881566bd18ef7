/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
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

void base_log_progress(const char *format, ...)
{
    pthread_mutex_lock(&lock);
    clear_progress();
    if (!quiet && format && base_log_is_terminal()) {
        va_list arguments;
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fflush(stderr);
        progress_shown = true;
    }
    pthread_mutex_unlock(&lock);
}
