#!/usr/bin/env python3
"""Makes tests/golden/text: sentences in many scripts, vocabularies trained on them by Hugging Face's
tokenizers, and the ids that BertTokenizerFast's pipeline gives, for tests/test_tokenizer.c and
tests/test_vocab.c.

Needs: pip install tokenizers. Usage: tools/make_golden_text.py
"""
import json
import pathlib

from tokenizers import BertWordPieceTokenizer

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


def save(kind, lowercase):
    tokenizer = BertWordPieceTokenizer(lowercase=lowercase, strip_accents=lowercase)
    tokenizer.train_from_iterator(SAMPLE, vocab_size=900, min_frequency=2, limit_alphabet=600)
    directory = GOLDEN / kind
    directory.mkdir(parents=True, exist_ok=True)
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (directory / "vocab.txt").write_text("".join(token + "\n" for token, _ in tokens))
    (directory / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "BertTokenizer", "do_lower_case": lowercase, "strip_accents": None}) + "\n")
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    cases = [{"text": line, "ids": tokenizer.encode(line, add_special_tokens=False).ids} for line in LINES]
    (directory / "expected.json").write_text(json.dumps(cases, ensure_ascii=True, indent=0) + "\n")
    print(kind, len(tokens), sum(len(c["ids"]) for c in cases))


GOLDEN.mkdir(parents=True, exist_ok=True)
(GOLDEN / "sample.txt").write_text("\n".join(SAMPLE) + "\n")
save("uncased", True)
save("cased", False)
