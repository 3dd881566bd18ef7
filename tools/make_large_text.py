#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Text of any size whose words follow Zipf's law: what a trainer of vocabularies finds in a real one.

Words are invented by a chain of letters learned from TEXT (tools/real-text makes some), shorter ones
more frequent; sentences, paragraphs and documents are of ordinary length. It means nothing: it is for
measuring time and memory only. Needs: pip install numpy.
Usage: tools/make_large_text.py TEXT... --megabytes 10000 [--distinct 20000000] [--seed 1] > LARGE
"""
import argparse
import re
import sys

import numpy as np

BATCH = 1 << 20  # words written at once
LONGEST = 20     # letters


def letter_chain(texts):
    """For every letter (0: the word's beginning or end) the cumulated shares of the one after it."""
    words = re.findall(r"[a-z]+", " ".join(texts).lower())
    counts = np.zeros((27, 27))
    for word in words:
        letters = [0] + [ord(c) - 96 for c in word] + [0]
        np.add.at(counts, (letters[:-1], letters[1:]), 1)
    counts += 1e-9
    return np.cumsum(counts / counts.sum(1, keepdims=True), axis=1)


def invent_words(chain, distinct, random):
    """About `distinct` different words, roughly the shorter the earlier."""
    found = np.zeros(0, f"S{LONGEST}")
    while len(found) < distinct:
        n = max(distinct, 1 << 16)
        letters = np.zeros((n, LONGEST), np.uint8)
        last = np.zeros(n, np.int64)
        alive = np.ones(n, bool)
        for i in range(LONGEST):
            last = np.concatenate([(random.random(len(part), np.float32)[:, None] > chain[part]).sum(1)
                                   for part in np.array_split(last, n >> 16)])
            last = np.minimum(last, 26)
            alive &= last > 0
            letters[:, i] = np.where(alive, last + 96, 0)
        more = letters.view(f"S{LONGEST}")[:, 0]
        found = np.unique(np.concatenate([found, more[more != b""]]))
    found = random.permutation(found)[:distinct]
    rank = np.char.str_len(found) + 6 * random.random(len(found))
    return found[np.argsort(rank, kind="stable")]


def zipf_ranks(distinct, count, random):
    """Ranks with shares ~ (rank + 2.7) ** -1.07, by the inverse of their integral."""
    low, high = 2.7 ** -0.07, (distinct + 2.7) ** -0.07
    ranks = (low - random.random(count) * (low - high)) ** (-1 / 0.07) - 2.7
    return np.clip(ranks.astype(np.int64), 0, distinct - 1)


def write_text(words, megabytes, random, out):
    letters = words.view(np.uint8).reshape(len(words), LONGEST)
    ends = np.frombuffer(b" \0\0. \0.\n\0.\n\n", np.uint8).reshape(4, 3)
    written = 0
    while written < megabytes * 1e6:
        which = np.searchsorted([0.95, 0.99, 0.998], random.random(BATCH, np.float32))
        rows = np.concatenate([letters[zipf_ranks(len(words), BATCH, random)], ends[which]], 1)
        text = rows.tobytes().translate(None, b"\0")
        out.write(text)
        written += len(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", nargs="+", metavar="TEXT")
    parser.add_argument("--megabytes", type=float, required=True)
    parser.add_argument("--distinct", type=int, default=20_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    texts = [open(text, encoding="utf-8").read() for text in options.texts]
    words = invent_words(letter_chain(texts), options.distinct, random)
    write_text(words, options.megabytes, random, sys.stdout.buffer)
    return 0


sys.exit(main())
