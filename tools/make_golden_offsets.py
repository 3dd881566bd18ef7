#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/text/offsets.json for tests/test_offsets.c: texts, and the ids and offsets that
Hugging Face's tokenizers give with the tokenizers of tools/make_golden_text.py, which come first.

Texts are those of that tool, hard cases by hand, and random mixtures of their characters.
Needs: pip install tokenizers transformers. Usage: tools/make_golden_offsets.py
"""
import json
import pathlib
import random

from tokenizers import Tokenizer
from transformers import BertTokenizerFast

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "text"
HARD = """Saya makan nasi.  Dia\ttidur, lalu\u00a0pergi ke  warung .
caf\u00e9 cafe\u0301 cafe\u0301s \u00e9t\u00e9 e\u0301te\u0301 \u0301 a\u0301\u0302\u0303 \u1ead a\u0323\u0302 a\u0302\u0323 \u00e2\u0323 \u1ea1\u0302
\u0130stanbul \u0130 \u0130\u0323x I\u0307 D\u0130YARBAKIR \u1e9e Stra\u00dfe \ufb01n \ufb03 \u01c4 \u01c5 \u212b \u2126 \u03a3\u03c3\u03c2
a\u302e\u0327b \u0327\u302e a\u0327\u302e\u0323c a\U0001d165\u302e\u0327 a\U0001d16d\u0315b \u0f73\u302e \u0344\u302e\u0323x \u01d5\u0323\u302ez
\uac01\uac00 \u1100\u1161\u11a8 \u0958\u0915\u093c \u0939\u093f\u0928\u094d\u0926\u0940 \u0930\u093e\u091c\u093e \u3042\u3099\u304c \ufb1d \u05e9\u05c1\u05bc
\u6211\u80fd\u541e\u4e0b\u73bb\u7483\uff0c\u4e0d\u4f24\u8eab\u4f53\u3002x\u4e2dy \u4e2d\u0301z \ufa0c \U0002f800\U00020000a \u6771\u4eac\u30bf\u30ef\u30fc
\U0001f468\u200d\U0001f469\u200d\U0001f467 a\u200db \U0001f44d\U0001f3fd!\u2764\ufe0f \U0001f1ee\U0001f1e9 1\ufe0f\u20e3 \U0001f972x
\u0645\u064f\u062f\u064e\u0631\u0651\u0650\u0633\u064e\u0629\u064c \u0622\u0628 \u0627\u0653 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645\u060c \u06f1\u06f2
a\u0000b \u0000 \u0007c\u0007 \u0007\u0007 d\u00ade \ufeffsaya\ufeff \u200b makan\u200b. x\ufffdy \ufffd \x7f\u0085z\u2028w\u3000v
[MASK] a[MASK]b [CLS][SEP] [mask] [UNK] x[UNK]y [PAD], [MASK]\u0301 \u0301[MASK] [MA\u0000SK] [ MASK ]
doesn't 3.14 --x-- (a)b \u201ccurly\u201d \u2026 \u2014a\u2014 $5\u20ac x^2 a_b ~ ` \u00ab \u00bf
foo-bar F\u00f6o-Bar x<ctrl>y <CTRL> \u00c9 \u00e9 e\u0301 a <gap>  b<gap>  <gap> c  <gap>d new york NEW  YORK b\u0301 mit c  mit
\u0110\u01b0\u1eddng v\u1ec1 nh\u00e0 \u1ea4m \u00e1p Q\u00faa\u0301 \u041e\u0434\u0438\u043d \u0419\u041e\u0414 \u0438\u0306 \u0401\u043b\u043a\u0430 \u0386\u03bd\u03b8\u03c1\u03c9\u03c0\u03bf\u03c2 \u0e19\u0e49\u0e33""".splitlines()
LONG = ["a" * 100 + " " + "b" * 101 + "," + "\u00e9" * 100 + " " + "e\u0301" * 101 + " \u4e2d" + "c" * 250 + "!",
        "x" + "\u0301" * 120 + "y z" + "\u200b" * 101 + "w " + "\u0130" * 60, " ", "\u0301", "\u0007"]
RANDOM_LINES, RANDOM_LENGTH = 100, 25


def texts():
    """Of the other golden files, of this one, and random ones of their characters."""
    lines = HARD + LONG
    for name in ("uncased", "characters-cased", "added"):
        for case in json.loads((GOLDEN / name / "expected.json").read_text()):
            lines.append(case["text"])
    lines = list(dict.fromkeys(lines))
    source = random.Random(1)
    marks = "\u0301\u0323\u0327\u302e\u200d\u0000\u00ad"
    characters = sorted({c for line in lines for c in line})
    words = [word for line in HARD for word in line.split(" ")]
    for _ in range(RANDOM_LINES):
        parts = []
        for _ in range(RANDOM_LENGTH):
            parts.append(source.choice((source.choice(characters), source.choice(words), source.choice(marks), " ", "",
                                        source.choice("aeiouAEIOU"))))
        lines.append("".join(parts))
    return lines


def open_tokenizer(directory):
    """As transformers opens it; what is in a tokenizer.json alone, as tokenizers does."""
    if (directory / "tokenizer.json").exists():
        return Tokenizer.from_file(str(directory / "tokenizer.json"))
    config = json.loads((directory / "tokenizer_config.json").read_text())
    vocab = {line: i for i, line in enumerate((directory / "vocab.txt").read_text().split("\n")[:-1])}
    return BertTokenizerFast(vocab=vocab, do_lower_case=config["do_lower_case"]).backend_tokenizer


def row(values):
    return json.dumps(values, separators=(",", ":"))


def main():
    lines = texts()
    members = ['"texts":' + row(lines)]
    for directory in sorted(path for path in GOLDEN.iterdir() if path.is_dir()):
        tokenizer = open_tokenizer(directory)
        encodings = [tokenizer.encode(line, add_special_tokens=False) for line in lines]
        ids = [encoding.ids for encoding in encodings]
        offsets = [[at for pair in encoding.offsets for at in pair] for encoding in encodings]
        members.append(f'"{directory.name}":{{"ids":{row(ids)},\n"offsets":{row(offsets)}}}')
        print(directory.name, len(lines), "texts,", sum(map(len, ids)), "ids")
    (GOLDEN / "offsets.json").write_text("{" + ",\n".join(members) + "}\n")


main()
