#!/usr/bin/env python3
"""Makes src/text/unicode_tables.c: the character classes of Hugging Face's BertNormalizer and
BertPreTokenizer, asked of the tokenizers library itself, code point by code point. Its tables are of
older Unicode versions than ICU's, so ICU cannot stand in for them.

Needs: pip install tokenizers. Usage: tools/make_unicode_tables.py
"""
import pathlib

import tokenizers
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

OUTPUT = pathlib.Path(__file__).resolve().parent.parent / "src" / "text" / "unicode_tables.c"
off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
clean = BertNormalizer(**{**off, "clean_text": True})
chinese = BertNormalizer(**{**off, "handle_chinese_chars": True})
accents = BertNormalizer(**{**off, "strip_accents": True})
split = BertPreTokenizer()

tables = {"removed": [], "space": [], "punctuation": [], "mark": [], "ideograph": []}
for code in range(0x80, 0x110000):
    if 0xD800 <= code <= 0xDFFF:
        continue
    c = chr(code)
    cleaned = clean.normalize_str("a" + c + "a")
    if cleaned == "aa":
        tables["removed"].append(code)
        continue
    if cleaned == "a a":
        tables["space"].append(code)
        continue
    if len(split.pre_tokenize_str("a" + c + "a")) == 3:
        tables["punctuation"].append(code)
    if accents.normalize_str(c) == "":
        tables["mark"].append(code)
    if chinese.normalize_str(c) != c:
        tables["ideograph"].append(code)


def ranges(codes):
    found = []
    for code in codes:
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


with OUTPUT.open("w") as out:
    out.write(f"/* Made by tools/make_unicode_tables.py from tokenizers {tokenizers.__version__}. */\n")
    out.write('#include "text/unicode_tables.h"\n\n/* clang-format off */')
    for name, codes in tables.items():
        pairs = ranges(codes)
        out.write(f"\nconst struct text_range text_{name}[] = {{\n")
        for i in range(0, len(pairs), 4):
            out.write("    " + " ".join("{0x%X, 0x%X}," % tuple(p) for p in pairs[i:i + 4]) + "\n")
        out.write(f"}};\nconst int text_{name}_count = {len(pairs)};\n")
