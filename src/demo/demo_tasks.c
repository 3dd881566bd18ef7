/* SPDX-License-Identifier: Apache-2.0 */
/* Example n of a task is made of story n of its seed, where that story will do, else of one far
 * behind it. */
#include "base/error.h"
#include "data/permutation.h"
#include "demo/story.h"

#include <clbert/demo_tasks.h>
#include <clbert/random.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { FAR = 1 << 24, CONTEXT = 4, ORDER = 16 };

/* ---- an example's draws ---- */

struct draws {
    uint64_t seed, number;
    struct clb_random random;
    uint64_t drawn;
};

static struct draws draws_of(enum clb_demo_task task, uint64_t seed, uint64_t number)
{
    const uint32_t purpose = CLB_PURPOSE_DEMO_TEXT + 3 + (uint32_t)task;
    return (struct draws){seed, number, {seed, purpose, (uint32_t)number}, 0};
}

static int draw(struct draws *d, int bound)
{
    return (int)clb_random_below(d->random, d->drawn++, (uint32_t)bound);
}

/* Whose turn it is of so many, which take turns in an order of their own in every round. */
static int turn_of(const struct draws *d, int turns)
{
    struct clb_random order = d->random;
    order.purpose += ORDER;
    order.stream = (uint32_t)(d->number / (uint64_t)turns);
    return (int)permutation_at(order, (uint64_t)turns, d->number % (uint64_t)turns);
}

/* The templates of a story's sentences, in order; how many. */
static int told(const struct story *s, const char *templates[STORY_STAGES])
{
    int count = 0;
    for (int stage = 0; stage < STORY_STAGES; stage++)
        if (s->sentences[stage]) templates[count++] = s->sentences[stage];
    return count;
}

/* ---- classification ---- */

static bool names_its_scene(const struct story *s, const char *template)
{
    struct story_text text;
    story_write(s, template, &text);
    bool named = strcasestr(text.text, s->scene->name) != NULL;
    for (int i = 0; i < STORY_MOST && s->scene->places[i]; i++)
        named |= strcasestr(text.text, s->scene->places[i]) != NULL;
    return named;
}

/* The sentences that do not name the scene, but for the last: it fits any. */
static int hints(const struct story *s, const char *templates[STORY_STAGES])
{
    const char *all[STORY_STAGES];
    const int count = told(s, all) - 1;
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (!names_its_scene(s, all[i])) templates[kept++] = all[i];
    return kept;
}

/* A story of the scene whose turn it is, with two hints at least. */
static int choose_hints(const struct draws *d, struct story *s, const char *templates[STORY_STAGES])
{
    const struct story_scene *scene = story_scene(turn_of(d, STORY_SCENES));
    const uint64_t round = d->number / STORY_SCENES;
    for (uint64_t at = 3 * STORY_SCENES * round;; at += 3 * STORY_SCENES * (uint64_t)FAR) {
        for (uint64_t i = 0; i < 3 * STORY_SCENES; i++) {
            story_choose(s, d->seed, at + i);
            if (s->scene != scene) continue;
            const int count = hints(s, templates);
            if (count >= 2) return count;
        }
    }
}

static void write_classification(struct draws *d, FILE *stream)
{
    struct story s;
    struct story_text text;
    const char *templates[STORY_STAGES];
    const int count = choose_hints(d, &s, templates);
    const int sentences = count > 2 ? 2 + draw(d, 2) : 2;
    const int first = draw(d, count - sentences + 1);
    for (int i = 0; i < sentences; i++) {
        story_write(&s, templates[first + i], &text);
        fprintf(stream, "%s%s", i ? " " : "", text.text);
    }
    fprintf(stream, "\t%s\n", s.scene->name);
}

/* ---- pairs ---- */

/* A sentence of a story and the one behind it, which is not the story's last: that fits any. */
static void choose_neighbours(struct draws *d, const struct story *s, struct story_text *a,
                              struct story_text *b)
{
    const char *templates[STORY_STAGES];
    const int first = draw(d, told(s, templates) - 2);
    story_write(s, templates[first], a);
    story_write(s, templates[first + 1], b);
}

/* A story with another scene than the example's. */
static void choose_other(const struct draws *d, const struct story *s, struct story *other)
{
    uint64_t at = d->number;
    do story_choose(other, d->seed, at += FAR);
    while (other->scene == s->scene);
}

