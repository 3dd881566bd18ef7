#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# vocab and prepare while memory runs out, disks fill and files cannot be opened, read, written,
# synced or renamed: a single call fails in a run of its own, one after the other, until a run ends in
# which there were fewer. A run that fails says so, does not crash, and leaves what was there before;
# one that succeeds has made the right bytes all the same. Of the many requests for memory and writes
# every seventh fails, or with CLBERT_TEST_FAULTS=all (a minute) each. Usage: faults.sh CLBERT PRELOAD_FAULT
set -u
clbert=$1
preload=$2
work=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d) # many thousand syncs
trap 'rm -rf "$work"' EXIT
cd "$work"

printf 'Saya makan nasi.\n\nDia makan nasi di pasar.\nSaya tidur.\n\nDia tidur. Saya makan.\n' >text.txt
printf '{"text": "Saya makan.\\nDia tidur \\ud83d."}\n{"text": "Saya. Dia.", "id": [1.5]}\n{"text": "Tidur."}\n' >text.jsonl
gzip -c text.txt >text.gz
printf 'Dia tidur di pasar.\n\nSaya tidur.\n' >older.txt
"$clbert" vocab --vocab-size 40 --output tokenizer text.txt >/dev/null 2>&1 || exit 1
mkdir json
cat >json/tokenizer.json <<'END'
{"added_tokens": [{"id": 7, "content": "nasi", "normalized": true}],
 "normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"},
 "model": {"type": "WordPiece", "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "saya": 5, ".": 6}}}
END

# same A B: two directories hold the same files.
same() { diff -r "$1" "$2" >/dev/null 2>&1; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

# walk NAME OLD KIND COMMAND...: COMMAND writes the directory `out`; OLD is what lies there before it
# ("none": nothing). Runs in a directory of its own; with $step, not every call fails.
walk() {
    local name=$1 old=$2 kind=$3 n code
    shift 3
    if [ -z "${step-}" ] && [ "${CLBERT_TEST_FAULTS-}" != all ]; then
        case $kind in malloc | write) local step=7 ;; esac
    fi
    mkdir "$name" && cd "$name" || exit 1
    if [ "$old" != none ]; then cp -r "$old" out; fi
    "$@" >/dev/null 2>&1 || fail "$name: fails without a fault"
    mv out right
    for ((n = 1; ; n += ${step:-1})); do
        rm -rf out struck
        if [ "$old" != none ]; then cp -r "$old" out; fi
        CLB_FAULT=$kind:$n CLB_FAULT_LOG=struck LD_PRELOAD=$preload "$@" >/dev/null 2>said
        code=$?
        if [ -e out/.committed ]; then # it was done but for the last steps: whoever reads it ends it
            "$clbert" tokenize --tokenizer out a >/dev/null 2>&1
            same out right && rm -rf out && continue
        fi
        if [ $code = 0 ]; then
            rm -rf out/*.tmp-* # what could not be removed is swept by the next one
            same out right || fail "$name, $kind $n: succeeds with other bytes"
        elif [ $code -ge 126 ] || [ ! -s said ]; then
            fail "$name, $kind $n: exit $code, \"$(cat said)\""
        elif [ "$kind" = rename ] || [ "$kind" = sync ]; then # may fail when it is done, or in cleaning up
            rm -rf out/*.tmp-*
            rmdir out 2>/dev/null
            if [ -e out ]; then same out right || same out "$old" || fail "$name, $kind $n: leaves a part"; fi
        elif [ "$old" = none ]; then
            # These libraries end the program themselves.
            if grep -q -e '^libgomp: Out of memory' -e '^Fatal Internal Error in libarchive' said; then rm -rf out/new.tmp-* && rmdir out 2>/dev/null; fi
            [ ! -e out ] || fail "$name, $kind $n: leaves $(ls -A out)"
        else
            same out "$old" || fail "$name, $kind $n: the old one is gone"
        fi
        [ -e struck ] || break
    done
    [ "$n" -gt 2 ] || fail "$name: no fault was ever met"
    printf '%s: %d calls\n' "$name" $((n - ${step:-1}))
}

"$clbert" prepare --tokenizer tokenizer --output older older.txt >/dev/null 2>&1 || exit 1
vocab=("$clbert" vocab --threads 1 --vocab-size 40 --output out "$work/text.txt")
prepare=("$clbert" prepare --threads 1 --tokenizer "$work/tokenizer" --output out)
# Its counts go to temporary files.
spill=("$clbert" vocab --threads 1 --memory 500K --vocab-size 30 --output out "$work/words.txt")
seq -f 'k%.0f' 6000 | paste -sd ' \n' >words.txt
TMPDIR=/nonexistent "${spill[@]}" 2>&1 | grep -q TMPDIR || exit 1
lane_1() {
    (walk vocab-malloc none malloc "${vocab[@]}") &&
        (walk prepare-malloc none malloc "${prepare[@]}" --language de "$work/text.gz") || return 1
    for kind in read write flush; do
        (walk "vocab-$kind" none $kind "${vocab[@]}") || return 1
    done
    (step=2399 walk spill-read none read "${spill[@]}") && (step=1201 walk spill-write none write "${spill[@]}") &&
        (walk spill-seek none seek "${spill[@]}") && (walk spill-malloc none malloc "${spill[@]}")
}
lane_2() {
    (walk json-malloc none malloc "$clbert" prepare --threads 1 --tokenizer "$work/json" --output out "$work/text.jsonl") ||
        return 1
    for kind in read write flush sync seek open rename; do
        (walk "prepare-$kind" "$work/older" $kind "${prepare[@]}" --overwrite --deduplicate "$work/text.txt") || return 1
    done
    for kind in sync open rename; do
        (walk "vocab-$kind" none $kind "${vocab[@]}") || return 1
    done
}
lane_1 &
lane_2
code=$?
wait $! || code=1
exit $code
