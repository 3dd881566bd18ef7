#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example stream of a corpus of 200 million sentences: how soon a step is entered, how much
memory that takes, how many tokens a second the loader gives.

The corpus is synthetic: an index with lengths and documents as of a real text, and a sparse .bin
(every token is [PAD]). Needs 3 GB of disk, and numpy. CORPUS is any small one of clbert prepare,
for its vocabulary.
Usage: tools/bench_stream.py CORPUS [--sentences 200000000] [--clbert build/clbert]
"""
import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

CHUNK = 10_000_000


def write_index(prefix, sentences, random):
    """Lengths 1 .. 60, documents of 1 .. 40 sentences. Returns documents and tokens."""
    ends = np.cumsum(random.integers(1, 41, sentences // 10, np.int64))
    documents = np.concatenate([[0], ends[ends < sentences], [sentences]]).astype("<i8")
    with open(f"{prefix}.idx", "wb") as idx, tempfile.TemporaryFile() as offsets:
        idx.write(b"MMIDIDX\0\0" + np.uint64(1).tobytes() + np.uint8(8).tobytes() +
                  np.uint64(sentences).tobytes() + np.uint64(len(documents)).tobytes())
        tokens = 0
        for begin in range(0, sentences, CHUNK):
            part = random.integers(1, 61, min(CHUNK, sentences - begin)).astype("<i4")
            idx.write(part.tobytes())
            after = tokens + np.cumsum(part, dtype=np.int64)
            offsets.write((2 * (after - part)).astype("<i8").tobytes())
            tokens = int(after[-1])
        offsets.seek(0)
        shutil.copyfileobj(offsets, idx, 1 << 24)
        idx.write(documents.tobytes())
    with open(f"{prefix}.bin", "wb") as file:
        file.truncate(2 * tokens)
    return len(documents) - 1, tokens


def make_corpus(options, directory):
    shutil.copytree(options.corpus, directory, dirs_exist_ok=True)
    documents, tokens = write_index(f"{directory}/train", options.sentences, np.random.default_rng(1))
    with open(f"{directory}/corpus.json", encoding="utf-8") as file:
        description = json.load(file)
    description["train"] = {"documents": documents, "sentences": options.sentences, "tokens": tokens}
    with open(f"{directory}/corpus.json", "w", encoding="utf-8") as file:
        json.dump(description, file)
    return tokens


def inspect(options, directory, *arguments):
    """Seconds of the whole command, its peak memory in MiB, and its output."""
    begin = time.perf_counter()
    process = subprocess.Popen([options.clbert, "inspect", "--data", directory, "--json", *map(str, arguments)],
                               stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return time.perf_counter() - begin, usage.ru_maxrss / 1024, output


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", metavar="CORPUS")
    parser.add_argument("--sentences", type=int, default=200_000_000)
    parser.add_argument("--clbert", default="build/clbert")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        # In a process of its own: what this one has held would count as its children's peak.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            tokens = pool.apply(make_corpus, (options, directory))
        print(f"{options.sentences} sentences, {tokens} tokens, index of "
              f"{os.path.getsize(directory + '/train.idx') / 1e9:.2f} GB")
        print(f"{'first example':>16}{'examples':>10}{'command ms':>12}{'peak MiB':>10}")
        for step, batch in ((0, 32), (0, 32), (1_000, 32), (1_000_000, 32), (100_000_000, 32),
                            (12_345_678_901, 32), (1, 100_000)):
            seconds, memory, _ = inspect(options, directory, "--step", step,
                                         "--per-device-train-batch-size", batch)
            print(f"{step * batch:>16}{batch:>10}{1e3 * seconds:>12.1f}{memory:>10.1f}")
        for step in (0, 0, 1_000_000):
            speed = json.loads(inspect(options, directory, "--step", step, "--statistics", 2000)[2])
            print(f"loader, 2000 steps from {step}: the first after "
                  f"{1e3 * speed['loader_first_step_seconds']:.2f} ms, "
                  f"{speed['loader_tokens_per_second'] / 1e6:.1f} million tokens/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
