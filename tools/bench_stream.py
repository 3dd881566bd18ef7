#!/usr/bin/env python3
"""The example stream of a corpus of 200 million sentences: how soon a step is entered, how much
memory that takes, how many tokens a second the loader gives. Memory is all that is resident: anonymous
memory and pages of the mapped files. (--statistics takes a bit a token of the corpus besides.)

The corpus is synthetic: an index with lengths and documents as of a real text, and a sparse .bin
(every token is [PAD]). Needs 3 GB of disk, and numpy. CORPUS is any small one of clbert prepare,
for its vocabulary.
Usage: tools/bench_stream.py CORPUS [--sentences 200000000] [--clbert build/clbert]
"""
import argparse
import json
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


def measure(options, directory, step, steps):
    """Seconds of the whole command, its peak memory in MiB, and what it says of the loader."""
    begin = time.perf_counter()
    process = subprocess.Popen([options.clbert, "inspect", "--data", directory, "--step", str(step),
                                *(["--statistics", str(steps)] if steps else []), "--json"],
                               stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    seconds = time.perf_counter() - begin
    return seconds, usage.ru_maxrss / 1024, json.loads(output) if steps else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", metavar="CORPUS")
    parser.add_argument("--sentences", type=int, default=200_000_000)
    parser.add_argument("--clbert", default="build/clbert")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        tokens = make_corpus(options, directory)
        print(f"{options.sentences} sentences, {tokens} tokens, index of "
              f"{os.path.getsize(directory + '/train.idx') / 1e9:.2f} GB")
        print(f"{'step':>12}{'command ms':>12}{'peak MiB':>10}")
        for step in (0, 0, 1_000, 1_000_000, 100_000_000, 12_345_678_901):
            seconds, memory, _ = measure(options, directory, step, 0)
            print(f"{step:>12}{1e3 * seconds:>12.1f}{memory:>10.1f}")
        for step in (0, 1_000_000):
            measure(options, directory, step, 2000)
            _, memory, speed = measure(options, directory, step, 2000)
            print(f"2000 steps from {step}: the first after "
                  f"{1e3 * speed['loader_first_step_seconds']:.2f} ms, peak {memory:.1f} MiB, "
                  f"{speed['loader_tokens_per_second'] / 1e6:.1f} million tokens/s")
    return 0


sys.exit(main())
