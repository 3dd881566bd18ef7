/* SPDX-License-Identifier: Apache-2.0 */
/* Stories by grammar. A story has a scene, a person, a time, and things of the scene; they hold for
 * all its sentences, so that a hidden word can be inferred from the others and a sentence from the
 * one before it. Stories are numbered, not drawn: a number is taken apart into a choice of
 * sentences and one of words, so that two numbers do not give the same story. */
#include "demo/story.h"

#include "data/permutation.h"

#include <string.h>
#include <strings.h>

enum { MOST = STORY_MOST, STAGES = STORY_STAGES, SCENES = STORY_SCENES, SLOTS = STORY_SLOTS };

static const char *const narrator[MOST] = {"Saya"};
static const char *const persons[MOST] = {"Budi", "Siti", "Ani",  "Rudi", "Dewi",
                                          "Joko", "Rina", "Tono", "Wati"};
static const char *const times[MOST] = {"pagi",    "siang",    "sore",
                                        "kemarin", "hari ini", "minggu lalu"};
static const char *const animals[MOST] = {"kucing", "anjing", "burung", "kelinci", "ayam", "bebek"};
static const char *const weathers[MOST] = {"cerah", "mendung", "panas", "sejuk", "berangin"};
static const char *const feelings[MOST] = {"senang", "gembira", "puas", "lelah", "bahagia"};

static const struct story_scene scenes[SCENES] = {
    {"pasar",
     STORY_FOOD,
     {"pasar"},
     {"buah", "sayur", "ikan", "telur", "beras", "daging", "cabai", "bawang"},
     {"ibu", "ayah", "nenek", "kakak"},
     {{"{p} pergi ke pasar.", "{t} {p} pergi ke pasar bersama {c}.", "{p} berjalan ke pasar."},
      {"Pasar itu sangat ramai.", "Cuaca di pasar {w}.", "Banyak orang di pasar."},
      {"{p} membeli {x}.", "{p} membeli {x} dan {y}.", "{p} mencari {x} di pasar."},
      {"Penjual {x} itu ramah.", "Harga {x} di pasar murah.", "Harga {x} hari ini mahal."},
      {"{p} menawar harga {x}.", "{p} memilih {x} yang segar.", "{p} membayar {x} kepada penjual."},
      {"{c} membawa keranjang.", "{c} membawa {x} ke rumah.", "{p} membawa keranjang berisi {x}."},
      {"{p} pulang dari pasar.", "{p} pulang membawa {x}."},
      {"{p} merasa {k}."}}},
    {"warung",
     STORY_FOOD,
     {"warung", "rumah", "kantin"},
     {"nasi", "soto", "bakso", "mi", "sate", "bubur"},
     {"teman", "adik", "kakak", "paman"},
     {{"{p} makan {x} di {l}.", "{t} {p} makan {x} di {l}.", "{p} lapar dan pergi ke {l}."},
      {"{p} duduk di {l} bersama {c}.", "{l} itu bersih.", "Makanan di {l} enak."},
      {"{p} memesan {x} dan teh.", "{p} memesan {x}.", "{c} memesan {x} juga."},
      {"{x} itu masih hangat.", "{x} itu enak sekali.", "Rasa {x} itu pedas."},
      {"{p} minum teh hangat.", "{p} minum air dingin.", "{c} minum teh di {l}."},
      {"{c} menghabiskan {x}.", "{p} menghabiskan {x}."},
      {"{p} kenyang.", "{p} dan {c} kenyang.", "{p} membayar makanan."},
      {"{p} merasa {k}."}}},
    {"dapur",
     STORY_FOOD,
     {"dapur", "rumah"},
     {"nasi", "sayur", "ikan", "soto", "bubur", "telur"},
     {"ibu", "nenek", "kakak", "bibi"},
     {{"{p} memasak {x} di {l}.", "{t} {p} memasak {x}.", "{p} membantu {c} di dapur."},
      {"{c} menyiapkan bumbu.", "{c} memotong bawang.", "{p} mencuci {x}."},
      {"{p} menyalakan kompor.", "{p} mengambil panci.", "Panci itu besar."},
      {"Bau {x} itu harum.", "Dapur itu harum.", "{x} itu hampir matang."},
      {"{p} menambah garam.", "{c} menambah gula dan garam.", "{c} mencicipi {x}."},
      {"{x} itu sudah matang.", "{p} menaruh {x} di meja."},
      {"Keluarga makan {x} bersama.", "{p} makan {x} di {l}."},
      {"{p} merasa {k}."}}},
    {"taman",
     STORY_OTHER,
     {"taman", "halaman", "kebun"},
     {"bola", "bunga", "daun", "rumput"},
     {"anak", "adik", "teman"},
     {{"{a} bermain di {l}.", "{t} {a} bermain di {l}.", "{p} melihat {a} di {l}."},
      {"{a} itu lucu.", "{a} itu berlari di {l}.", "Bulu {a} itu putih.", "Bulu {a} itu cokelat."},
      {"{a} mengejar {x}.", "{a} melompat di dekat {x}.", "{a} tidur di dekat {x}."},
      {"{p} memanggil {a} itu.", "{p} memberi makan {a}.", "{c} tertawa melihat {a}."},
      {"Cuaca di {l} {w}.", "Udara di {l} {w}."},
      {"{a} itu lapar.", "{a} itu minum air.", "{a} itu kembali bermain."},
      {"{p} membawa {a} pulang.", "{a} itu tidur di rumah.", "{c} bermain dengan {a}."},
      {"{p} merasa {k}."}}},
    {"malam",
     STORY_OTHER,
     {"pantai", "bukit", "halaman"},
     {"langit", "bintang", "awan"},
     {"ayah", "ibu", "teman", "kakek"},
     {{"Malam ini {p} duduk di {l}.", "Malam itu {p} melihat langit.",
       "{p} keluar pada malam hari."},
      {"Bulan purnama sangat indah.", "Bulan purnama sangat terang.", "Bulan bersinar di langit."},
      {"Bintang bersinar di langit malam.", "Langit malam sangat cerah.",
       "Langit malam tanpa awan."},
      {"{p} menghitung bintang.", "{c} bercerita tentang bulan.", "{p} dan {c} melihat bulan."},
      {"Angin malam di {l} dingin.", "Malam itu sunyi.", "Udara malam sejuk."},
      {"{p} memakai jaket.", "{c} menyalakan lampu.", "{c} menunjuk bintang."},
      {"{p} masuk ke rumah.", "{p} tidur setelah melihat bulan.", "{p} mengantuk."},
      {"{p} merasa {k}."}}},
    {"sekolah",
     STORY_OTHER,
     {"sekolah", "kelas", "perpustakaan"},
     {"buku", "pensil", "cerita", "gambar"},
     {"guru", "teman", "kepala sekolah"},
     {{"{p} pergi ke sekolah.", "{t} {p} belajar di {l}.", "{p} masuk ke {l}."},
      {"{c} mengajar di {l}.", "{c} menyapa {p}.", "Murid di {l} banyak."},
      {"{p} membaca {x}.", "{p} membuka {x}.", "{p} meminjam {x} dari {c}."},
      {"{x} itu menarik.", "{x} itu baru.", "{c} menjelaskan {x} itu."},
      {"{p} menulis di buku.", "{p} menjawab pertanyaan {c}.", "{p} bertanya kepada {c}."},
      {"{c} memuji {p}.", "{c} memberi tugas.", "{p} mengerjakan tugas."},
      {"{p} pulang dari sekolah.", "{p} menyimpan {x} di tas."},
      {"{p} merasa {k}."}}},
    {"sawah",
     STORY_FOOD,
     {"sawah", "ladang", "kebun"},
     {"padi", "jagung", "singkong", "kacang"},
     {"petani", "kakek", "paman"},
     {{"{t} {p} bekerja di {l}.", "{p} pergi ke {l} bersama {c}.", "{c} menanam {x} di {l}."},
      {"{x} di {l} tumbuh subur.", "Tanah di {l} basah.", "Cuaca di {l} {w}."},
      {"{p} menyiram {x}.", "{p} menanam {x}.", "{p} memanen {x}."},
      {"{c} membawa cangkul.", "{c} mencangkul tanah.", "{c} mengusir {a}."},
      {"{p} minum air di {l}.", "{p} beristirahat di bawah pohon."},
      {"Panen {x} tahun ini baik.", "Harga {x} tahun ini naik.", "{c} menjual {x} itu."},
      {"{p} pulang dari {l}.", "{p} membawa {x} pulang."},
      {"{p} merasa {k}."}}},
};

