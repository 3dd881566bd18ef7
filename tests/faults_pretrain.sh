#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# pretrain while memory runs out, disks fill and files cannot be opened, read, written, synced or renamed:
# a single call fails in a run of its own. A run that succeeds has made the right weights; one that
# fails says so, does not crash, and goes on with --resume-from-checkpoint auto to the right weights,
# leaving nothing half-written. Some of the calls fail, or with CLBERT_TEST_FAULTS=all (minutes) each.
# Usage: faults_pretrain.sh CLBERT PRELOAD_FAULT
set -u
clbert=$1
preload=$2
work=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d) # many thousand syncs
trap 'rm -rf "$work"' EXIT
cd "$work"

"$clbert" demo-text --documents 60 --output text.txt
"$clbert" vocab --vocab-size 100 --output tokenizer text.txt >/dev/null 2>&1
"$clbert" prepare --tokenizer tokenizer --output corpus --validation-fraction 0.2 text.txt >/dev/null 2>&1
printf '{"vocab_size": 100, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
 "intermediate_size": 16, "max_position_embeddings": 32}' >config.json
train=("$clbert" pretrain --data "$work/corpus" --model "$work/config.json" --device cpu --threads 1
    --max-steps 4 --per-device-train-batch-size 2 --max-seq-length 16 --logging-steps 1 --eval-steps 2
    --eval-samples 4 --save-steps 2 --output-dir out)
"${train[@]}" >/dev/null 2>&1 || exit 1
mv out right
fail() { printf '%s\n' "$*" >&2; exit 1; }
is_right() { cmp -s out/model.safetensors "$work/right/model.safetensors"; }

# walk KIND STEP: every STEP-th call of that kind fails.
walk() {
    local kind=$1 step=$2 n code
    [ "${CLBERT_TEST_FAULTS-}" = all ] && step=1
    mkdir "$kind" && cd "$kind" || exit 1
    for ((n = 1; ; n += step)); do
        rm -rf out struck
        CLB_FAULT=$kind:$n CLB_FAULT_LOG=struck LD_PRELOAD=$preload "${train[@]}" >/dev/null 2>said
        code=$?
        [ -e struck ] || break
        if [ $code -ne 0 ]; then
            [ $code -lt 126 ] && [ -s said ] || fail "$kind $n: exit $code, \"$(cat said)\""
            "${train[@]}" --resume-from-checkpoint auto >/dev/null 2>said2 ||
                fail "$kind $n: $(tail -n 1 said); cannot go on: $(tail -n 1 said2)"
        fi
        is_right || fail "$kind $n: exit $code, other weights"
        [ -z "$(ls -d out/*.tmp-* 2>/dev/null)" ] || fail "$kind $n: leaves $(ls out)"
    done
    [ "$n" -gt 2 ] || fail "$kind: no fault was ever met"
    printf '%s: %d calls\n' "$kind" $((n - step))
}

lane_1() { (walk malloc 97) && (walk write 61) && (walk rename 1); }
lane_2() { (walk read 7) && (walk flush 3) && (walk sync 3) && (walk open 3); }
lane_1 &
lane_2
code=$?
wait $! || code=1
exit $code
