#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares clbert's sentence embeddings with sentence-transformers', on texts of mixed length, among
them empty ones, ones over the limit and Unicode; the largest difference should be below 1e-5. With
--time it measures both by turns, on the CPU with all its cores: encode() of a loaded model in
batches of 32 and of 128, and the whole command of clbert, which loads it first; medians, and of the
CPUs' time, too, which other programs disturb less.

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
    """The vectors."""
    path, output = os.path.join(folder, "texts.jsonl"), os.path.join(folder, "vectors.npy")
    with open(path, "w", encoding="utf-8") as out:
        for text in texts:
            out.write(json.dumps({"text": text}) + "\n")
    subprocess.run([options.clbert, "embed", "--model", options.model, "--device", "cpu", "--input", path,
                    "--output", output, "--overwrite", *more], check=True)
    return numpy.load(output)


def compare(options, model, folder, more):
    texts = ODD + read_texts(options)
    random.Random(2).shuffle(texts)
    ours = embed(options, texts, folder, more)
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

    runs = {"clbert": lambda: embed(options, texts, folder, more),
            "sentence-transformers, 32": lambda: model.encode(texts, batch_size=32),
            "sentence-transformers, 128": lambda: model.encode(texts, batch_size=128)}
    wall, cpu = {name: [] for name in runs}, {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, run in runs.items():
            before, begin = os.times(), time.perf_counter()
            run()
            after = os.times()
            wall[name].append(time.perf_counter() - begin)
            cpu[name].append(sum(after[:4]) - sum(before[:4]))  # of this process and its children
    ours = statistics.median(wall["clbert"]), statistics.median(cpu["clbert"])
    for name in runs:
        seconds, work = statistics.median(wall[name]), statistics.median(cpu[name])
        print(f"{name:27} {len(texts) / seconds:7.1f} texts/s {tokens / seconds:7.0f} tokens/s  "
              f"{min(wall[name]):.2f} .. {max(wall[name]):.2f} s, of the CPUs {work:.2f} s; "
              f"clbert takes 1/{seconds / ours[0]:.2f} of the time, 1/{work / ours[1]:.2f} of the CPUs'")


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
