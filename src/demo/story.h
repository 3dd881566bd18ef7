/* SPDX-License-Identifier: Apache-2.0 */
/* The practice corpus' stories, before they are text: their sentences' templates and the words for
 * the slots in these. */
#ifndef DEMO_STORY_H
#define DEMO_STORY_H

#include <stdbool.h>
#include <stdint.h>

enum { STORY_MOST = 10, STORY_STAGES = 8, STORY_SCENES = 7, STORY_TEXT = 96 };

/* {p} person, {t} time, {l} place, {x} {y} two different things, {c} companion, {a} animal,
 * {w} weather, {k} feeling. */
#define STORY_SLOT_LETTERS "ptlxycawk"
enum { STORY_SLOTS = sizeof STORY_SLOT_LETTERS - 1 };

/* What a word or two mean. */
enum story_kind { STORY_OTHER, STORY_PERSON, STORY_ANIMAL, STORY_FOOD, STORY_PLACE, STORY_TIME };

struct story_scene {
    const char *name;
    enum story_kind things_are;
    const char *places[STORY_MOST], *things[STORY_MOST], *companions[STORY_MOST];
    const char *stages[STORY_STAGES][STORY_MOST]; /* one sentence of each stage, in order */
};

struct story {
    const struct story_scene *scene;
    bool narrated;                       /* the person is "Saya" */
    const char *sentences[STORY_STAGES]; /* templates; NULL: left out */
    const char *words[STORY_SLOTS];      /* of the slots that the sentences have */
};

/* A sentence, and where the words of the slots stand in it. Size 0: nowhere. */
struct story_text {
    char text[STORY_TEXT];
    int size;
    int slot_begin[STORY_SLOTS], slot_size[STORY_SLOTS];
};

const struct story_scene *story_scene(int number);

/* Story `number` of a seed; of 3 * STORY_SCENES that follow a multiple of that number, each scene
 * has three. */
void story_choose(struct story *s, uint64_t seed, uint64_t number);

/* A template with the story's words. */
void story_write(const struct story *s, const char *template, struct story_text *text);

/* The number of a slot, by its letter. */
int story_slot(char letter);

/* Of a word, or two with a blank between; capitals do not matter. "saya" is nothing: no name. */
enum story_kind story_kind_of(const char *words);

#endif
