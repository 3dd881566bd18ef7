#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clbert's training steps beside PyTorch's on the CPU: the same sizes, by turns in one run.

PyTorch takes Hugging Face's model in fp32 and under bf16 autocast, each eager and through
torch.compile; ratios are to the fastest of them. Dropout 0.1, only the masked rows through the MLM
head, AdamW with clipping. Batches are synthetic full sequences (`clbert bench`), or with --data
those of a prepared corpus: clbert trains on it, and PyTorch on the very same examples (`clbert
inspect --json`), in memory and padded to the longest of their batch. Tokens are counted without
padding. Every figure is the median of the repetitions. Needs: pip install torch transformers, and a
C++ compiler for torch.compile.
Usage: tools/bench_pytorch.py [--clbert build/clbert] [--models mini base] [--length 128 512]
                              [--data CORPUS] [--steps 5] [--repetitions 3]
"""
import argparse
import contextlib
import itertools
import json
import statistics
import subprocess
import tempfile
import time

import torch
from transformers import BertConfig, BertForPreTraining

SIZES = {"tiny": (2, 128, 2), "mini": (4, 256, 4), "small": (4, 512, 8), "medium": (8, 512, 8),
         "base": (12, 768, 12), "large": (24, 1024, 16)}
MODES = {"eager": (False, False), "compiled": (True, False), "bf16": (False, True), "bf16 compiled": (True, True)}
WARM_UP = 2


# ---- batches: ids, types, attention mask or None, masked rows, their labels, next sentence, tokens ----

def synthetic_batch(batch, length, vocab):
    ids = torch.randint(0, vocab, (batch, length), generator=torch.Generator().manual_seed(1))
    types = (torch.arange(length) >= length // 2).long().expand(batch, length)
    masked = round(length * 0.15)
    rows = (torch.arange(batch)[:, None] * length + torch.arange(masked)).flatten()
    return ids, types, None, rows, ids.flatten()[rows], torch.arange(batch) % 2, batch * length


def corpus_batch(options, length, step):
    output = subprocess.run(
        [options.clbert, "inspect", "--data", options.data, "--step", str(step), "--max-seq-length", str(length),
         "--per-device-train-batch-size", str(options.batch_size), "--json"],
        capture_output=True, text=True, check=True).stdout
    examples = [json.loads(line) for line in output.splitlines()]
    lengths = torch.tensor([len(e["input_ids"]) for e in examples])
    longest = int(lengths.max())

    def padded(name, value):
        return torch.tensor([e[name] + [value] * (longest - len(e[name])) for e in examples])

    labels = padded("labels", -100).flatten()
    rows = (labels != -100).nonzero().flatten()
    attention = (torch.arange(longest) < lengths[:, None]).long()
    next_sentence = torch.tensor([e["next_sentence_label"] for e in examples])
    return (padded("input_ids", 0), padded("token_type_ids", 0), attention, rows, labels[rows], next_sentence,
            int(lengths.sum()))


# ---- PyTorch ----

class PyTorch:
    """A mode of training; `speeds` are tokens a second, of every timed step."""

    def __init__(self, mode, size, vocab, length, batches):
        compiled, bf16 = MODES[mode]
        layers, hidden, heads = SIZES[size]
        self.name = f"PyTorch {mode}"
        self.model = BertForPreTraining(BertConfig(
            vocab_size=vocab, num_hidden_layers=layers, hidden_size=hidden, num_attention_heads=heads,
            intermediate_size=4 * hidden, max_position_embeddings=max(length, 512))).train()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, eps=1e-6, weight_decay=0.01)
        self.loss = torch.compile(self.eager_loss) if compiled else self.eager_loss
        self.context = (lambda: torch.autocast("cpu", torch.bfloat16)) if bf16 else contextlib.nullcontext
        self.batches = itertools.cycle(batches)
        self.speeds = []

    def eager_loss(self, ids, types, attention, rows, labels, next_sentence):
        output = self.model.bert(input_ids=ids, token_type_ids=types, attention_mask=attention)
        chosen = output.last_hidden_state.flatten(0, 1)[rows]
        loss = torch.nn.functional.cross_entropy(self.model.cls.predictions(chosen), labels)
        guesses = self.model.cls.seq_relationship(output.pooler_output)
        return loss + torch.nn.functional.cross_entropy(guesses, next_sentence)

    def step(self, tensors):
        self.optimizer.zero_grad()
        with self.context():
            loss = self.loss(*tensors)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()

    def warm_up(self, steps):
        for *tensors, _ in itertools.islice(self.batches, steps):
            self.step(tensors)

    def measure(self, steps):
        self.warm_up(WARM_UP)
        for *tensors, tokens in itertools.islice(self.batches, steps):
            begin = time.perf_counter()
            self.step(tensors)
            self.speeds.append(tokens / (time.perf_counter() - begin))


# ---- clbert ----

class Clbert:
    """`bench`, or with a corpus `pretrain`, whose second interval counts."""

    def __init__(self, options, precision, size, length):
        self.name = f"clbert {precision or 'fp32'}"
        self.options = options
        self.arguments = ["--device", options.device, "--model", size, "--per-device-train-batch-size",
                          str(options.batch_size), "--max-seq-length", str(length)]
        if precision:
            self.arguments += ["--precision", precision]
        self.speeds, self.shares = [], []

    def run(self, command, *arguments):
        return subprocess.run([self.options.clbert, command, *self.arguments, *arguments], check=True,
                              capture_output=True, text=True).stdout

    def warm_up(self, _):
        pass

    def measure(self, steps):
        if self.options.data:
            with tempfile.TemporaryDirectory() as directory:
                self.run("pretrain", "--data", self.options.data, "--output-dir", f"{directory}/run", "--max-steps",
                         str(2 * steps), "--logging-steps", str(steps), "--eval-steps", "0", "--save-steps", "0")
                with open(f"{directory}/run/metrics.jsonl", encoding="utf-8") as file:
                    lines = [json.loads(line) for line in file]
            self.speeds.append([line["tokens_per_second"] for line in lines if "tokens_per_second" in line][1])
        else:
            result = json.loads(self.run("bench", "--vocab-size", str(self.options.vocab_size), "--steps", str(steps),
                                         "--json"))
            self.speeds.append(result["tokens_per_second"])
            self.shares.append(result["gflops"] / result["peak_gflops"])


def precisions_of(options):
    """What --precision is given: None where this clbert has no such option."""
    text = subprocess.run([options.clbert, "bench", "--help"], check=True, capture_output=True, text=True).stdout
    return ["fp32", "bf16"] if "--precision" in text else [None]


# ---- both ----

def contestants_of(options, size, length):
    if options.data:
        with open(f"{options.data}/vocab.txt", encoding="utf-8") as file:
            vocab = sum(1 for _ in file)
        batches = [corpus_batch(options, length, step) for step in range(options.batches)]
        for *tensors, _ in batches:  # compiled once, for as many masked rows as there may be
            torch._dynamo.maybe_mark_dynamic(tensors[3], 0)
            torch._dynamo.maybe_mark_dynamic(tensors[4], 0)
    else:
        vocab = options.vocab_size
        batches = [synthetic_batch(options.batch_size, length, vocab)]
    ours = [Clbert(options, precision, size, length) for precision in precisions_of(options)]
    return ours + [PyTorch(mode, size, vocab, length, batches) for mode in options.modes], len(batches)


def compare(options, size, length):
    torch._dynamo.reset()
    contestants, batches = contestants_of(options, size, length)
    for contestant in contestants:
        contestant.warm_up(batches)
    for _ in range(options.repetitions):
        for contestant in contestants:
            contestant.measure(options.steps)
    speeds = {c.name: statistics.median(c.speeds) for c in contestants}
    best = max(speed for name, speed in speeds.items() if name.startswith("PyTorch"))
    for c in contestants:
        shares = getattr(c, "shares", None)
        peak = f"{100 * statistics.median(shares):7.0f}%" if shares else ""
        print(f"{size:8}{length:7}  {c.name:22}{speeds[c.name]:10.0f}{speeds[c.name] / best:10.2f} {peak}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clbert", default="build/clbert")
    parser.add_argument("--device", default="cpu", help="of clbert")
    parser.add_argument("--data", metavar="CORPUS", help="real batches, of `clbert prepare`")
    parser.add_argument("--models", nargs="+", default=["mini", "base"], choices=SIZES, metavar="SIZE")
    parser.add_argument("--modes", nargs="+", default=list(MODES), choices=MODES, help="of PyTorch")
    parser.add_argument("--length", nargs="+", type=int, default=[128])
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--batches", type=int, default=8, help="of the corpus, that PyTorch goes round")
    parser.add_argument("--vocab-size", type=int, default=30522, help="of synthetic batches")
    parser.add_argument("--steps", type=int, default=5, help="timed steps of a repetition")
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args()
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, batches of {options.batch_size}, "
          f"{options.data or f'synthetic, vocabulary {options.vocab_size}'}; "
          f"medians of {options.repetitions} x {options.steps} steps")
    print(f"{'model':8}{'length':>7}  {'':22}{'tokens/s':>10}{'to best':>10} {'of peak':>8}")
    for size in options.models:
        for length in options.length:
            compare(options, size, length)


if __name__ == "__main__":
    main()