const struct story_scene *story_scene(int number)
{
    return &scenes[number];
}

/* ---- the words of a story ---- */

static const char slots[] = STORY_SLOT_LETTERS;

static int count_of(const char *const *list)
{
    int count = 0;
    while (count < MOST && list[count]) count++;
    return count;
}

static const char *const *words_for(const struct story *s, char slot)
{
    switch (slot) {
    case 'p':
        return s->narrated ? narrator : persons;
    case 't':
        return times;
    case 'l':
        return s->scene->places;
    case 'c':
        return s->scene->companions;
    case 'a':
        return animals;
    case 'w':
        return weathers;
    case 'k':
        return feelings;
    default:
        return s->scene->things;
    }
}

static bool asks_for(const struct story *s, char slot)
{
    const char tag[] = {'{', slot, '}', '\0'};
    for (int stage = 0; stage < STAGES; stage++)
        if (s->sentences[stage] && strstr(s->sentences[stage], tag)) return true;
    return false;
}

/* How many words a slot can have: a second thing is another than the first. */
static int choices_for(const struct story *s, char slot)
{
    return asks_for(s, slot) ? count_of(words_for(s, slot)) - (slot == 'y') : 1;
}

/* Words number `number` of all that the story's sentences can have. */
static void choose_words(struct story *s, struct clb_random random, uint64_t number)
{
    uint64_t all = 1;
    int thing = 0;
    for (int i = 0; i < SLOTS; i++) all *= (uint64_t)choices_for(s, slots[i]);
    number = permutation_at(random, all, number % all);
    for (int i = 0; i < SLOTS; i++) {
        const char *const *words = words_for(s, slots[i]);
        const int count = choices_for(s, slots[i]);
        int word = (int)(number % (uint64_t)count);
        number /= (uint64_t)count;
        if (slots[i] == 'x') thing = word;
        if (slots[i] == 'y') word = (thing + 1 + word) % count_of(words);
        s->words[i] = words[word];
    }
}

