#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The training step of `clbert bench` in PyTorch (fp32, CPU), and both beside each other in one run.

Same sizes, full sequences, dropout 0.1, only the masked rows through the MLM head, AdamW with
clipping. Needs: pip install torch transformers.
Usage: tools/bench_pytorch.py [--clbert build/clbert] [--models mini base] [--steps 5]
"""
import argparse
import json
import statistics
import subprocess
import time

import torch
from transformers import BertConfig, BertForPreTraining

SIZES = {"tiny": (2, 128, 2), "mini": (4, 256, 4), "small": (4, 512, 8), "medium": (8, 512, 8),
         "base": (12, 768, 12), "large": (24, 1024, 16)}


def make_step(size, batch, length, vocab):
    layers, hidden, heads = SIZES[size]
    model = BertForPreTraining(BertConfig(vocab_size=vocab, num_hidden_layers=layers, hidden_size=hidden,
                                          num_attention_heads=heads, intermediate_size=4 * hidden))
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, eps=1e-6, weight_decay=0.01)
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(0, vocab, (batch, length), generator=generator)
    types = (torch.arange(length) >= length // 2).long().expand(batch, length)
    masked = round(length * 0.15)
    rows = (torch.arange(batch)[:, None] * length + torch.arange(masked)).flatten()
    labels = ids.flatten()[rows]
    next_sentence = torch.arange(batch) % 2

    def step():
        optimizer.zero_grad()
        output = model.bert(input_ids=ids, token_type_ids=types)
        chosen = output.last_hidden_state.reshape(batch * length, hidden)[rows]
        loss = torch.nn.functional.cross_entropy(model.cls.predictions(chosen), labels)
        loss = loss + torch.nn.functional.cross_entropy(
            model.cls.seq_relationship(output.pooler_output), next_sentence)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def time_pytorch(size, batch, length, vocab, steps):
    step = make_step(size, batch, length, vocab)
    for _ in range(2):
        step()
    seconds = []
    for _ in range(steps):
        begin = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - begin)
    return batch * length / statistics.median(seconds)


def time_clbert(program, device, size, batch, length, vocab, steps):
    command = [program, "bench", "--device", device, "--model", size, "--vocab-size", str(vocab),
               "--per-device-train-batch-size", str(batch), "--max-seq-length", str(length),
               "--steps", str(steps), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clbert", default="build/clbert")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--models", nargs="+", default=["mini", "base"])
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--vocab-size", type=int, default=30522)
    arguments = parser.parse_args()
    shape = (arguments.batch_size, arguments.length, arguments.vocab_size, arguments.steps)
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, batches of "
          f"{arguments.batch_size} x {arguments.length}, vocabulary {arguments.vocab_size}")
    print(f"{'model':8} {'clbert tok/s':>13} {'PyTorch tok/s':>14} {'ratio':>6} {'GFLOP/s':>8} {'of peak':>8}")
    for size in arguments.models:
        theirs = time_pytorch(size, *shape)
        ours = time_clbert(arguments.clbert, arguments.device, size, *shape)
        print(f"{size:8} {ours['tokens_per_second']:13.0f} {theirs:14.0f} "
              f"{ours['tokens_per_second'] / theirs:6.2f} {ours['gflops']:8.1f} "
              f"{100 * ours['gflops'] / ours['peak_gflops']:7.0f}%")


if __name__ == "__main__":
    main()
