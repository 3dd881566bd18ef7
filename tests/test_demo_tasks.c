/* SPDX-License-Identifier: Apache-2.0 */
/* The practice tasks: files that the records' reader takes, classes in balance, answers where they
 * are said to stand, labels that are true of the stories, a pure function. */
#include "support_devices.h"
#include "support_text.h"

#include "text/records.h"

#include <clbert/demo_tasks.h>
#include <clbert/demo_text.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { EXAMPLES = 700, SCENES = 7 };

static const struct {
    const char *name, *file;
} forms[] = {
    [CLB_DEMO_CLASSIFICATION] = {"classification", "classes.tsv"},
    [CLB_DEMO_PAIRS] = {"pairs", "pairs.tsv"},
    [CLB_DEMO_TOKENS] = {"tokens", "tokens.conll"},
    [CLB_DEMO_ANSWERS] = {"answers", "answers.json"},
};

static char *text_of(enum clb_demo_task task, uint64_t seed, int64_t examples)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    OK(clb_demo_examples(task, seed, examples, stream));
    fclose(stream);
    return text;
}

/* The records of a file of examples, as a list. */
static json_t *records_of(enum clb_demo_task task, uint64_t seed, int64_t examples)
{
    char *text = text_of(task, seed, examples), *path = text_path(forms[task].file);
    struct text_records *records;
    json_t *list = json_array(), *record;
    text_write(forms[task].file, text, strlen(text));
    OK(text_records_open((const char *const *)&path, 1, CLB_RECORDS_AUTO, CLB_RECORDS_AUTO,
                         &records));
    for (;;) {
        OK(text_records_next(records, &record));
        if (!record) break;
        json_array_append(list, record);
    }
    text_records_close(records);
    assert_int_equal(json_array_size(list), examples);
    free(text);
    free(path);
    return list;
}

static const char *member(const json_t *record, const char *key)
{
    const char *value = json_string_value(json_object_get(record, key));
    assert_non_null(value);
    return value;
}

/* ---- every task ---- */

static void test_names(void **state)
{
    (void)state;
    enum clb_demo_task task;
    for (int i = 0; i < 4; i++) {
        OK(clb_demo_task_named(forms[i].name, &task));
        assert_int_equal(task, i);
    }
    assert_int_equal(clb_demo_task_named("regression", &task), CLB_ERROR_ARGUMENT);
    assert_non_null(strstr(clb_error_message(), "classification, pairs, tokens, answers"));
}

/* The first examples of a longer file are those of a shorter one: but for SQuAD's last brackets,
 * the same bytes. */
