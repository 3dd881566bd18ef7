/* Stories by grammar. A story has a scene, a person, a time, and things of the scene; they hold for
 * all its sentences, so that a hidden word can be inferred from the others and a sentence from the
 * one before it. In a template
 *   {p} person   {t} time   {l} place   {x} {y} two different things   {c} companion
 *   {a} animal   {w} weather   {k} feeling
 * stand for the story's choices. */
#include <clbert/demo_text.h>

#include <clbert/random.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum { MOST = 8, STAGES = 9, CHOICES = 64 };

struct scene {
    const char *places[MOST], *things[MOST], *companions[MOST];
    const char *stages[STAGES][MOST]; /* one sentence of each stage, in order */
};

static const char *const persons[] = {"Saya", "Budi", "Siti", "Ani",  "Rudi", "Dewi",
                                      "Joko", "Rina", "Saya", "Tono", "Wati", "Saya"};
static const char *const times[] = {"pagi", "siang", "sore", "kemarin", "hari ini", "minggu lalu"};
static const char *const animals[] = {"kucing", "anjing", "burung", "kelinci", "ayam", "bebek"};
static const char *const weathers[] = {"cerah", "mendung", "panas", "sejuk", "berangin"};
static const char *const feelings[] = {"senang", "gembira", "puas", "lelah", "bahagia"};

static const struct scene scenes[] = {
    {{"pasar"},
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
    {{"warung", "rumah", "kantin"},
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
    {{"dapur", "rumah"},
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
    {{"taman", "halaman", "kebun"},
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
    {{"pantai", "bukit", "halaman"},
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
    {{"sekolah", "kelas", "perpustakaan"},
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
    {{"sawah", "ladang", "kebun"},
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

/* ---- a story's choices ---- */

struct story {
    struct clb_random random;
    const struct scene *scene;
    const char *person, *time, *place, *thing, *other, *companion, *animal, *weather, *feeling;
};

static int count_of(const char *const *list)
{
    int count = 0;
    while (count < MOST && list[count]) count++;
    return count;
}

static uint32_t draw(const struct story *s, uint64_t number, int bound)
{
    return clb_random_below(s->random, number, (uint32_t)bound);
}

#define PICK(list, number) (list)[draw(s, (number), (int)(sizeof(list) / sizeof *(list)))]

static void choose(struct story *s)
{
    s->scene = &PICK(scenes, 0);
    s->person = PICK(persons, 1);
    s->time = PICK(times, 2);
    s->animal = PICK(animals, 3);
    s->weather = PICK(weathers, 4);
    s->feeling = PICK(feelings, 5);
    s->place = s->scene->places[draw(s, 6, count_of(s->scene->places))];
    s->companion = s->scene->companions[draw(s, 7, count_of(s->scene->companions))];
    const int things = count_of(s->scene->things);
    const int thing = (int)draw(s, 8, things);
    s->thing = s->scene->things[thing];
    s->other = s->scene->things[(thing + 1 + (int)draw(s, 9, things - 1)) % things];
}

static const char *choice_of(const struct story *s, char slot)
{
    switch (slot) {
    case 'p':
        return s->person;
    case 't':
        return s->time;
    case 'l':
        return s->place;
    case 'x':
        return s->thing;
    case 'y':
        return s->other;
    case 'c':
        return s->companion;
    case 'a':
        return s->animal;
    case 'w':
        return s->weather;
    default:
        return s->feeling;
    }
}

/* Persons keep their capital; in the middle of a sentence "Saya" has none. */
static void write_sentence(const struct story *s, const char *template, FILE *stream)
{
    bool begun = false;
    for (const char *at = template; *at; at++) {
        if (*at != '{') {
            fputc(*at, stream);
            begun = true;
            continue;
        }
        const char *word = choice_of(s, at[1]);
        char first = word[0];
        if (begun && strcmp(word, "Saya") == 0) first = 's';
        if (!begun && first >= 'a' && first <= 'z' && at[1] != 'a')
            first = (char)(first - 'a' + 'A');
        fputc(first, stream);
        fputs(word + 1, stream);
        begun = true;
        at += 2;
    }
    fputc('\n', stream);
}

enum clb_status clb_demo_story(uint64_t seed, int64_t number, FILE *stream)
{
    struct story story = {.random = {seed, CLB_PURPOSE_DEMO_TEXT, 0}}, *s = &story;
    story.random.purpose += (uint32_t)(number >> 32 & 0xffff);
    story.random.stream = (uint32_t)number;
    choose(s);
    int left_out = 0;
    for (int stage = 0; stage < STAGES; stage++) {
        const char *const *sentences = s->scene->stages[stage];
        const int count = count_of(sentences);
        if (count == 0) continue;
        /* The first three always; of the later ones up to three may be left out. */
        if (stage > 2 && left_out < 3 && draw(s, CHOICES + (uint64_t)stage, 4) == 0) {
            left_out++;
            continue;
        }
        write_sentence(s, sentences[draw(s, 16 + (uint64_t)stage, count)], stream);
    }
    return ferror(stream)
               ? clb_fail(CLB_ERROR_IO, "the stories cannot be written: %s", strerror(errno))
               : CLB_OK;
}

enum clb_status clb_demo_text(uint64_t seed, int64_t documents, FILE *stream)
{
    enum clb_status status = CLB_OK;
    for (int64_t d = 0; d < documents && status == CLB_OK; d++) {
        status = clb_demo_story(seed, d, stream);
        fputc('\n', stream);
    }
    return status;
}
