#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/answers for tests/test_answers.c: of every task a tiny model with random weights,
and in answers.json what Hugging Face's pipelines say of some texts, short and cut (of questions the
rules in tools/compare_tasks.py).

Needs: pip install torch transformers. Usage: tools/make_golden_answers.py
"""
import json
import pathlib

import transformers

import compare_tasks
import task_samples as samples

ANSWERS = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "answers"
SHAPE = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
             max_position_embeddings=48)
LENGTHS = (48, 12)


def save(name, task, seed, **changes):
    directory = ANSWERS / name
    samples.save_model(directory, samples.model_class(task), seed, **SHAPE, **changes)
    (directory / "tokenizer.json").unlink()  # vocab.txt says all
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": True}
    (directory / "tokenizer_config.json").write_text(json.dumps(config) + "\n")
    return str(directory), samples.Samples(seed, stretched=task != "token-classification")


def write(directory, cases):
    lines = ",\n".join(json.dumps(compare_tasks.plain(case)) for case in cases)
    pathlib.Path(directory, "answers.json").write_text(f"[{lines}]\n")
    print(directory, len(cases), "cases")


def texts(name, task, seed, **changes):
    directory, words = save(name, task, seed, **changes)
    classify = compare_tasks.pipeline("text-classification", directory)
    one_number = task == "regression" and classify.model.config.num_labels == 1
    cases = []
    for length in LENGTHS:
        records = [words.record(task, longest) for longest in (6, 24, 24)]
        records = [{k: r[k] for k in r if k.startswith("text")} for r in records]
        asked = [{"text": r["text_a"], "text_pair": r["text_b"]} if "text_a" in r else r["text"] for r in records]
        answers = [classify(t, top_k=None, truncation=True, max_length=length) for t in asked]
        cases.append({"max_seq_length": length, "top_k": 9, "records": records,
                      "answers": [a[0]["score"] for a in answers] if one_number else answers})
    write(directory, cases)


def tokens():
    task = "token-classification"
    directory, words = save("tokens", task, 4, **samples.with_head(task))
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    records = [words.record(task, longest) for longest in (6, 16, 16)]
    cases = []
    for number, strategy in enumerate(compare_tasks.STRATEGIES):
        tokenizer.model_max_length = length = LENGTHS[number % 2]
        tag = compare_tasks.pipeline(task, directory, tokenizer=tokenizer, aggregation_strategy=strategy)
        case = {"max_seq_length": length, "grouping": number}
        cases.append({**case, "records": [{"text": " ".join(r["tokens"])} for r in records],
                      "answers": [tag(" ".join(r["tokens"])) for r in records]})
        cases.append({**case, "records": [{"tokens": r["tokens"]} for r in records], "answers":
                      [tag([r["tokens"]], is_split_into_words=True, delimiter=" ")[0] for r in records]})
    write(directory, cases)


def questions():
    task = "question-answering"
    directory, words = save("questions", task, 5)
    answer, cases = compare_tasks.Answers(directory), []
    records = [words.record(task, longest) for longest in (4, 24, 24)]
    for length, stride, top_k, most, no_answer in ((48, None, 1, 30, True), (40, 12, 4, 3, False)):
        answers = [answer(r["question"], r["context"], top_k, most, length, length // 2 if stride is None else stride,
                          no_answer) for r in records]
        cases.append({"max_seq_length": length, "doc_stride": -1 if stride is None else stride, "top_k": top_k,
                      "max_answer_length": most, "no_answer": no_answer, "answers": answers,
                      "records": [{k: r[k] for k in ("question", "context")} for r in records]})
    write(directory, cases)


transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
texts("pairs", "pairs", 1, **samples.with_head("pairs"))
texts("several", "multi-label-classification", 2, **samples.with_head("multi-label-classification"))
texts("number", "regression", 3, **samples.with_head("regression"))
texts("numbers", "regression", 6, num_labels=3, problem_type="regression")
tokens()
questions()
