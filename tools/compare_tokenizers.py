#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares `clbert tokenize` with Hugging Face's BERT tokenizer, id for id.

Text: files that are given; or with --every every code point beside combining marks; or random text of
several kinds, each of as many code points: of every plane, ordinary characters of many scripts with
combining marks, emoji sequences, bytes (decoded with U+FFFD). Cased, uncased and both other settings of accents are tried.
Without --vocab the vocabulary is every code point, alone and as ##, so that no difference hides in
an [UNK]. Needs: pip install tokenizers.
Usage: tools/compare_tokenizers.py [--vocab DIR/vocab.txt] [--every] [--code-points 1000000] [--seed 1]
       [--clbert build/clbert] [TEXT...]
"""
import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

from tokenizers import BertWordPieceTokenizer

LINE = 60
SETTINGS = [{"lowercase": True, "strip_accents": None}, {"lowercase": False, "strip_accents": None},
            {"lowercase": True, "strip_accents": False}, {"lowercase": False, "strip_accents": True},
            {"lowercase": True, "strip_accents": None, "handle_chinese_chars": False}]
SCRIPTS = [(0x20, 0x7F), (0xA0, 0x250), (0x300, 0x370), (0x370, 0x530), (0x590, 0x700), (0x900, 0xE80),
           (0x1E00, 0x2100), (0x2000, 0x2070), (0x3000, 0x3130), (0x4E00, 0x4F00), (0xAC00, 0xAD00),
           (0xFB00, 0xFFFE), (0x1F1E6, 0x1F700)]


def random_lines(count, seed):
    source = random.Random(seed)

    def any_plane():
        code = source.randrange(0x110000)
        return " " if 0xD800 <= code < 0xE000 else chr(code)

    def script():
        return chr(source.randrange(*source.choice(SCRIPTS)))

    def emoji():
        return source.choice(["\u200d", "\ufe0f", chr(source.randrange(0x1F3FB, 0x1F400)),
                              chr(source.randrange(0x1F1E6, 0x1F200)), chr(source.randrange(0x1F300, 0x1FAFF)), " "])

    for _ in range(count // LINE + 1):
        for character in (any_plane, script, emoji):
            yield "".join(character() for _ in range(LINE))
        yield bytes(source.randrange(256) for _ in range(LINE)).decode("utf-8", "replace")


def every_line():
    """Every code point before and behind combining marks of several classes."""
    words = []
    for code in [c for c in range(0x21, 0x110000) if not 0xD800 <= c < 0xE000]:
        c = chr(code)
        words += ["a" + mark + c + "b" + c + mark for mark in ("\u302e", "\U0001d165", "\U0001d16d")]
        words.append(c + "\u0327\u302e")
        if len(words) >= 60 or code == 0x10FFFF:
            yield " ".join(words)
            words = []


def write_every_code_point(path):
    characters = [chr(c) for c in range(0x21, 0x110000) if not 0xD800 <= c < 0xE000]
    characters = [c for c in characters if not c.isspace()]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + characters +
                             ["##" + c for c in characters]) + "\n")


def clbert_ids(options, directory, text):
    process = subprocess.run([options.clbert, "tokenize", "--json", "--tokenizer", directory], input=text.encode(),
                             capture_output=True, check=True)
    return [json.loads(line)["ids"] for line in process.stdout.splitlines()]


def batches(lines):
    """Lists of lines of some megabytes: tokenizers needs a hundred times as much memory."""
    batch, size = [], 0
    for line in lines:
        batch.append(line)
        size += len(line)
        if size > 8_000_000:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def compare(options, all_lines, setting):
    tokenizer = BertWordPieceTokenizer(options.vocab, **setting)
    with tempfile.TemporaryDirectory() as directory:
        shutil.copy(options.vocab, f"{directory}/vocab.txt")
        config = {"tokenizer_class": "BertTokenizer", "do_lower_case": setting["lowercase"],
                  "strip_accents": setting["strip_accents"],
                  "tokenize_chinese_chars": setting.get("handle_chinese_chars", True)}
        pathlib.Path(directory, "tokenizer_config.json").write_text(json.dumps(config))
        ids = differ = 0
        for lines in batches(all_lines):
            expected = [e.ids for e in tokenizer.encode_batch(lines, add_special_tokens=False)]
            ours = clbert_ids(options, directory, "\n".join(lines) + "\n")
            assert len(ours) == len(expected), (len(ours), len(expected))
            wrong = [i for i in range(len(lines)) if ours[i] != expected[i]]
            ids += sum(map(len, expected))
            differ += len(wrong)
            for i in wrong[:5]:
                print("  ", ascii(lines[i]), "\n   clbert", ours[i], "\n   tokenizers", expected[i])
    print(f"{setting}: {len(all_lines)} lines, {ids} ids, {differ} lines differ", flush=True)
    return not differ


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", nargs="*", metavar="TEXT")
    parser.add_argument("--vocab")
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--code-points", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clbert", default="build/clbert")
    options = parser.parse_args()
    lines = [line for text in options.texts for line in open(text, encoding="utf-8", errors="replace")]
    if options.every:
        lines += every_line()
    lines = lines or list(random_lines(options.code_points, options.seed))
    lines = [line.replace("\n", " ").replace("\r", " ") for line in lines]
    with tempfile.TemporaryDirectory() as directory:
        if not options.vocab:
            options.vocab = f"{directory}/vocab.txt"
            write_every_code_point(options.vocab)
        return 0 if all([compare(options, lines, setting) for setting in SETTINGS]) else 1


sys.exit(main())
