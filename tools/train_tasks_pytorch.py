#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes the same model by `clbert fine-tune` and by transformers' classes and torch.optim.AdamW,
of every task on the same examples, and compares the losses of the first steps.

A batch is the whole set, so that the order in it does not matter, or two halves of it in two
micro-batches. Without dropout; the head is the start model's. Of questions transformers' own loss lets
answers begin in the padding, too, of which clbert has none; it is masked here.
Needs: pip install torch transformers.
Usage: tools/train_tasks_pytorch.py [--clbert build/clbert] [--steps 10] [--task T]
"""
import argparse
import json
import subprocess
import sys
import tempfile

import torch
import transformers

import task_samples as samples

EXAMPLES, LENGTH, WARMUP, LEARNING_RATE, TOLERANCE = 24, 48, 3, 1e-3, 1e-4
WHOLE = 1024  # more sequences than there are
LONGEST = 32  # words: some texts have to be cut


def clbert_losses(options, task, work, records, accumulation):
    command = [options.clbert, "fine-tune", "--task", samples.clbert_task(task), "--model", f"{work}/start",
               "--train", samples.write_records(f"{work}/train", records), "--output-dir", f"{work}/run", "--overwrite",
               "--max-steps", options.steps, "--warmup-steps", WARMUP, "--learning-rate", LEARNING_RATE,
               "--max-seq-length", LENGTH, "--dropout", 0, "--logging-steps", 1, "--device", "cpu",
               "--per-device-train-batch-size", EXAMPLES // 2 if accumulation == 2 else WHOLE,
               "--gradient-accumulation-steps", accumulation]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    lines = [json.loads(line) for line in open(f"{work}/run/metrics.jsonl", encoding="utf-8")]
    return [line["loss"] for line in lines if "loss" in line]


def word_labels(tokenizer, records, names):
    encoded = tokenizer([r["tokens"] for r in records], is_split_into_words=True, truncation=True, max_length=LENGTH,
                        padding=True, return_tensors="pt")
    labels = torch.full(encoded["input_ids"].shape, -100)
    for i, record in enumerate(records):
        words = encoded.word_ids(i)
        for at, word in enumerate(words):
            if word is not None and word != words[at - 1]:
                labels[i, at] = names.index(record["tags"][word])
    return encoded, {"labels": labels}


def places(tokenizer, records):
    encoded = tokenizer([r["question"] for r in records], [r["context"] for r in records], truncation="only_second",
                        max_length=LENGTH, stride=LENGTH // 2, return_overflowing_tokens=True,
                        return_offsets_mapping=True, padding=True, return_tensors="pt")
    examples, offsets = encoded.pop("overflow_to_sample_mapping"), encoded.pop("offset_mapping")
    positions = {"start_positions": [], "end_positions": []}
    for i, example in enumerate(examples):
        answer = records[example]["answers"][0]
        begin, end = answer["answer_start"], answer["answer_start"] + len(answer["text"])
        inside = [(at, *offsets[i][at].tolist()) for at, s in enumerate(encoded.sequence_ids(i)) if s == 1]
        whole = inside[0][1] <= begin and inside[-1][2] >= end
        positions["start_positions"].append(max((at for at, b, _ in inside if b <= begin), default=0) if whole else 0)
        positions["end_positions"].append(min((at for at, _, e in inside if e >= end), default=0) if whole else 0)
    return encoded, {key: torch.tensor(value) for key, value in positions.items()}


def make_batch(task, directory, records):
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    names = sorted(samples.NAMES[task] or [])
    if task == "token-classification":
        return word_labels(tokenizer, records, names)
    if task == "question-answering":
        return places(tokenizer, records)
    texts = [[r["text_a"], r["text_b"]] for r in records] if task == "pairs" else [r["text"] for r in records]
    encoded = tokenizer(texts, truncation=True, max_length=LENGTH, padding=True, return_tensors="pt")
    if task == "regression":
        labels = torch.tensor([r["label"] for r in records])
    elif "labels" in records[0]:
        labels = torch.tensor([[float(n in r["labels"]) for n in names] for r in records])
    else:
        labels = torch.tensor([names.index(r["label"]) for r in records])
    return encoded, {"labels": labels}


def share_of_rate(step, steps):
    """Of the peak, step 0 the first."""
    return (step + 1) / WARMUP if step < WARMUP else (steps - step) / (steps - WARMUP)


def loss_of(model, batch, labels):
    output = model(**batch, **labels)
    if "start_positions" not in labels:
        return output.loss
    padding = batch["attention_mask"] == 0
    losses = [torch.nn.functional.cross_entropy(logits.masked_fill(padding, -torch.inf), labels[key])
              for logits, key in ((output.start_logits, "start_positions"), (output.end_logits, "end_positions"))]
    return sum(losses) / 2


def pytorch_losses(options, task, directory, records):
    model = samples.model_class(task).from_pretrained(directory, hidden_dropout_prob=0.0,
                                                      attention_probs_dropout_prob=0.0, classifier_dropout=0.0).train()
    plain = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    decayed = [p for n, p in model.named_parameters() if not (n.endswith("bias") or "LayerNorm" in n)]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}],
                                  betas=(0.9, 0.999), eps=1e-8)
    batch, labels = make_batch(task, directory, records)
    losses = []
    for step in range(options.steps):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * share_of_rate(step, options.steps)
        loss = loss_of(model, batch, labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def compare(options, task, accumulation):
    with tempfile.TemporaryDirectory() as work:
        names = samples.NAMES[task] and sorted(samples.NAMES[task])
        samples.save_model(f"{work}/start", samples.model_class(task), **samples.with_head(task, names))
        made = EXAMPLES - (task == "token-classification")  # which gets one more, with every label
        records = samples.Samples().records(task, made, LONGEST)
        ours = clbert_losses(options, task, work, records, accumulation)
        theirs = pytorch_losses(options, task, f"{work}/start", records)
    worst = max(abs(a - b) / abs(b) for a, b in zip(ours, theirs))
    right = len(ours) == len(theirs) and worst < TOLERANCE
    print(f"{task}{', two halves' if accumulation == 2 else ''}: loss {theirs[0]:.6f} to {theirs[-1]:.6f}, clbert "
          f"{ours[0]:.6f} to {ours[-1]:.6f}, {len(ours)} steps, at most {worst:.1e} apart{'' if right else ': DIFFERENT'}",
          flush=True)
    return right


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clbert", default="build/clbert")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--task", choices=samples.TASKS)
    options = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(2)
    tasks = [options.task] if options.task else samples.TASKS
    right = [compare(options, task, 1) for task in tasks]
    right += [compare(options, task, 2) for task in tasks if task != "question-answering"]
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