static void write_pair(struct draws *d, FILE *stream)
{
    struct story s, other;
    struct story_text a, b, unused;
    const bool follows = turn_of(d, 2) == 0;
    story_choose(&s, d->seed, d->number);
    choose_neighbours(d, &s, &a, &b);
    choose_other(d, &s, &other);
    if (!follows) choose_neighbours(d, &other, &unused, &b);
    fprintf(stream, "%s\t%s\t%s\n", a.text, b.text, follows ? "lanjutan" : "bukan");
}

/* ---- tokens ---- */

/* A word of a sentence, and what it is or begins. */
struct tagged {
    const char *word;
    enum story_kind kind;
    bool inside; /* the second of two */
};

enum { WORDS = STORY_TEXT / 2 };

/* Cuts a sentence at its blanks, and its full stop off. */
static int tag_words(struct story_text *text, struct tagged words[WORDS])
{
    char two[STORY_TEXT];
    int count = 0;
    text->text[text->size - 1] = '\0';
    for (char *rest = text->text, *word; (word = strtok_r(rest, " ", &rest));)
        words[count++] = (struct tagged){.word = word, .kind = story_kind_of(word)};
    for (int i = 0; i + 1 < count; i++) {
        snprintf(two, sizeof two, "%s %s", words[i].word, words[i + 1].word);
        const enum story_kind kind = story_kind_of(two);
        if (kind == STORY_OTHER) continue;
        words[i].kind = words[i + 1].kind = kind;
        words[++i].inside = true;
    }
    return count;
}

/* The tags but "O", each of which has its turn to be in a sentence. */
static const struct {
    enum story_kind kind;
    bool inside;
    const char *name;
} tags[] = {
    {STORY_PERSON, false, "B-ORANG"}, {STORY_PERSON, true, "I-ORANG"},
    {STORY_ANIMAL, false, "B-HEWAN"}, {STORY_FOOD, false, "B-MAKANAN"},
    {STORY_PLACE, false, "B-TEMPAT"}, {STORY_TIME, false, "B-WAKTU"},
    {STORY_TIME, true, "I-WAKTU"},
};

enum { TAGS = sizeof tags / sizeof *tags };

/* TAGS: none. */
static int tag_of(const struct tagged *word)
{
    int tag = 0;
    while (tag < TAGS && (tags[tag].kind != word->kind || tags[tag].inside != word->inside)) tag++;
    return tag;
}

static bool has_tag(const struct tagged *words, int count, int tag)
{
    for (int i = 0; i < count; i++)
        if (tag_of(&words[i]) == tag) return true;
    return false;
}

static void write_tokens(struct draws *d, FILE *stream)
{
    struct story s;
    struct story_text text;
    struct tagged words[WORDS];
    const char *templates[STORY_STAGES];
    const int turn = turn_of(d, TAGS);
    uint64_t at = d->number;
    int count;
    do {
        story_choose(&s, d->seed, at);
        story_write(&s, templates[draw(d, told(&s, templates))], &text);
        count = tag_words(&text, words);
        at += FAR;
    } while (!has_tag(words, count, turn));
    for (int i = 0; i < count; i++) {
        const int tag = tag_of(&words[i]);
        fprintf(stream, "%s\t%s\n", words[i].word, tag < TAGS ? tags[tag].name : "O");
    }
    fputs(".\tO\n\n", stream);
}

/* ---- answers ---- */

/* "siapa" of a person, ... */
static const char *question_word(char slot)
{
    switch (slot) {
    case 'p':
    case 'c':
        return "siapa";
    case 't':
        return "kapan";
    case 'l':
        return "mana";
    case 'a':
        return "hewan apa";
    case 'w':
    case 'k':
        return "bagaimana";
    default:
        return "apa";
    }
}

/* The letters of the slots in a template that can be asked for: not what is before "dan". */
static int askable(const char *template, char letters[STORY_SLOTS])
{
    int count = 0;
    for (const char *at = template; (at = strchr(at, '{')); at += 3)
        if (strncmp(at + 3, " dan ", 5) != 0) letters[count++] = at[1];
    return count;
}

/* The sentence with a question word in the slot: "Penjual ikan itu ramah." asks "Penjual apa yang
 * ramah?", "Budi memanggil kucing itu." "Budi memanggil hewan apa?". */
static void write_question(const struct story *s, const char *template, char letter,
                           struct story_text *question)
{
    struct story asking = *s;
    char changed[STORY_TEXT];
    const char tag[] = {'{', letter, '}', '\0'};
    const char *behind = strstr(template, tag) + 3, *rest = behind;
    const char *link = "";
    if (strncmp(behind, " itu", 4) == 0) {
        rest += 4;
        link = *rest == '.' ? "" : " yang";
    }
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(behind - template), template, link, rest);
    asking.words[story_slot(letter)] = question_word(letter);
    story_write(&asking, changed, question);
    question->text[0] = (char)toupper((unsigned char)question->text[0]);
    question->text[question->size - 1] = '?';
}

