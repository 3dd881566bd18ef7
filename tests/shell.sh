# SPDX-License-Identifier: Apache-2.0
# What the tests of the program share; to be sourced. They work in a folder of their own, and end by
# `finish`.
set -u
clbert=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
passed=0
failed=0

# expect WHAT COMMAND...: COMMAND is true. out.txt and err.txt are what the last one tried has said.
expect() {
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'not so: %s\n' "$what"
        head -n 20 out.txt err.txt 2>/dev/null
    fi
}

# refuses WORD COMMAND...: COMMAND fails, prints no results, and says WORD in its last line. A test
# that asks for more defines refused_well anew.
refuses() {
    local word=$1 code
    shift
    "$@" >out.txt 2>err.txt
    code=$?
    expect "exit $code, \"$word\" from: $*" eval '[ $code -ne 0 ] && [ $code -lt 126 ] && [ ! -s out.txt ] &&
        tail -n 1 err.txt | grep -qF -e "$word" && refused_well'
}
refused_well() { :; }

# make_corpus SENTENCES TOKENS OPTION...: practice text, a vocabulary `tok`, and `corpus`.
make_corpus() {
    "$clbert" demo-text --documents "$1" --output text.txt
    "$clbert" vocab --vocab-size "$2" --output tok text.txt >/dev/null 2>&1
    shift 2
    "$clbert" prepare --tokenizer tok --output corpus "$@" text.txt >/dev/null 2>&1
}

finish() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    exit $((failed != 0))
}