static void test_pure_function(void **state)
{
    (void)state;
    for (enum clb_demo_task task = 0; task < 4; task++) {
        char *text = text_of(task, 5, 40), *again = text_of(task, 5, 40);
        char *more = text_of(task, 5, 90), *other = text_of(task, 6, 40);
        assert_string_equal(text, again);
        assert_memory_equal(text, more, strlen(text) - strlen("\n]}]}\n"));
        assert_string_not_equal(text, other);
        free(text);
        free(again);
        free(more);
        free(other);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* How many pairs of lines are equal. */
static int64_t equal_pairs(char *const *lines, int count)
{
    int64_t pairs = 0;
    for (int i = 0, same = 0; i + 1 < count; i++) {
        same = strcmp(lines[i], lines[i + 1]) == 0 ? same + 1 : 0;
        pairs += same;
    }
    return pairs;
}

/* Every record as a line, sorted; ids set aside. */
static char **lines_of(enum clb_demo_task task, uint64_t seed)
{
    json_t *records = records_of(task, seed, EXAMPLES), *record;
    char **lines = calloc(EXAMPLES, sizeof *lines);
    size_t i;
    json_array_foreach(records, i, record)
    {
        json_object_del(record, "id");
        lines[i] = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
    }
    json_decref(records);
    qsort(lines, EXAMPLES, sizeof *lines, by_text);
    return lines;
}

/* Two sets of n examples that are drawn independently have about as many equal pairs between them
 * as they have in themselves together. */
static void test_sets_share_what_chance_gives(void **state)
{
    (void)state;
    for (enum clb_demo_task task = 0; task < 4; task++) {
        char **train = lines_of(task, 2), **test = lines_of(task, 3);
        char *both[2 * EXAMPLES];
        const int64_t alone = equal_pairs(train, EXAMPLES) + equal_pairs(test, EXAMPLES);
        memcpy(both, train, EXAMPLES * sizeof *both);
        memcpy(both + EXAMPLES, test, EXAMPLES * sizeof *both);
        qsort(both, 2 * EXAMPLES, sizeof *both, by_text);
        const int64_t shared = equal_pairs(both, 2 * EXAMPLES) - alone;
        if (shared > alone + alone / 2 + 30)
            fail_msg("%s: %lld pairs shared, %lld in the sets", forms[task].name, (long long)shared,
                     (long long)alone);
        for (int i = 0; i < 2 * EXAMPLES; i++) free(both[i]);
        free(train);
        free(test);
    }
}

/* ---- classification ---- */

static void test_classification(void **state)
{
    (void)state;
    static const struct {
        const char *label, *names[4];
    } scenes[SCENES] = {
        {"pasar", {"pasar"}},
        {"warung", {"warung", "rumah", "kantin"}},
        {"dapur", {"dapur", "rumah"}},
        {"taman", {"taman", "halaman", "kebun"}},
        {"malam", {"malam", "pantai", "bukit", "halaman"}},
        {"sekolah", {"sekolah", "kelas", "perpustakaan"}},
        {"sawah", {"sawah", "ladang", "kebun"}},
    };
    json_t *records = records_of(CLB_DEMO_CLASSIFICATION, 2, EXAMPLES), *record;
    size_t i;
    unsigned seen = 0;
    json_array_foreach(records, i, record)
    {
        const char *text = member(record, "text"), *label = member(record, "label");
        int scene = 0, sentences = 0;
        while (scene < SCENES && strcmp(scenes[scene].label, label) != 0) scene++;
        assert_true(scene < SCENES);
        for (int n = 0; n < 4 && scenes[scene].names[n]; n++)
            if (strcasestr(text, scenes[scene].names[n]))
                fail_msg("\"%s\" names %s", text, scenes[scene].names[n]);
        for (const char *at = text; (at = strchr(at, '.')); at++) sentences++;
        assert_in_range(sentences, 2, 3);
        seen |= 1u << scene;
        if (i % SCENES < SCENES - 1) continue;
        assert_int_equal(seen, (1 << SCENES) - 1);
        seen = 0;
    }
    json_decref(records);
}

/* ---- pairs ---- */

/* Story n of a seed, a line a sentence, with a line's end before it. */
static char *story_of(uint64_t seed, int64_t story)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    fputc('\n', stream);
    OK(clb_demo_story(seed, story, stream));
    fclose(stream);
    return text;
}

static void test_pairs_are_true(void **state)
{
    (void)state;
    json_t *records = records_of(CLB_DEMO_PAIRS, 2, EXAMPLES), *record;
    size_t i;
    bool before = false;
    json_array_foreach(records, i, record)
    {
        const char *a = member(record, "text_a"), *b = member(record, "text_b");
        const bool follows = strcmp(member(record, "label"), "lanjutan") == 0;
        char *story = story_of(2, (int64_t)i), *neighbours = NULL;
        assert_true(asprintf(&neighbours, "\n%s\n%s\n", a, b) > 0);
        if (follows != (strstr(story, neighbours) != NULL))
            fail_msg("%s | %s is %s:%s", a, b, member(record, "label"), story);
        if (!follows) assert_string_equal(member(record, "label"), "bukan");
        if (i % 2 == 1) assert_true(follows != before);
        before = follows;
        free(story);
        free(neighbours);
    }
    json_decref(records);
}

struct count {
    int all, following;
};

/* Counts a label for each word of a text, once for every time that it stands there. */
static void count_words(json_t *counts, struct count *of, const char *text, bool follows)
{
    char *copy = strdup(text), *rest = copy;
    for (char *word; (word = strtok_r(rest, " .", &rest));) {
        json_t *number = json_object_get(counts, word);
        if (!number) {
            number = json_integer((json_int_t)json_object_size(counts));
            json_object_set_new(counts, word, number);
        }
        struct count *c = &of[json_integer_value(number)];
        c->all++;
        c->following += follows;
    }
    free(copy);
}

/* Of each word of one text alone, among how many pairs go on: a half, within five deviations. */
static void test_one_text_does_not_tell(void **state)
{
    (void)state;
    enum { PAIRS = 6000, MOST_WORDS = 1000 };
    json_t *records = records_of(CLB_DEMO_PAIRS, 11, PAIRS), *record, *number;
    for (int second = 0; second < 2; second++) {
        json_t *counts = json_object();
        static struct count of[MOST_WORDS];
        const char *word;
        size_t i;
        memset(of, 0, sizeof of);
        json_array_foreach(records, i, record)
            count_words(counts, of, member(record, second ? "text_b" : "text_a"),
                        strcmp(member(record, "label"), "lanjutan") == 0);
        assert_in_range(json_object_size(counts), 100, MOST_WORDS);
        json_object_foreach(counts, word, number)
        {
            const struct count c = of[json_integer_value(number)];
            const double away = c.following - 0.5 * c.all;
            if (away * away > 25 * 0.25 * c.all)
                fail_msg("\"%s\" in text %d: %d of %d go on", word, second + 1, c.following, c.all);
        }
        json_decref(counts);
    }
    json_decref(records);
}

/* ---- tokens ---- */

static const char *item(const json_t *record, const char *list, size_t i)
{
    return json_string_value(json_array_get(json_object_get(record, list), i));
}

/* An inside tag goes on from one of its kind. */
static void check_tag(const json_t *record, size_t i)
{
    const char *tag = item(record, "tags", i);
    if (tag[0] != 'I') return;
    assert_true(i > 0);
    assert_string_equal(tag + 1, item(record, "tags", i - 1) + 1);
}

static void test_tokens(void **state)
{
    (void)state;
    static const char *const tags[] = {"B-ORANG",  "I-ORANG", "B-HEWAN", "B-MAKANAN",
                                       "B-TEMPAT", "B-WAKTU", "I-WAKTU", "O"};
    static const char *const known[][2] = {
        {"Budi", "B-ORANG"},   {"ibu", "B-ORANG"},    {"penjual", "B-ORANG"},
        {"kucing", "B-HEWAN"}, {"nasi", "B-MAKANAN"}, {"teh", "B-MAKANAN"},
        {"pasar", "B-TEMPAT"}, {"sore", "B-WAKTU"},   {"kepala", "B-ORANG"},
        {"minggu", "B-WAKTU"}, {"lalu", "I-WAKTU"},   {"saya", "O"},
        {"membeli", "O"},      {"bola", "O"},         {".", "O"},
    };
    json_t *records = records_of(CLB_DEMO_TOKENS, 2, EXAMPLES), *record;
    unsigned seen = 0, met = 0;
    size_t n;
    json_array_foreach(records, n, record)
    {
        const size_t count = json_array_size(json_object_get(record, "tokens"));
        assert_in_range(count, 3, 12);
        assert_string_equal(item(record, "tokens", count - 1), ".");
        for (size_t i = 0; i < count; i++) {
            const char *token = item(record, "tokens", i), *tag = item(record, "tags", i);
            unsigned t = 0;
            while (t < 8 && strcmp(tags[t], tag) != 0) t++;
            assert_in_range(t, 0, 7);
            seen |= 1u << t;
            check_tag(record, i);
            for (unsigned k = 0; k < sizeof known / sizeof *known; k++) {
                if (strcasecmp(token, known[k][0]) != 0) continue;
                assert_string_equal(tag, known[k][1]);
                met |= 1u << k;
            }
            if (strcmp(token, "sekolah") == 0) {
                const bool head = i > 0 && strcasecmp(item(record, "tokens", i - 1), "kepala") == 0;
                assert_string_equal(tag, head ? "I-ORANG" : "B-TEMPAT");
            }
        }
        if (n % 7 < 6) continue;
        assert_int_equal(seen, 0xff);
        seen = 0;
    }
    assert_int_equal(met, (1u << sizeof known / sizeof *known) - 1);
    json_decref(records);
}

/* ---- answers ---- */

static void test_answers(void **state)
{
    (void)state;
    json_t *records = records_of(CLB_DEMO_ANSWERS, 2, EXAMPLES), *record, *ids = json_object();
    static const char *const words[] = {"siapa", "apa", "mana", "kapan", "bagaimana", "hewan apa"};
    unsigned met = 0;
    size_t i;
    json_array_foreach(records, i, record)
    {
        const char *context = member(record, "context"), *question = member(record, "question");
        const json_t *answer = json_array_get(json_object_get(record, "answers"), 0);
        const json_int_t start = json_integer_value(json_object_get(answer, "answer_start"));
        const char *text = member(answer, "text");
        for (const char *at = context; *at; at++) assert_in_range(*at, ' ', '~'); /* code points */
        assert_in_range(start, 0, strlen(context) - 1);
        assert_memory_equal(context + start, text, strlen(text));
        assert_true(strlen(text) > 0 && (start == 0 || context[start - 1] == ' '));
        assert_non_null(strchr(" .", context[start + (json_int_t)strlen(text)]));
        assert_int_equal(question[strlen(question) - 1], '?');
        assert_in_range(question[0], 'A', 'Z');
        for (unsigned w = 0; w < 6; w++)
            if (strcasestr(question, words[w])) met |= 1u << w;
        assert_null(json_object_get(ids, member(record, "id")));
        json_object_set_new(ids, member(record, "id"), json_true());
    }
    assert_int_equal(met, 0x3f);
    json_decref(ids);
    json_decref(records);
}

static void test_questions(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "\"Siapa membeli ikan?\"",        "\"Budi membeli apa?\"",
        "\"Guru mengajar di mana?\"",     "\"Penjual apa yang ramah?\"",
        "\"Cuaca di pasar bagaimana?\"",  "\"Siapa mengajar di kelas?\"",
        "\"Bulu hewan apa yang putih?\"",
    };
    char *text = text_of(CLB_DEMO_ANSWERS, 2, 10000);
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(text, wanted[i])) fail_msg("%s is not asked", wanted[i]);
    assert_null(strchr(strchr(text, '\n'), '\\'));
    assert_null(strstr(text, "iapa dan"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_pure_function),
        cmocka_unit_test(test_sets_share_what_chance_gives),
        cmocka_unit_test(test_classification),
        cmocka_unit_test(test_pairs_are_true),
        cmocka_unit_test(test_one_text_does_not_tell),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_questions),
    };
    return cmocka_run_group_tests(tests, text_begin, text_end);
}
