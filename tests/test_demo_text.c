/* SPDX-License-Identifier: Apache-2.0 */
/* The practice corpus: no story twice, the sentences it must have, a pure function. */
#include <clbert/demo_text.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include <cmocka.h>

enum { STORIES = 100000 };

static char *text_of(uint64_t seed, int64_t documents)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    assert_int_equal(clb_demo_text(seed, documents, stream), CLB_OK);
    fclose(stream);
    return text;
}

static int by_value(const void *a, const void *b)
{
    const XXH64_hash_t x = *(const XXH64_hash_t *)a, y = *(const XXH64_hash_t *)b;
    return x < y ? -1 : x > y;
}

static void test_no_story_twice(void **state)
{
    (void)state;
    static XXH64_hash_t hashes[STORIES];
    char *story = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&story, &size);
    assert_non_null(stream);
    for (int64_t d = 0; d < STORIES; d++) {
        rewind(stream);
        assert_int_equal(clb_demo_story(7, d, stream), CLB_OK);
        assert_int_equal(fflush(stream), 0);
        hashes[d] = XXH64(story, size, 0);
    }
    fclose(stream);
    free(story);
    qsort(hashes, STORIES, sizeof *hashes, by_value);
    for (int64_t d = 1; d < STORIES; d++) assert_true(hashes[d] != hashes[d - 1]);
}

static void test_sentences_of_the_notes(void **state)
{
    (void)state;
    char *text = text_of(1, 20000);
    assert_non_null(strstr(text, "\nSaya makan nasi di warung.\n"));
    assert_non_null(strstr(text, "\nkucing bermain di taman.\n"));
    assert_non_null(strstr(text, "\nSaya pergi ke pasar.\nSaya membeli buah.\n"));
    assert_non_null(strstr(text, "\nBulan purnama sangat indah.\n"));
    assert_null(strchr(text, '{'));
    free(text);
}

static void test_pure_function(void **state)
{
    (void)state;
    char *text = text_of(5, 50), *other = text_of(6, 50), *story = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&story, &size);
    assert_non_null(stream);
    assert_int_equal(clb_demo_story(5, 49, stream), CLB_OK);
    fclose(stream);
    assert_memory_equal(text + strlen(text) - 1 - size, story, size);
    assert_string_not_equal(text, other);
    free(text);
    free(other);
    free(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_story_twice),
        cmocka_unit_test(test_sentences_of_the_notes),
        cmocka_unit_test(test_pure_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
