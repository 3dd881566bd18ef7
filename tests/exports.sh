#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The library exports its public functions (clb_...) and nothing else, and every one of them is declared
# in a public header. Usage: exports.sh LIBRARY
set -eu
library=$1
headers=$(dirname "$0")/../include/clbert
exported=$(readelf --syms --wide "$library" |
    awk '$5 == "GLOBAL" && $6 == "DEFAULT" && $7 != "UND" && $7 != "ABS" { print $8 }' | sort -u)
[ "$(wc -w <<<"$exported")" -gt 100 ] || { echo "too few symbols were found in $library" >&2; exit 1; }
failed=0
for symbol in $exported; do
    case $symbol in
        clb_*) grep -qw "$symbol" "$headers"/*.h || { echo "$symbol is in no public header" >&2; failed=1; } ;;
        *) echo "$symbol is exported" >&2; failed=1 ;;
    esac
done
# The headers serve C++ as well, and each stands alone.
if command -v c++ >/dev/null; then
    for header in "$headers"/*.h; do
        echo "#include <clbert/$(basename "$header")>" | c++ -xc++ -fsyntax-only -Werror -I "$headers/.." - || failed=1
    done
fi
exit $failed
