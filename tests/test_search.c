/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a place in an ascending list: against looking at every place. */
#include "data/search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PLACES = 3000, MOST_LOOKS = 40 };

static int64_t list[PLACES];
static int looks;

static int64_t value(const void *values, int64_t place)
{
    looks++;
    return ((const int64_t *)values)[place];
}

static int64_t plain_search(int64_t count, int64_t wanted)
{
    int64_t place = 0;
    for (int64_t i = 0; i < count; i++)
        if (list[i] <= wanted) place = i;
    return place;
}

static void check(int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        for (int64_t off = -1; off <= 1; off++) {
            looks = 0;
            assert_int_equal(search_last(value, list, count, list[i] + off),
                             plain_search(count, list[i] + off));
            assert_true(looks <= MOST_LOOKS);
        }
}

static void test_even(void **state)
{
    (void)state;
    int64_t all = 0;
    for (int i = 0; i < PLACES; i++) list[i] = 7 * i + i % 3;
    check(PLACES);
    for (int i = 0; i < PLACES; i++) {
        looks = 0;
        search_last(value, list, PLACES, list[i]);
        all += looks;
    }
    assert_true(all < 6 * PLACES);
}

/* Steps, a leap at the end, powers: where guessing does not help. */
static void test_uneven(void **state)
{
    (void)state;
    for (int i = 0; i < PLACES; i++) list[i] = i / 100 * 1000;
    check(PLACES);
    for (int i = 0; i < PLACES; i++) list[i] = i;
    list[PLACES - 1] = INT64_MAX / 2;
    check(PLACES);
    for (int i = 0; i < PLACES; i++) list[i] = INT64_C(1) << i / 50;
    check(PLACES);
    for (int i = 0; i < PLACES; i++) list[i] = 5;
    check(PLACES);
}

static void test_short(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) list[i] = i * i;
    for (int64_t count = 1; count <= 5; count++) check(count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_even),
        cmocka_unit_test(test_uneven),
        cmocka_unit_test(test_short),
    };
    return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
