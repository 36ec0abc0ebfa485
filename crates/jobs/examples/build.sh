#!/bin/sh
# Builds the modules beside their sources; needs Python with the package `ziglang` (0.14 or newer).
set -eu
cd "$(dirname "$0")"
for name in sum rpc-example balance-math; do
    python3 -m ziglang cc -target wasm32-wasi -Oz -s -Wall -Werror -o "$name/$name.wasm" "$name/$name.c"
done
