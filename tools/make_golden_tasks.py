#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/tasks, by Hugging Face's classes in double precision, for
tests/test_tasks_golden.c: one encoder to start from, and for every task its head, the gradients of
the first of five AdamW steps, the losses and norms of all, and the weights after them; of the first
task also hidden states and what is pooled of them.

Needs: pip install torch transformers safetensors. Usage: tools/make_golden_tasks.py
"""
import json
import pathlib

import torch
import transformers
from safetensors.torch import save_file

TASKS = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "tasks"
STEPS, LEARNING_RATE, WEIGHT_DECAY, MAX_NORM = 5, 1e-3, 0.01, 1.0
EPSILON = 1e-3  # a gradient that is 0 but for rounding, as that of a span's bias, moves nothing
SHAPE = dict(vocab_size=31, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
             intermediate_size=24, max_position_embeddings=16, hidden_dropout_prob=0.0,
             attention_probs_dropout_prob=0.0, classifier_dropout=0.0, attn_implementation="eager")
COLUMNS = 4  # of hidden states that are kept


def disturbed(parameters, generator):
    """Larger than the initial 0.02, and no tensor constant."""
    for parameter in parameters:
        parameter.data += 0.15 * torch.randn(parameter.shape, generator=generator)


def tensors(model, of, wanted=""):
    return {name: of(parameter).detach().float().contiguous()
            for name, parameter in model.named_parameters() if name.startswith(wanted)}


def start():
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(1)
    encoder = transformers.BertModel(transformers.BertConfig(**SHAPE))
    disturbed(encoder.parameters(), generator)
    (TASKS / "start").mkdir(parents=True, exist_ok=True)
    named = {"bert." + name: p.detach() for name, p in encoder.named_parameters()}
    save_file(named, TASKS / "start" / "model.safetensors", {"format": "pt"})
    return named


def make_sequences(lengths, labels, generator):
    sequences = []
    for length in lengths:
        ids = torch.randint(5, SHAPE["vocab_size"], (length,), generator=generator)
        ids[0], ids[-1] = 2, 3
        types = torch.zeros(length, dtype=torch.long)
        types[length // 2:] = 1
        tokens = torch.randint(0, labels, (length,), generator=generator)
        tokens[0] = tokens[-1] = -100
        tokens[3::4] = -100
        span = sorted(torch.randint(0, length, (2,), generator=generator).tolist())
        sequences.append({
            "input_ids": ids.tolist(), "token_type_ids": types.tolist(),
            "label": int(torch.randint(0, labels, (1,), generator=generator)),
            "numbers": torch.randn(labels, generator=generator).float().tolist(),
            "several": torch.randint(0, 2, (labels,), generator=generator).tolist(),
            "labels": tokens.tolist(), "span": span})
    sequences[2]["span"] = [-1, -1]  # left out
    return sequences


def pad(sequences):
    longest = max(len(s["input_ids"]) for s in sequences)

    def column(key, filler):
        return torch.tensor([s[key] + [filler] * (longest - len(s[key])) for s in sequences])

    mask = torch.tensor([[1] * len(s["input_ids"]) + [0] * (longest - len(s["input_ids"]))
                         for s in sequences])
    return {"input_ids": column("input_ids", 0), "token_type_ids": column("token_type_ids", 0),
            "attention_mask": mask}, column("labels", -100)


def targets(kind, sequences, tokens):
    if kind == "span":  # what is behind the end Hugging Face leaves out
        ends = [[s["span"][i] if s["span"][i] >= 0 else len(s["input_ids"]) for s in sequences]
                for i in range(2)]
        return {"start_positions": torch.tensor(ends[0]), "end_positions": torch.tensor(ends[1])}
    if kind == "token":
        return {"labels": tokens}
    if kind == "regression":
        return {"labels": torch.tensor([s["numbers"] for s in sequences], dtype=torch.float64)}
    if kind == "several":
        return {"labels": torch.tensor([s["several"] for s in sequences], dtype=torch.float64)}
    return {"labels": torch.tensor([s["label"] for s in sequences])}


def hidden_facts(model, batch):
    with torch.no_grad():
        states = model(**batch, output_hidden_states=True).hidden_states
    mask = batch["attention_mask"].bool()
    rows = [state[mask][:, :COLUMNS] for state in states]
    last = [states[-1][b][mask[b]] for b in range(len(mask))]
    kinds = {"mean": [x.mean(0) for x in last], "max": [x.max(0).values for x in last],
             "first": [x[0] for x in last]}

    def rounded(x):
        return [round(v, 8) for v in x.flatten().tolist()]

    return {"hidden": [rounded(x) for x in rows],
            "embeddings": {name: rounded(torch.stack(x)) for name, x in kinds.items()}}


def make(name, seed, kind, architecture, encoder, labels=2, lengths=(9, 5, 14, 7), weights=None,
         smoothing=0.0, **changes):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    config = transformers.BertConfig(**SHAPE, num_labels=labels, **changes)
    model = getattr(transformers, architecture)(config)
    config.architectures = [architecture]
    model.load_state_dict(encoder, strict=False)
    head = {n: p for n, p in model.named_parameters() if not n.startswith("bert.")}
    disturbed(head.values(), generator)
    directory = TASKS / name
    directory.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(directory)
    save_file({n: p.detach().clone() for n, p in head.items()}, directory / "head.safetensors")
    model = model.double()
    sequences = make_sequences(lengths, labels, generator)
    batch, tokens = pad(sequences)
    goal = targets(kind, sequences, tokens)
    criterion = weights and torch.nn.CrossEntropyLoss(torch.tensor(weights, dtype=torch.float64),
                                                      label_smoothing=smoothing)
    plain = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    decay = [p for n, p in model.named_parameters()
             if not n.endswith("bias") and "LayerNorm" not in n]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": WEIGHT_DECAY},
                                   {"params": plain, "weight_decay": 0.0}],
                                  lr=LEARNING_RATE, betas=(0.9, 0.999), eps=EPSILON)
    facts = {"kind": kind, "sequences": sequences, "class_weights": weights,
             "label_smoothing": smoothing, "steps": []}
    if name == "sequence":
        facts.update(hidden_facts(model, batch))
    for step in range(STEPS):
        if criterion:
            loss = criterion(model(**batch).logits, goal["labels"])
        else:
            loss = model(**batch, **goal).loss
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            save_file(tensors(model, lambda p: p.grad), directory / "gradients.safetensors")
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        facts["steps"].append({"loss": loss.item(), "grad_norm": norm.item()})
        optimizer.step()
    save_file(tensors(model, lambda p: p), directory / "after.safetensors")
    (directory / "facts.json").write_text(json.dumps(facts) + "\n")
    print(directory, facts["steps"][0], facts["steps"][-1])


encoder = start()
SEQUENCE = "BertForSequenceClassification"
make("sequence", 2, "class", SEQUENCE, encoder, 3, problem_type="single_label_classification")
make("weighted", 3, "class", SEQUENCE, encoder, 3, weights=[0.5, 2.0, 1.25], smoothing=0.1)
make("regression", 4, "regression", SEQUENCE, encoder, 1)
make("several", 5, "several", SEQUENCE, encoder, 4, problem_type="multi_label_classification")
make("token", 6, "token", "BertForTokenClassification", encoder, 5)
make("span", 7, "span", "BertForQuestionAnswering", encoder, lengths=(10, 10, 10, 10))