/* ---- the sentences of a story ---- */

/* The third stage and those with one sentence are always told; others may be left out, but not the
 * first. */
static int choices_at(const struct story_scene *scene, int stage)
{
    const int count = count_of(scene->stages[stage]);
    return stage == 0 || stage == 2 || count == 1 ? count : count + 1;
}

static uint64_t combinations_of(const struct story_scene *scene)
{
    uint64_t all = 1;
    for (int stage = 0; stage < STAGES; stage++) all *= (uint64_t)choices_at(scene, stage);
    return all;
}

static void choose_sentences(struct story *s, uint64_t combination)
{
    for (int stage = 0; stage < STAGES; stage++) {
        const uint64_t choices = (uint64_t)choices_at(s->scene, stage);
        const uint64_t choice = combination % choices;
        const bool told = choice < (uint64_t)count_of(s->scene->stages[stage]);
        s->sentences[stage] = told ? s->scene->stages[stage][choice] : NULL;
        combination /= choices;
    }
}

/* Of every three stories of a scene one is the narrator's. A narrator's story and another's take
 * turns of their own; where no sentence names the person they share the words. */
void story_choose(struct story *s, uint64_t seed, uint64_t number)
{
    const uint64_t round = number / (3 * SCENES);
    struct clb_random random = {seed, CLB_PURPOSE_DEMO_TEXT, (uint32_t)round};
    const uint64_t place = permutation_at(random, 3 * SCENES, number % (3 * SCENES));
    s->scene = &scenes[place % SCENES];
    s->narrated = place < SCENES;
    const uint64_t turn = s->narrated ? round : 2 * round + place / SCENES - 1;
    const uint64_t all = combinations_of(s->scene);
    random.purpose = CLB_PURPOSE_DEMO_TEXT + 1;
    random.stream = (uint32_t)(2 * (place % SCENES) + s->narrated);
    const uint64_t combination = permutation_at(random, all, turn % all);
    choose_sentences(s, combination);
    random.purpose = CLB_PURPOSE_DEMO_TEXT + 2;
    random.stream = (uint32_t)combination;
    choose_words(s, random, asks_for(s, 'p') ? turn / all : 2 * (turn / all) + s->narrated);
}

/* ---- writing ---- */

int story_slot(char letter)
{
    return (int)(strchr(slots, letter) - slots);
}

/* Persons keep their capital; in the middle of a sentence "Saya" has none, and an animal has none
 * anywhere. */
static char first_letter(char slot, const char *word, bool begun)
{
    if (begun && strcmp(word, "Saya") == 0) return 's';
    const bool small = word[0] >= 'a' && word[0] <= 'z';
    return small && !begun && slot != 'a' ? (char)(word[0] - 'a' + 'A') : word[0];
}

void story_write(const struct story *s, const char *template, struct story_text *text)
{
    *text = (struct story_text){0};
    for (const char *at = template; *at; at++) {
        char *end = text->text + text->size;
        if (*at != '{') {
            *end = *at;
            text->size++;
            continue;
        }
        const int slot = story_slot(at[1]);
        const char *word = s->words[slot];
        const int size = (int)strlen(word);
        text->slot_begin[slot] = text->size;
        text->slot_size[slot] = size;
        memcpy(end, word, (size_t)size);
        *end = first_letter(at[1], word, at > template);
        text->size += size;
        at += 2;
    }
}

/* ---- what words mean ---- */

static bool is_one_of(const char *const *list, const char *word)
{
    for (int i = 0; i < MOST && list[i]; i++)
        if (strcasecmp(list[i], word) == 0) return true;
    return false;
}

enum story_kind story_kind_of(const char *words)
{
    static const char *const others[][MOST] = {
        [STORY_PERSON] = {"penjual", "murid", "keluarga"},
        [STORY_FOOD] = {"teh", "garam", "gula", "bumbu"},
        [STORY_TIME] = {"malam ini", "malam itu", "tahun ini"},
    };
    if (is_one_of(persons, words)) return STORY_PERSON;
    if (is_one_of(animals, words)) return STORY_ANIMAL;
    if (is_one_of(times, words)) return STORY_TIME;
    for (int i = 0; i < SCENES; i++) {
        if (is_one_of(scenes[i].places, words)) return STORY_PLACE;
        if (is_one_of(scenes[i].companions, words)) return STORY_PERSON;
        if (is_one_of(scenes[i].things, words)) return scenes[i].things_are;
    }
    for (int kind = 0; kind <= STORY_TIME; kind++)
        if (is_one_of(others[kind], words)) return (enum story_kind)kind;
    return STORY_OTHER;
}
