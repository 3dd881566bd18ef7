#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/model-*, by Hugging Face's classes in double precision: losses, gradients and
five AdamW steps of BertForPreTraining for tests/test_model.c; logits, losses and gradients of the
other heads for tests/test_heads.c.

Needs: pip install torch transformers safetensors. Usage: tools/make_golden_model.py [NAME...]
(of a directory, as model-token; default: all)
"""
import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file
from transformers import BertConfig, BertForPreTraining

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden"
LENGTHS = [17, 1 + 4, 30, 9]  # packed in this order
STEPS, LEARNING_RATE, WEIGHT_DECAY, MAX_NORM = 5, 1e-3, 0.01, 1.0


def make_batch(config, generator):
    sequences = []
    for length in LENGTHS:
        ids = torch.randint(5, config.vocab_size, (length,), generator=generator)
        ids[0], ids[-1] = 2, 3
        types = torch.zeros(length, dtype=torch.long)
        types[length // 2:] = 1
        labels = torch.full((length,), -100)
        chosen = torch.randperm(length - 2, generator=generator)[: max(1, length // 6)] + 1
        labels[chosen] = ids[chosen]
        ids[chosen] = 4
        label = int(torch.randint(0, 2, (1,), generator=generator))
        sequences.append({"input_ids": ids.tolist(), "token_type_ids": types.tolist(),
                          "labels": labels.tolist(), "next_sentence_label": label})
    return sequences


def pad(sequences):
    longest = max(len(s["input_ids"]) for s in sequences)

    def column(key, filler):
        return torch.tensor([s[key] + [filler] * (longest - len(s[key])) for s in sequences])

    mask = torch.tensor([[1] * len(s["input_ids"]) + [0] * (longest - len(s["input_ids"]))
                         for s in sequences])
    return {"input_ids": column("input_ids", 0), "token_type_ids": column("token_type_ids", 0),
            "attention_mask": mask, "labels": column("labels", -100),
            "next_sentence_label": torch.tensor([s["next_sentence_label"] for s in sequences])}


def tensors(model, of):
    return {name: of(parameter).detach().float().contiguous()
            for name, parameter in model.named_parameters()}


def is_wanted(name):
    return len(sys.argv) == 1 or name in sys.argv[1:]


def make_model(name, seed, architecture, **changes):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    config = BertConfig(vocab_size=61, num_hidden_layers=2, max_position_embeddings=32,
                        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
                        attn_implementation="eager", **changes)
    model = architecture(config)
    for parameter in model.parameters():  # larger than the initial 0.02, and no tensor constant
        parameter.data += 0.15 * torch.randn(parameter.shape, generator=generator)
    model = model.double()
    directory = GOLDEN / name
    directory.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(directory)
    save_file(tensors(model, lambda p: p), directory / "model.safetensors", {"format": "pt"})
    return model, config, directory, generator


def make(name, seed, **changes):
    if not is_wanted(name):
        return
    model, config, directory, generator = make_model(name, seed, BertForPreTraining, **changes)
    sequences = make_batch(config, generator)
    batch = pad(sequences)
    decay = [p for n, p in model.named_parameters() if not n.endswith("bias") and "LayerNorm" not in n]
    plain = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": WEIGHT_DECAY},
                                   {"params": plain, "weight_decay": 0.0}],
                                  lr=LEARNING_RATE, betas=(0.9, 0.999), eps=1e-6)
    facts = {"sequences": sequences, "steps": []}
    for step in range(STEPS):
        output = model(**batch)
        mlm = torch.nn.functional.cross_entropy(output.prediction_logits.flatten(0, 1),
                                                batch["labels"].flatten())
        nsp = torch.nn.functional.cross_entropy(output.seq_relationship_logits,
                                                batch["next_sentence_label"])
        optimizer.zero_grad()
        (mlm + nsp).backward()
        if step == 0:
            save_file(tensors(model, lambda p: p.grad), directory / "gradients.safetensors")
            chosen = batch["labels"] >= 0
            facts["mlm_logits"] = output.prediction_logits[chosen][:, :8].tolist()
            facts["nsp_logits"] = output.seq_relationship_logits.tolist()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        facts["steps"].append({"mlm_loss": mlm.item(), "nsp_loss": nsp.item(), "grad_norm": norm.item()})
        optimizer.step()
    save_file(tensors(model, lambda p: p), directory / "after.safetensors")
    (directory / "facts.json").write_text(json.dumps(facts) + "\n")
    print(directory, facts["steps"][0], facts["steps"][-1])


def make_head(name, seed, kind, **changes):
    """Labels: of a sequence one class; of its tokens all but the first, the last and some."""
    if not is_wanted(name):
        return
    architecture = getattr(transformers, changes["architectures"][0])
    model, config, directory, generator = make_model(
        name, seed, architecture, hidden_size=24, num_attention_heads=3, intermediate_size=40,
        **changes)
    if not kind:
        return
    sequences = make_batch(config, generator)
    for sequence in sequences:
        length = len(sequence["input_ids"])
        classes = torch.randint(0, config.num_labels, (length,), generator=generator)
        classes[0] = classes[-1] = -100
        classes[3::4] = -100
        sequence["labels"] = classes.tolist()
        sequence["label"] = int(torch.randint(0, config.num_labels, (1,), generator=generator))
        del sequence["next_sentence_label"]
    batch = pad([{"next_sentence_label": 0, **s} for s in sequences])
    del batch["next_sentence_label"]
    tokens = batch["attention_mask"] > 0
    if kind == "sequence":
        batch["labels"] = torch.tensor([s["label"] for s in sequences])
    elif kind == "span":
        del batch["labels"]
    output = model(**batch)
    facts = {"sequences": sequences}
    if kind == "sequence":
        facts["logits"] = output.logits.tolist()
    elif kind == "token":
        facts["logits"] = output.logits[tokens].tolist()
    else:
        both = torch.stack([output.start_logits, output.end_logits], -1)
        facts["logits"] = both[tokens].tolist()
    if kind != "span":
        output.loss.backward()
        facts["loss"] = output.loss.item()
        save_file(tensors(model, lambda p: p.grad), directory / "gradients.safetensors")
    (directory / "facts.json").write_text(json.dumps(facts) + "\n")
    print(directory, facts.get("loss"))


make("model-gelu", 1, hidden_size=24, num_attention_heads=3, intermediate_size=40, hidden_act="gelu")
make("model-gelu-new", 2, hidden_size=16, num_attention_heads=2, intermediate_size=24,
     hidden_act="gelu_new")
make_head("model-sequence", 3, "sequence", architectures=["BertForSequenceClassification"],
          problem_type="single_label_classification", classifier_dropout=0.0,
          id2label={0: "negatif", 1: "netral", 2: "positif"},
          label2id={"negatif": 0, "netral": 1, "positif": 2})
make_head("model-token", 4, "token", architectures=["BertForTokenClassification"],
          id2label={0: "O", 1: "B-PER", 2: "I-PER", 3: "B-LOC", 4: "I-LOC"},
          label2id={"O": 0, "B-PER": 1, "I-PER": 2, "B-LOC": 3, "I-LOC": 4})
make_head("model-span", 5, "span", architectures=["BertForQuestionAnswering"])
make_head("model-encoder", 6, None, architectures=["BertModel"])
