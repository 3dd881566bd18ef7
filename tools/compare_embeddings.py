#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares clbert's sentence embeddings with sentence-transformers', on texts of mixed length, among
them empty ones, ones over the limit and Unicode; the largest difference should be below 1e-5. With
--time it measures both by turns, on the CPU with all its cores: encode() of a loaded model in
batches of 32 and of 128, and the whole command of clbert, which loads it first.

Needs: pip install sentence-transformers. Usage: tools/compare_embeddings.py MODEL-DIRECTORY
[--clbert PROGRAM] [--texts FILE] [--count N] [--time] [--rounds N] [CLBERT-OPTION...]
The texts are the lines of FILE, or what Debian's packages that are installed say of themselves.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import tempfile
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import numpy
from sentence_transformers import SentenceTransformer

ODD = ["", " ", "\t\n ", "a", ".", "[CLS] [SEP] [MASK]", "the [MASK] sat", "x" * 99, "x" * 101,
       "word " * 254, "word " * 255, "word " * 5000, "İSTANBUL straße ΣΊΣΥΦΟΣ", "e\u0301 é ﬁ Å",
       "日本語のテキスト、汉字", "한국어 문장", "שלום עולם", "مرحبا بالعالم", "हिन्दी में", "👩‍👩‍👧 🏳️‍🌈 😀",
       "zero\u200bwidth\u00adsoft", "a\u0000b\u0001c", "\ufffd", "line\nbreak\r\nhere", "\u3000wide\u00a0space"]


def descriptions():
    """Of the installed packages: the line, each paragraph below it, and all of it."""
    shown = subprocess.run(["dpkg-query", "--show", "--showformat=${Description}\\n\\n"], capture_output=True,
                           text=True, check=True).stdout
    for description in shown.strip().split("\n\n"):
        line, *body = description.split("\n")
        paragraphs = " ".join(more.strip() for more in body).split(" . ")
        yield line
        yield from (paragraph for paragraph in paragraphs if paragraph)
        yield " ".join([line] + paragraphs)


def read_texts(options):
    if options.texts:
        with open(options.texts, encoding="utf-8") as lines:
            texts = [line.rstrip("\n") for line in lines]
    else:
        texts = list(dict.fromkeys(descriptions()))
    random.Random(1).shuffle(texts)
    return texts[:options.count]


def embed(options, texts, folder, more):
    """The vectors, and the seconds of the whole command."""
    path, output = os.path.join(folder, "texts.jsonl"), os.path.join(folder, "vectors.npy")
    with open(path, "w", encoding="utf-8") as out:
        for text in texts:
            out.write(json.dumps({"text": text}) + "\n")
    begin = time.perf_counter()
    subprocess.run([options.clbert, "embed", "--model", options.model, "--device", "cpu", "--input", path,
                    "--output", output, "--overwrite", *more], check=True)
    return numpy.load(output), time.perf_counter() - begin


def compare(options, model, folder, more):
    texts = ODD + read_texts(options)
    random.Random(2).shuffle(texts)
    ours, _ = embed(options, texts, folder, more)
    theirs = model.encode(texts)
    assert ours.shape == theirs.shape and ours.dtype == numpy.float32, (ours.shape, theirs.shape)
    difference = numpy.abs(ours - theirs).max(1)
    worst = int(difference.argmax())
    print(f"{len(texts)} texts, {ours.shape[1]} numbers each: largest difference {difference[worst]:.2e}, "
          f"in {texts[worst][:40]!r}")
    return difference[worst] < 1e-5


def measure(options, model, folder, more):
    texts = read_texts(options)
    limit = model.max_seq_length
    tokens = sum(min(limit, len(ids)) for ids in model.tokenizer(texts)["input_ids"])
    print(f"{len(texts)} texts, {tokens} tokens: {tokens / len(texts):.1f} each")

    def encode(size):
        begin = time.perf_counter()
        model.encode(texts, batch_size=size)
        return time.perf_counter() - begin

    runs = {"clbert": lambda: embed(options, texts, folder, more)[1],
            "sentence-transformers, 32": lambda: encode(32),
            "sentence-transformers, 128": lambda: encode(128)}
    seconds = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, run in runs.items():
            seconds[name].append(run())
    ours = statistics.median(seconds["clbert"])
    for name, times in seconds.items():
        median = statistics.median(times)
        print(f"{name:28} {len(texts) / median:8.1f} texts/s {tokens / median:9.0f} tokens/s  "
              f"clbert is {median / ours:.2f} times as fast  (of {options.rounds}: {min(times):.2f} .. "
              f"{max(times):.2f} s)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--clbert", default="build/clbert")
    parser.add_argument("--texts")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--time", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options, more = parser.parse_known_args()
    model = SentenceTransformer(options.model, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        if options.time:
            measure(options, model, folder, more)
        else:
            raise SystemExit(not compare(options, model, folder, more))


if __name__ == "__main__":
    main()
