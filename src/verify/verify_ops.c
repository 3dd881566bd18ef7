/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify_ops.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct verify_cases *const families[] = {
    &verify_linear_cases, &verify_row_cases,    &verify_norm_cases,      &verify_attention_cases,
    &verify_loss_cases,   &verify_buffer_cases, &verify_optimizer_cases, &verify_task_cases};

const struct verify_case *verify_case(int number)
{
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        if (number < families[f]->count) return &families[f]->cases[number];
        number -= families[f]->count;
    }
    return NULL;
}

const struct verify_operation *verify_operation(const char *name)
{
    const struct verify_case *c;
    for (int i = 0; (c = verify_case(i)); i++)
        if (strcmp(c->operation->name, name) == 0) return c->operation;
    return NULL;
}

static const char *const inputs_names[] = {
    "",       " integers", " far",   " near 0",     " large mean", " constant rows",
    " sharp", " ties",     " spike", " lost terms", " zeros",      " special numbers"};

static void append(char *text, size_t size, size_t *length, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int more = vsnprintf(text + *length, size - *length, format, arguments);
    va_end(arguments);
    if (more > 0) *length += (size_t)more;
    if (*length >= size) *length = size - 1;
}

enum clb_type verify_case_operands(const struct verify_case *c)
{
    if (c->variant & VERIFY_BF16) return CLB_BF16;
    if (c->variant & VERIFY_TF32) return CLB_TF32;
    return c->variant & VERIFY_FP16 ? CLB_F16 : CLB_F32;
}

int verify_case_variant(const struct verify_case *c)
{
    return c->variant % VERIFY_BF16;
}

void verify_case_name(const struct verify_case *c, char *name, size_t size)
{
    const int variant = verify_case_variant(c);
    const enum clb_type operands = verify_case_operands(c);
    size_t length = 0;
    append(name, size, &length, "%s %lldx%lldx%lld", c->operation->name, (long long)c->m,
           (long long)c->n, (long long)c->k);
    if (c->operation->variant_name)
        append(name, size, &length, "%s", c->operation->variant_name(variant));
    else if (variant)
        append(name, size, &length, " variant %d", variant);
    if (operands != CLB_F32) append(name, size, &length, " %s", clb_type_name(operands));
    if (c->variant & VERIFY_FP32_RESULT) append(name, size, &length, " to fp32");
    if (c->dropout > 0.0f) append(name, size, &length, " dropout %g", (double)c->dropout);
    if (c->lengths) append(name, size, &length, " first %d", c->lengths[0]);
    append(name, size, &length, "%s", inputs_names[c->inputs]);
}

/* The seed has both words, so that either of the key's counts. */
struct clb_dropout verify_dropout(const struct verify_case *c)
{
    return (struct clb_dropout){c->dropout, {0x3c6ef372fe94f82b, CLB_PURPOSE_DROPOUT + 3, 5}};
}
