#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The practice tasks, as a user goes through them: demo-text --task writes examples, fine-tune learns
# them and tests itself on others, predict answers. Usage: tasks.sh CLBERT
. "$(dirname "$0")/shell.sh"
refused_well() { [ "$(wc -l <err.txt)" = 1 ]; } # one line, and nothing else

make_corpus 200 300 --validation-fraction 0.1
printf '{"vocab_size": 300, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
 "intermediate_size": 32, "max_position_embeddings": 128}' >config.json
"$clbert" pretrain --data corpus --output-dir model --model config.json --device cpu --max-steps 1 \
    --per-device-train-batch-size 4 --max-seq-length 40 --eval-samples 4 >/dev/null 2>&1

# ---- demo-text --task ----
refuses 'classification, pairs, tokens, answers' "$clbert" demo-text --task regression
refuses 'unknown' "$clbert" demo-text --task regression --output x.tsv
expect "an unknown task leaves no file" test ! -e x.tsv
refuses 'at least 1' "$clbert" demo-text --task pairs --documents 0
"$clbert" demo-text --task pairs --documents 9 --output x.tsv
refuses '--overwrite' "$clbert" demo-text --task pairs --documents 9 --output x.tsv
"$clbert" demo-text --task pairs --documents 9 | cmp -s - x.tsv
expect "standard output has the same bytes" [ $? = 0 ]
"$clbert" demo-text --task pairs --documents 9 --seed 2 | cmp -s - x.tsv
expect "another seed has others" [ $? = 1 ]

# ---- fine-tune and predict ----
# learn TASK FORM KIND FIGURE
learn() {
    "$clbert" demo-text --task "$1" --documents 28 --seed 2 --output "$1-train.$2"
    "$clbert" demo-text --task "$1" --documents 14 --seed 3 --output "$1-test.$2"
    "$clbert" fine-tune --model model --task "$3" --train "$1-train.$2" --test "$1-test.$2" \
        --output-dir "$1" --device cpu --num-train-epochs 1 --per-device-train-batch-size 8 --json >out.txt 2>err.txt
    expect "$1: fine-tune tells its $4" grep -q "\"test_$4\": [0-9]" out.txt
    expect "$1: and keeps it" grep -q "\"test_$4\": [0-9]" "$1/eval_results.json"
    "$clbert" predict --model "$1" --input "$1-test.$2" --device cpu --json >out.txt 2>err.txt
    expect "$1: predict gives a line an example" [ "$(wc -l <out.txt)" = 14 ]
}
ask() { "$clbert" predict --device cpu --json "$@" >out.txt 2>err.txt; }

learn classification tsv classification accuracy
expect "a scene is told" grep -qE '"label": "(pasar|warung|dapur|taman|malam|sekolah|sawah)"' out.txt
ask --model classification "Budi membeli ikan." "Siti membaca buku."
expect "texts as arguments" [ "$(grep -c '"score"' out.txt)" = 2 ]
learn pairs tsv classification accuracy
expect "a pair is told" grep -qE '"label": "(lanjutan|bukan)"' out.txt
ask --model pairs --text-pair "Budi membeli ikan." "Pasar itu sangat ramai."
expect "a pair as arguments" grep -q '"label"' out.txt
learn tokens conll token-classification f1
learn answers json question-answering exact_match
expect "an answer is told" grep -q '"answer": "' out.txt
ask --model answers --question "Siapa membeli ikan?" --context "Siti ke pasar. Budi membeli ikan."
expect "a question as arguments" grep -q '"start"' out.txt
finish
