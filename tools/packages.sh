# SPDX-License-Identifier: Apache-2.0
# Installs Debian packages that are not there yet: sourced by tools/quickstart and tools/test.
#   need_packages PACKAGE...      stops the script where one cannot be installed
#   try_packages PACKAGE...       goes on without
say() { printf '== %s\n' "$*"; }

missing_packages() {
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$package"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

need_packages() {
    local missing
    missing=$(missing_packages "$@")
    [ -z "$missing" ] && return 0
    say "installing $missing"
    as_root apt-get update -qq || true
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

try_packages() {
    need_packages "$@" || say "going on without $(missing_packages "$@")"
}

# What the program is built with, and what its tests need besides: names that Debian 12, Ubuntu 22.04
# and Ubuntu 24.04 share (there in "universe").
BUILD_PACKAGES="gcc libc6-dev cmake ninja-build pkg-config ocl-icd-opencl-dev opencl-headers
libclblast-dev libicu-dev libjansson-dev libarchive-dev libxxhash-dev libpopt-dev"
TEST_PACKAGES="clang libomp-dev libcmocka-dev"

# The package with the sanitizers of the clang that is installed: one of its own in Debian and newer
# Ubuntus, a part of another in older ones.
clang_runtime_package() {
    local version
    version=$(clang -dumpversion | cut -d . -f 1)
    if [ -n "$(apt-cache search --names-only "^libclang-rt-$version-dev\$")" ]; then
        printf 'libclang-rt-%s-dev\n' "$version"
    else
        printf 'libclang-common-%s-dev\n' "$version"
    fi
}
