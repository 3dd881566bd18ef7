#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fine-tune and predict while memory runs out, disks fill and files cannot be opened, read, written,
# synced or renamed: a single call fails in a run of its own. A run that succeeds has made the right
# weights or answers; one that fails says so, does not crash, and fine-tune goes on with
# --resume-from-checkpoint auto to the right weights, leaving nothing half-written. Some of the calls
# fail, or with CLBERT_TEST_FAULTS=all (minutes) each. Usage: faults_tasks.sh CLBERT PRELOAD_FAULT
set -u
clbert=$1
preload=$2
work=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d) # many thousand syncs
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { printf '%s\n' "$*" >&2; exit 1; }

"$clbert" demo-text --documents 60 --output text.txt
"$clbert" vocab --vocab-size 100 --output tokenizer text.txt >/dev/null 2>&1
"$clbert" prepare --tokenizer tokenizer --output corpus text.txt >/dev/null 2>&1
printf '{"vocab_size": 100, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
 "intermediate_size": 16, "max_position_embeddings": 32}' >config.json
"$clbert" pretrain --data corpus --model config.json --device cpu --max-steps 1 --output-dir model \
    --per-device-train-batch-size 2 --max-seq-length 16 >/dev/null 2>&1 || exit 1
printf 'text\tlabel\nBudi makan nasi.\ta\nSiti tidur.\tb\nAni makan soto.\ta\nRudi tidur.\tb\n' |
    gzip >classes.tsv.gz
printf '%s\n' '{"data": [{"paragraphs": [{"context": "Budi makan nasi di pasar.", "qas": [
 {"id": "1", "question": "Siapa?", "answers": [{"text": "Budi", "answer_start": 0}]},
 {"id": "2", "question": "Apa?", "answers": [{"text": "nasi", "answer_start": 11}]}]}]}]}' >questions.json

# tune TASK FILE: into `out`.
tune() {
    "$clbert" fine-tune --model "$work/model" --device cpu --threads 1 --task "$1" --train "$work/$2" \
        --validation "$work/$2" --per-device-train-batch-size 2 --max-steps 4 --eval-steps 2 \
        --save-steps 2 --max-seq-length 24 --doc-stride 4 --output-dir out "${@:3}"
}
ask() { "$clbert" predict --model "$1" --device cpu --threads 1 --json --input "$work/$2"; }
for pair in "classification classes.tsv.gz" "question-answering questions.json"; do
    # shellcheck disable=SC2086
    tune $pair >/dev/null 2>&1 || fail "$pair: fails without a fault"
    mv out "right-${pair%% *}"
    ask "right-${pair%% *}" "${pair##* }" >"answers-${pair%% *}" 2>/dev/null || fail "$pair: no answers"
done

# struck KIND N COMMAND...: with a fault; what it says in `said`.
struck() {
    rm -f struck
    CLB_FAULT=$1:$2 CLB_FAULT_LOG=struck LD_PRELOAD=$preload "${@:3}" 2>said
}
# clean WHERE CODE: it was no crash, and said something.
clean() { [ "$2" -lt 126 ] && [ -s said ] || fail "$1: exit $2, \"$(cat said)\""; }

# walk KIND STEP TASK FILE: every STEP-th call of that kind fails.
walk() {
    local kind=$1 step=$2 task=$3 file=$4 n code
    [ "${CLBERT_TEST_FAULTS-}" = all ] && step=1
    mkdir "$task-$kind" && cd "$task-$kind" || exit 1
    for ((n = 1; ; n += step)); do
        rm -rf out
        struck "$kind" $n tune "$task" "$file" >/dev/null
        code=$?
        [ -e struck ] || break
        if [ $code -ne 0 ]; then
            clean "$task, $kind $n" $code
            tune "$task" "$file" --resume-from-checkpoint auto >/dev/null 2>said2 ||
                fail "$task, $kind $n: $(tail -n 1 said); cannot go on: $(tail -n 1 said2)"
        fi
        cmp -s out/model.safetensors "$work/right-$task/model.safetensors" ||
            fail "$task, $kind $n: exit $code, other weights"
        [ -z "$(ls -d out/*.tmp-* 2>/dev/null)" ] || fail "$task, $kind $n: leaves $(ls out)"
    done
    [ "$n" -gt 2 ] || fail "$task, $kind: no fault was ever met"
    printf '%s, %s: %d calls\n' "$task" "$kind" $((n - step))
}

# walk_predict KIND STEP TASK FILE
walk_predict() {
    local kind=$1 step=$2 task=$3 file=$4 n code
    [ "${CLBERT_TEST_FAULTS-}" = all ] && step=1
    mkdir "predict-$task-$kind" && cd "predict-$task-$kind" || exit 1
    for ((n = 1; ; n += step)); do
        struck "$kind" $n ask "$work/right-$task" "$file" >answers
        code=$?
        [ -e struck ] || break
        if [ $code -eq 0 ]; then
            cmp -s answers "$work/answers-$task" || fail "predict, $kind $n: succeeds with other answers"
        else
            clean "predict, $kind $n" $code
        fi
    done
    printf 'predict, %s, %s: %d calls\n' "$task" "$kind" $((n - step))
}

lane_1() {
    (walk malloc 131 classification classes.tsv.gz) &&
        (walk malloc 173 question-answering questions.json) && (walk rename 3 classification classes.tsv.gz)
}
lane_2() {
    (walk_predict malloc 29 classification classes.tsv.gz) &&
        (walk_predict malloc 31 question-answering questions.json) &&
        (walk_predict read 3 classification classes.tsv.gz) &&
        (walk read 11 classification classes.tsv.gz) && (walk write 89 question-answering questions.json) &&
        (walk flush 5 classification classes.tsv.gz) && (walk sync 5 classification classes.tsv.gz) &&
        (walk open 5 classification classes.tsv.gz)
}
lane_1 &
lane_2
code=$?
wait $! || code=1
exit $code
