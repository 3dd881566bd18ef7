#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/text: sentences in many scripts, vocabularies trained on them by Hugging Face's
tokenizers, and the ids that BertTokenizerFast's pipeline gives, for tests/test_tokenizer.c and
tests/test_vocab.c.

The directories characters-* are of another kind: what is hard in Unicode, with a vocabulary of every
single character, so that no difference hides in an [UNK].
The directories added, unnormalized and sequence are tokenizer.json files with what vocab.txt cannot say:
added tokens, no normaliser, one that is a sequence of steps.
Needs: pip install tokenizers. Usage: tools/make_golden_text.py [uncased] [cased] [characters] [json]
"""
import json
import pathlib
import random
import sys

from tokenizers import AddedToken, BertWordPieceTokenizer, Tokenizer, models, normalizers, pre_tokenizers

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "text"
LINES = """Saya makan nasi di warung. Kucing bermain di taman, lalu tidur.
Bulan purnama sangat indah; anak-anak melihat bintang-bintang di langit.
The quick brown fox doesn't jump over the lazy dog's 3.14 fences!
Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. ẞ STRASSE
L'été dernier, où étiez-vous ? Ça va très bien, garçon naïf — cœur.
Съешь же ещё этих мягких французских булок, да выпей чаю. Ёлка ЙОД
Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. ΟΔΟΣ ΌΛΟΣ Άνθρωπος
نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر؟ مُدَرِّسَةٌ
متن فارسی: می‌خواهم کتاب‌ها را بخوانم، ۱۲۳۴۵.
ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश। हिन्दी क्षत्रिय
いろはにほへと ちりぬるを。東京タワーへ行きました、ガラスが「ガ」です。ｶﾞ
我能吞下玻璃而不伤身体。漢字仮名交じり文，中文標點！𠀀𪜀
키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다. 각
Tiếng Việt có dấu: Quê hương là chùm khế ngọt, Đường về nhà ấm áp.
เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน น้ำ
דג סקרן שט בים מאוכזב ולפתע מצא חברה. שָׁלוֹם
Қазақша İstanbul ISPARTA ığdır ÇĞÖŞÜ çğöşü Ǆ ǅ ﬁ ﬃ Å Å
😀 family 👨‍👩‍👧‍👦 flag 🇮🇩 thumbs 👍🏽 heart ❤️ and 🥲🫠 done
tabs\tand\u00a0spaces\u2003wide\u3000here\u200b\u200d\ufeff soft\u00adhyphen \u0000nul \ufffd \x07bell \x7f
punctuation: «quotes» “curly” ‘single’ … – — ¡hola! ¿qué? ₹100 €5 $3 +=<>|~^` ©®™ §¶ • ※ ٪ ،
[MASK] inside a[MASK]b [CLS] [SEP][PAD] [UNK] [mask] [ MASK ] [MASK
e\u0301 versus \u00e9 and a\u0323\u0302 a\u0302\u0323 \u1ead combining\u0333 \u0301start x\u20e3
""".splitlines()
SAMPLE = [line for i, line in enumerate(LINES) for _ in range(i + 2)]  # few counts are equal
LINES.append("a" * 100 + " " + "b" * 101 + " " + "é" * 100)
LINES.append("")


HARD = """\u1e0a D\u0307 \u1e9b\u0323 \u0958 \ufb1d \u2f800 \U0002f800 \uf900 \U0001d15e \u0340\u0344 \uac01 \u1100\u1161\u11a8
a\u0327\u0301\u302e\u0323b \u0061\U0001d16d\u0315\u05aeb a\U0001d165\u302e\u0327 \u3042\u3099 \u0f73 \u0f71\u0f72
\U00011938 \U00011935\U00011930 a\u302e\u1df9b a\u1df7\u0300\u05ae\U0001d16d \u0d39\u302e a\U00016ff0\u302eb \u08d3\u302e
\u10a0 \u1c90 \u13a0 \uab70 \u1c80 \ua64a \U00010400 \U0001e900 \u2c2f \ua7c0 \U00010570 \u0130 I\u0307 \u03a3\u03c3\u03c2 \u1e9e \u01c4\u01c5
\U0001f469\u200d\U0001f52c \U0001f1ee\U0001f1e9 \U0001f44d\U0001f3fd 1\ufe0f\u20e3 \u2764\ufe0f \U0001f3f4\U000e0067\U000e0062\U000e007f \U0001f6d8
\u2028\u2029\u0085\u00a0\u1680\u180e\u2000\u202f\u205f\u3000 \u200b\u2060\ufeff\u00ad\u061c \ue000 \U000f0000 \ufdd0 \uffff \ufffe \U0010ffff
\u4e00\u9fff\u3400\U00020000\U0002a6df\U0002b820\U00030000 \uff21\uff42 \u3001\u3002 \u30fb \u2e3a \U00010100 \u060c \u0964 \u104a \u1361 \u2018""".splitlines()


ADDED = [
    AddedToken("Foo-Bar"), AddedToken("<ctrl>", special=True), AddedToken("ayam", single_word=True),
    AddedToken("<gap>", lstrip=True, rstrip=True, special=True), AddedToken("東京"), AddedToken("ab"), AddedToken("abc"),
    AddedToken("Über", normalized=False), AddedToken("New  York"), AddedToken("saya"), AddedToken("##x"),
    AddedToken("É", single_word=True), AddedToken(" mit ", normalized=False)]
TEXTS_WITH_ADDED = """foo-bar Foo-Bar FOO-BAR xFoo-Bary foo - bar
a<ctrl>b <CTRL> <ctrl><ctrl> [MASK]<ctrl>[MASK]
ayam Ayam ayamku kuayam ayam, (ayam) ayam_1 1ayam 鸡ayam ayam\u0301 ÁYAM ayam\u200d
a <gap> b<gap>c <gap> <gap>  d <gap>
東京タワー 東 京 x東京y
ab abc abcd abab xabcy aBc ab c ABC
Über über ÜBER Übermut U\u0308ber
new york new  york NEW  YORK New\tYork new   york
saya Saya SAYA sayang sayasaya
x ##x a##x ##X
é É e É, aé e\u0301 É\u0301
a mit b  mit  mit c mit
""".splitlines()


def random_lines():
    source = random.Random(1)
    for _ in range(30):
        codes = [source.randrange(0x110000 if i % 2 else 0x3000) for i in range(60)]
        yield "".join(" " if 0xD800 <= c < 0xE000 or i % 7 == 6 else chr(c) for i, c in enumerate(codes))


def save_characters(lowercase):
    """Every character that is left after normalisation, alone and as ##."""
    lines = HARD + list(random_lines())
    everything = BertWordPieceTokenizer(lowercase=lowercase)
    normalized = "".join(everything._tokenizer.normalizer.normalize_str(line) for line in lines)
    characters = sorted(set(normalized) - {" "})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + characters + ["##" + c for c in characters]
    directory = GOLDEN / f"characters-{'uncased' if lowercase else 'cased'}"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "vocab.txt").write_text("".join(token + "\n" for token in vocabulary))
    vocab = str(directory / "vocab.txt")
    write_cases(directory, BertWordPieceTokenizer(vocab, lowercase=lowercase), lowercase, lines)
    if not lowercase:  # the same vocabulary as tokenizer.json, with settings of its own
        other = BertWordPieceTokenizer(vocab, lowercase=False, strip_accents=True, handle_chinese_chars=False)
        directory = GOLDEN / "characters-json"
        directory.mkdir(parents=True, exist_ok=True)
        other.save(str(directory / "tokenizer.json"), pretty=False)
        write_cases(directory, other, lowercase, lines)
        (directory / "tokenizer_config.json").unlink()


def write_cases(directory, tokenizer, lowercase, lines):
    (directory / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "BertTokenizer", "do_lower_case": lowercase, "strip_accents": None}) + "\n")
    write_ids(directory, tokenizer, lines)


def write_ids(directory, tokenizer, lines):
    cases = [{"text": line, "ids": tokenizer.encode(line, add_special_tokens=False).ids} for line in lines]
    (directory / "expected.json").write_text(json.dumps(cases, ensure_ascii=True, indent=0) + "\n")
    print(directory.name, sum(len(c["ids"]) for c in cases), "ids")


def save_json(name, tokenizer, lines):
    directory = GOLDEN / name
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
    write_ids(directory, tokenizer, lines)


def save_added():
    tokenizer = Tokenizer.from_str(BertWordPieceTokenizer(str(GOLDEN / "uncased" / "vocab.txt"))._tokenizer.to_str())
    tokenizer.add_tokens(ADDED)
    save_json("added", tokenizer, TEXTS_WITH_ADDED + LINES)


def save_steps(name, normalizer, pre_tokenizer):
    """Of every single character there is, so that no difference hides in an [UNK]."""
    lines = HARD + LINES
    characters = sorted({c for line in lines for text in (line, normalizer.normalize_str(line) if normalizer else "") for c in text} - {" ", "\0"})
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + characters + ["##" + c for c in characters]
    tokenizer = Tokenizer(models.WordPiece({token: i for i, token in enumerate(tokens)}, unk_token="[UNK]",
                                           max_input_chars_per_word=100))
    tokenizer.add_special_tokens(tokens[:5])
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    save_json(name, tokenizer, lines)


def save(kind, lowercase):
    tokenizer = BertWordPieceTokenizer(lowercase=lowercase, strip_accents=lowercase)
    tokenizer.train_from_iterator(SAMPLE, vocab_size=900, min_frequency=2, limit_alphabet=600)
    directory = GOLDEN / kind
    directory.mkdir(parents=True, exist_ok=True)
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (directory / "vocab.txt").write_text("".join(token + "\n" for token, _ in tokens))
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    write_cases(directory, tokenizer, lowercase, LINES)


GOLDEN.mkdir(parents=True, exist_ok=True)
(GOLDEN / "sample.txt").write_text("\n".join(SAMPLE) + "\n")
wanted = sys.argv[1:] or ["uncased", "cased", "characters", "json"]
for name, lower in (("uncased", True), ("cased", False)):
    if name in wanted:
        save(name, lower)
if "json" in wanted:
    save_added()
    save_steps("unnormalized", None, pre_tokenizers.BertPreTokenizer())
    save_steps("sequence", normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents()]),
               pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]))
if "characters" in wanted:
    save_characters(True)
    save_characters(False)
