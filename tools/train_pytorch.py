#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The first steps of a `clbert pretrain` run in PyTorch, on the very same examples.

Hugging Face's BertForPreTraining and torch.optim.AdamW train on what `clbert inspect --json` shows;
the losses, averaged as clbert logs them, should follow those of clbert's metrics.jsonl as closely as
another initialisation and other dropout do. Needs: pip install torch transformers.
Usage: tools/train_pytorch.py --data CORPUS [--steps 300] [--max-steps 2000] [--clbert build/clbert]
"""
import argparse
import json
import subprocess

import torch
from transformers import BertConfig, BertForPreTraining


def examples_of(options, step):
    output = subprocess.run([options.clbert, "inspect", "--data", options.data, "--step", str(step), "--json"],
                            capture_output=True, text=True, check=True).stdout
    examples = [json.loads(line) for line in output.splitlines()]
    length = max(len(e["input_ids"]) for e in examples)

    def padded(name, value):
        return torch.tensor([e[name] + [value] * (length - len(e[name])) for e in examples])

    attention = torch.tensor([[int(i < len(e["input_ids"])) for i in range(length)] for e in examples])
    next_sentence = torch.tensor([e["next_sentence_label"] for e in examples])
    return padded("input_ids", 0), padded("token_type_ids", 0), attention, padded("labels", -100), next_sentence


def make_model(options):
    with open(f"{options.data}/vocab.txt", encoding="utf-8") as file:
        vocab_size = sum(1 for _ in file)
    model = BertForPreTraining(BertConfig(vocab_size=vocab_size, num_hidden_layers=4, hidden_size=256,
                                          num_attention_heads=4, intermediate_size=1024))
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    return model.train(), torch.optim.AdamW(groups, lr=options.learning_rate, eps=1e-6)


def train_step(model, optimizer, batch):
    ids, types, attention, labels, next_sentence = batch
    output = model.bert(ids, attention_mask=attention, token_type_ids=types)
    masked = labels != -100
    guesses = model.cls.predictions(output.last_hidden_state[masked])
    mlm = torch.nn.functional.cross_entropy(guesses, labels[masked])
    nsp = torch.nn.functional.cross_entropy(model.cls.seq_relationship(output.pooler_output), next_sentence)
    optimizer.zero_grad()
    (mlm + nsp).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    tokens = int(masked.sum())
    return torch.tensor([mlm.item() * tokens, tokens, nsp.item() * len(ids), len(ids)], dtype=torch.double)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--clbert", default="build/clbert")
    parser.add_argument("--steps", type=int, default=300, help="steps to take")
    parser.add_argument("--max-steps", type=int, default=2000, help="steps of the whole schedule")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--logging-steps", type=int, default=100)
    options = parser.parse_args()
    torch.manual_seed(1)
    model, optimizer = make_model(options)
    warmup = options.max_steps // 10
    sums = torch.zeros(4, dtype=torch.double)
    for step in range(1, options.steps + 1):
        share = min(step / warmup, (options.max_steps - step) / (options.max_steps - warmup))
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * share
        sums += train_step(model, optimizer, examples_of(options, step - 1))
        if step % options.logging_steps == 0:
            print(f"step {step}  mlm {sums[0] / sums[1]:.4f}  nsp {sums[2] / sums[3]:.4f}", flush=True)
            sums.zero_()


main()
