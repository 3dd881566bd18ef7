#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`clbert tokenize`, `prepare` and `vocab` beside Hugging Face's tokenizers: the same text, one run.

TEXT is one file of plain text (tools/real-text makes some); it is repeated up to --megabytes. Times
are of whole commands: start, reading and writing count for clbert, not for tokenizers, which is
given its lines in memory. Needs: pip install tokenizers.
Usage: tools/bench_data.py TEXT... [--megabytes 40] [--threads 2] [--clbert build/clbert]
"""
import argparse
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import time


def seconds_of(function, repeats=1):
    best = float("inf")
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - begin)
    return best


def write_text(options, path):
    texts = [open(text, "rb").read() + b"\n" for text in options.texts]
    with open(path, "wb") as file:
        while file.tell() < options.megabytes * 1e6:
            for text in texts:
                file.write(text)
    with open(path, "rb") as plain, gzip.open(f"{path}.gz", "wb", 6) as packed:
        shutil.copyfileobj(plain, packed)
    return os.path.getsize(path) / 1e6


def clbert_seconds(options, text, directory, threads):
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    tokenizer, corpus = f"{directory}/tokenizer", f"{directory}/corpus"

    def run(*arguments, stdin=None):
        subprocess.run([options.clbert, *arguments], check=True, env=environment, stdin=stdin,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def tokenize():
        with open(text, "rb") as file:
            run("tokenize", "--tokenizer", tokenizer, stdin=file)

    vocab = seconds_of(lambda: run("vocab", "--overwrite", "--vocab-size", str(options.vocab_size), "--output",
                                   tokenizer, text), 3)
    def prepare(path):
        return seconds_of(lambda: run("prepare", "--overwrite", "--tokenizer", tokenizer, "--output", corpus, path), 3)

    return {"tokenize": seconds_of(tokenize, 3), "prepare": prepare(text), "from .gz": prepare(f"{text}.gz"),
            "vocab": vocab}


def tokenizers_seconds(options, text, directory):
    from tokenizers import BertWordPieceTokenizer
    lines = open(text, encoding="utf-8").read().splitlines()
    tokenizer = BertWordPieceTokenizer(f"{directory}/tokenizer/vocab.txt")
    trained = BertWordPieceTokenizer()
    encode = seconds_of(lambda: tokenizer.encode_batch(lines, add_special_tokens=False))
    train = seconds_of(lambda: trained.train_from_iterator(lines, vocab_size=options.vocab_size,
                                                           show_progress=False))
    return {"tokenize": encode, "prepare": encode, "from .gz": encode, "vocab": train}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", nargs="+", metavar="TEXT")
    parser.add_argument("--megabytes", type=float, default=40)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--vocab-size", type=int, default=8000)
    parser.add_argument("--clbert", default="build/clbert")
    options = parser.parse_args()
    os.environ["RAYON_NUM_THREADS"] = str(options.threads)
    with tempfile.TemporaryDirectory() as directory:
        text = f"{directory}/text.txt"
        size = write_text(options, text)
        one = clbert_seconds(options, text, directory, 1)
        all_threads = clbert_seconds(options, text, directory, options.threads)
        other = tokenizers_seconds(options, text, directory)
        print(f"{size:.1f} MB of text, vocabulary {options.vocab_size}; MB/s")
        print(f"{'':<10}{'1 thread':>10}{f'{options.threads} threads':>11}{'speed-up':>10}"
              f"{'tokenizers':>12}{'ratio':>8}")
        for name in ("tokenize", "prepare", "from .gz", "vocab"):
            print(f"{name:<10}{size / one[name]:>10.1f}{size / all_threads[name]:>11.1f}"
                  f"{one[name] / all_threads[name]:>10.2f}{size / other[name]:>12.1f}"
                  f"{other[name] / all_threads[name]:>8.1f}")
    return 0


sys.exit(main())
