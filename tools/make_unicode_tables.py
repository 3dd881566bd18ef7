#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes src/tokenizer/unicode_tables.c: the character classes of Hugging Face's BertNormalizer and
BertPreTokenizer, and its lower case, asked of the tokenizers library itself, code point by code
point. Its tables are of other Unicode versions than ICU's (older classes, newer lower case), so ICU
cannot stand in for them.

Needs: pip install tokenizers. Usage: tools/make_unicode_tables.py
"""
import pathlib

import tokenizers
from tokenizers.normalizers import BertNormalizer, StripAccents
from tokenizers.pre_tokenizers import BertPreTokenizer

OUTPUT = pathlib.Path(__file__).resolve().parent.parent / "src" / "tokenizer" / "unicode_tables.c"
off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
clean = BertNormalizer(**{**off, "clean_text": True})
lower = BertNormalizer(**{**off, "lowercase": True})
chinese = BertNormalizer(**{**off, "handle_chinese_chars": True})
accents = BertNormalizer(**{**off, "strip_accents": True})
split = BertPreTokenizer()

lowered = {}
tables = {"removed": [], "space": [], "punctuation": [], "mark": [], "combining": [], "ideograph": []}
for code in range(0x80, 0x110000):
    if 0xD800 <= code <= 0xDFFF:
        continue
    c = chr(code)
    small = lower.normalize_str(c)
    if small != c and len(small) == 1:
        lowered[code] = ord(small)
    if StripAccents().normalize_str(c) == "":
        tables["combining"].append(code)
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


def lower_runs():
    """Runs of code points of which every first or second has the lower case at the same distance."""
    runs = []  # [first, last, lower case of the first, step]
    for code, small in lowered.items():
        if runs:
            first, last, to, step = runs[-1]
            distance = code - last
            if to - first == small - code and distance in (1, 2) and (last == first or distance == step):
                runs[-1] = [first, code, to, distance]
                continue
        runs.append([code, code, small, 1])
    return runs


def write_rows(out, rows, a_line):
    for i in range(0, len(rows), a_line):
        out.write("    " + " ".join("{" + ", ".join(row) + "}," for row in rows[i:i + a_line]) + "\n")


with OUTPUT.open("w") as out:
    out.write("/* SPDX-License-Identifier: Apache-2.0 */\n")
    out.write(f"/* Made by tools/make_unicode_tables.py from tokenizers {tokenizers.__version__}. */\n")
    out.write('#include "tokenizer/unicode_tables.h"\n\n/* clang-format off */')
    for name, codes in tables.items():
        pairs = ranges(codes)
        out.write(f"\nconst struct tokenizer_range tokenizer_{name}[] = {{\n")
        write_rows(out, [["0x%X" % p for p in pair] for pair in pairs], 4)
        out.write(f"}};\nconst int tokenizer_{name}_count = {len(pairs)};\n")
    runs = lower_runs()
    out.write("\nconst struct tokenizer_lower_run tokenizer_lower[] = {\n")
    write_rows(out, [["0x%X" % n for n in run[:3]] + [str(run[3])] for run in runs], 3)
    out.write(f"}};\nconst int tokenizer_lower_count = {len(runs)};\n")
