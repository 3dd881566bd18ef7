#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares `clbert vocab` with Hugging Face's BertWordPieceTrainer on the same text.

Theirs breaks ties between equally frequent pairs by the order of a hash table, which differs from run to
run; so it is trained twice, and what differs between its own two runs is the measure. From a text whose
frequent pairs all differ in frequency (a large one, a small vocabulary) all three must be equal.
Needs: pip install tokenizers. Usage: tools/compare_vocabularies.py TEXT... [--sizes 1000 8000 30000]
       [--clbert build/clbert]
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

THEIRS = """
import sys
from tokenizers import BertWordPieceTokenizer
t = BertWordPieceTokenizer()
t.train(sys.argv[2:], vocab_size=int(sys.argv[1]), show_progress=False)
print("\\n".join(t.get_vocab()))
"""


def train_theirs(texts, size):
    output = subprocess.run([sys.executable, "-c", THEIRS, str(size), *texts], check=True, capture_output=True)
    return set(output.stdout.decode().split("\n")[:-1])


def train_ours(options, size):
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([options.clbert, "vocab", "--vocab-size", str(size), "--output", directory, *options.texts],
                       check=True, stdout=subprocess.DEVNULL)
        return set(pathlib.Path(directory, "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", nargs="+", metavar="TEXT")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 8000, 30000])
    parser.add_argument("--clbert", default="build/clbert")
    options = parser.parse_args()
    print(f"{'size':>8}{'ours - theirs':>16}{'theirs - theirs again':>24}")
    for size in options.sizes:
        ours, first, again = train_ours(options, size), train_theirs(options.texts, size), train_theirs(options.texts, size)
        print(f"{size:>8}{len(ours - first):>16}{len(again - first):>24}", flush=True)
    return 0


sys.exit(main())