struct question {
    struct story s;
    const char *templates[STORY_STAGES];
    int count, asked; /* sentences but the last, which fits any story; that which is asked about */
    char letter;
};

static void choose_question(struct draws *d, struct question *q)
{
    char letters[STORY_SLOTS];
    int choices = 0;
    for (uint64_t at = d->number; choices == 0; at += FAR) {
        story_choose(&q->s, d->seed, at);
        q->count = told(&q->s, q->templates) - 1;
        q->asked = draw(d, q->count);
        choices = askable(q->templates[q->asked], letters);
    }
    q->letter = letters[draw(d, choices)];
}

/* Two sentences of the story and two of another, either first; which of them is asked about. */
static int choose_context(struct draws *d, const struct question *q,
                          struct story_text context[CONTEXT])
{
    struct story other;
    int first = q->asked - draw(d, 2);
    if (first < 0) first = 0;
    if (first > q->count - 2) first = q->count - 2;
    struct story_text *own = &context[2 * draw(d, 2)];
    struct story_text *others = own == context ? context + 2 : context;
    story_write(&q->s, q->templates[first], &own[0]);
    story_write(&q->s, q->templates[first + 1], &own[1]);
    choose_other(d, &q->s, &other);
    choose_neighbours(d, &other, &others[0], &others[1]);
    return (int)(own - context) + q->asked - first;
}

/* The words of the grammar are letters: JSON needs no escapes, and a byte is a code point. */
static void write_answer(struct draws *d, FILE *stream)
{
    struct question q;
    struct story_text context[CONTEXT], question;
    choose_question(d, &q);
    const int asked = choose_context(d, &q, context), slot = story_slot(q.letter);
    int start = context[asked].slot_begin[slot];
    for (int i = 0; i < asked; i++) start += context[i].size + 1;
    write_question(&q.s, q.templates[q.asked], q.letter, &question);
    fprintf(stream, "%s\n{\"context\": \"%s %s %s %s\", ", d->number ? "," : "", context[0].text,
            context[1].text, context[2].text, context[3].text);
    fprintf(stream, "\"qas\": [{\"id\": \"%" PRIu64 "-%" PRIu64 "\", \"question\": \"%s\", ",
            d->seed, d->number, question.text);
    fprintf(stream, "\"answers\": [{\"text\": \"%.*s\", \"answer_start\": %d}]}]}",
            context[asked].slot_size[slot], context[asked].text + context[asked].slot_begin[slot],
            start);
}

/* ---- files ---- */

static const struct {
    const char *name, *head, *tail;
    void (*write)(struct draws *d, FILE *stream);
} tasks[] = {
    [CLB_DEMO_CLASSIFICATION] = {"classification", "text\tlabel\n", "", write_classification},
    [CLB_DEMO_PAIRS] = {"pairs", "text_a\ttext_b\tlabel\n", "", write_pair},
    [CLB_DEMO_TOKENS] = {"tokens", "", "", write_tokens},
    [CLB_DEMO_ANSWERS] = {"answers",
                          "{\"version\": \"1.1\", \"data\": [{\"title\": \"demo\", "
                          "\"paragraphs\": [",
                          "\n]}]}\n", write_answer},
};

enum { TASKS = sizeof tasks / sizeof *tasks };

enum clb_status clb_demo_task_named(const char *name, enum clb_demo_task *task)
{
    for (int i = 0; i < TASKS; i++) {
        if (strcmp(name, tasks[i].name) != 0) continue;
        *task = (enum clb_demo_task)i;
        return CLB_OK;
    }
    return clb_fail(CLB_ERROR_ARGUMENT,
                    "--task %s is unknown; there are: classification, pairs, tokens, answers",
                    name);
}

enum clb_status clb_demo_examples(enum clb_demo_task task, uint64_t seed, int64_t examples,
                                  FILE *stream)
{
    fputs(tasks[task].head, stream);
    for (int64_t n = 0; n < examples && !ferror(stream); n++) {
        struct draws d = draws_of(task, seed, (uint64_t)n);
        tasks[task].write(&d, stream);
    }
    fputs(tasks[task].tail, stream);
    return ferror(stream)
               ? clb_fail(CLB_ERROR_IO, "the examples cannot be written: %s", strerror(errno))
               : CLB_OK;
}
