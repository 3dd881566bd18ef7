#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `clbert tune` on PoCL: what it keeps is there when it is stopped, and goes on; wrong options are refused.
# Usage: tune.sh CLBERT
. "$(dirname "$0")/shell.sh"
device="Portable Computing Language"
export POCL_CACHE_DIR=${POCL_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/pocl/kcache} # compiles once
export XDG_CACHE_HOME=$work/cache CLBERT_OPENCL_SHAPE=wide
unset CLBERT_GEMM
refused() { # MESSAGE OPTION...: one clear line, and nothing else.
    local message=$1
    shift
    "$clbert" tune "$@" >out.txt 2>err.txt
    expect "$* is an error" test $? = 1
    expect "$* says \"$message\" in one line" \
        test "$(wc -l <err.txt)" = 1 -a ! -s out.txt -a "$(grep -cF -e "$message" err.txt)" = 1
}
tune() { exec "$clbert" tune --device "$device" --model tiny --vocab-size 300 \
    --per-device-train-batch-size 16 --max-seq-length 32 "$@"; }
# The number after a word of JSON.
number() { grep -o "\"$1\": [0-9]*" out.txt | grep -o '[0-9]*$'; }
kept() { cat cache/clbert/products-*.bin 2>/dev/null | tr -d "\0"; }

refused 'time-limit' --time-limit -1
refused 'time-limit' --time-limit soon
refused 'cannot be' --per-device-train-batch-size 0
refused 'one way' --device cpu --model tiny
"$clbert" devices >out.txt 2>err.txt
grep -q "$device" out.txt || { echo "no PoCL"; [ $failed = 0 ] && exit 77; exit 1; }
refused 'fp32 alone' --device "$device" --model tiny --precision bf16

(tune --time-limit 1000) >out.txt 2>err.txt &
until kept | grep -aq '"passed over": \["clblast"'; do # it tries CLBlast as it is
    kill -0 $! 2>/dev/null || { echo "ended too early"; cat err.txt; exit 1; }
    sleep 0.02
done
kill -INT $!
wait $!
expect "stopped, it ends well" test $? = 0
expect "it says so" grep -qF 'what was found is kept' err.txt
expect "what it tried" grep -q '^found    [1-9][0-9]* tried, ' out.txt
expect "it is kept" test -n "$(kept | grep -ao '"trials": {"[a-z]* [0-9x]*": {"clblast": ')"
expect "it was not passed over" test -z "$(kept | grep -ao '"passed over": \["clblast"')"

(tune --time-limit 0 --json) >out.txt 2>err.txt
expect "no time is no error" test $? = 0
expect "nothing is measured anew" test ! -s err.txt
expect "nothing tried" test "$(number tried)" = 0
left=$(number left)
expect "something is left" test "${left:-0}" -gt 5

(tune --time-limit 0.001 --json) >out.txt 2>err.txt
expect "a bound" test $? = 0
expect "one set, whatever it takes" test "$(number tried)" = 1
expect "it is kept, too" test -n "$(kept | grep -ao '"clblast [0-9.]*": [0-9]')"
sed 's/.*"gemm": "\([^"]*\)".*/\1/' out.txt >gemm.txt
"$clbert" devices >out.txt 2>err.txt
expect "the devices show it" grep -qF -e "$(cut -d' ' -f1-2 gemm.txt)" out.txt
finish
