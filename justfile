# Every maintenance command. `just` lists them; `just --show NAME` tells what one runs.

# Everything is built with one profile, so that the engine is compiled once.
release := "--release --locked"

[private]
default:
    @{{just_executable()}} --list --unsorted

# What must pass before a change goes in: tests, clippy, rustfmt
ci:
    .ci/run

# All tests, or those of the workspace whose names hold this word
test NAME='':
    cargo test {{release}} --workspace -- {{NAME}}

# One test of the program, from outside: `just one bad_input::unknown_keyword`
one NAME:
    cargo test {{release}} --test drun -- {{NAME}}

# One unit test of a package: `just unit drun-ic budget`
unit PACKAGE NAME='':
    cargo test {{release}} --package {{PACKAGE}} --lib -- {{NAME}}

# Scripts against their expected outputs, all code generators: `just golden wat/timer`
golden NAME='':
    cargo test {{release}} --test golden -- {{NAME}}

# What these scripts print now is right: `just accept wat/timer.drun`; look at `git diff` afterwards
accept +SCRIPTS:
    cargo run {{release}} -- test --accept {{SCRIPTS}}

# The same for scripts of testdata/motoko: `just accept-motoko testdata/motoko/timer.drun`
accept-motoko +SCRIPTS:
    cargo run {{release}} -- test --accept --format drun {{SCRIPTS}} -- --compat pocket-ic

# Rebuilds the Motoko modules of testdata/motoko, all or these: `just motoko counter`
[working-directory: 'testdata/motoko']
motoko *NAMES:
    npm ci
    node rebuild.mjs {{NAMES}}

# Where a script's instructions go: folded stacks and a flame graph in target/profile
profile SCRIPT *OPTIONS:
    cargo run {{release}} -- --profile target/profile {{OPTIONS}} {{SCRIPT}}

# README's performance table, or some of its rows (starts, messages, compute, heaps, bulk, suite, upgrades)
bench *ROWS:
    cargo build {{release}} --benches
    cargo bench --locked --bench table -- {{ROWS}}

# The figures of `drun serve`, beside what they should be
bench-serve:
    cargo bench --locked --bench serve

# `drun serve` under full load for so long: `just soak-serve 600`
soak-serve SECONDS:
    cargo bench --locked --bench soak -- {{SECONDS}}

# Looks for inputs that anything stumbles over, so long for each target: `just fuzz 600`; other seeds: `just fuzz 600 7`
fuzz SECONDS SEED='0':
    DRUN_FUZZ_SECONDS={{SECONDS}} DRUN_FUZZ_SEED={{SEED}} cargo test {{release}} --test fuzz -- --nocapture

# The same with coverage, one target: `just fuzz-coverage module 600` (needs cargo-fuzz and a nightly toolchain)
[working-directory: 'fuzz']
fuzz-coverage TARGET SECONDS:
    cargo +nightly fuzz run {{TARGET}} -- -max_total_time={{SECONDS}}

# Random traffic over a thousand canisters, so long: memory and file descriptors stay flat, and both code generators print the same
soak SECONDS='3600':
    cargo build {{release}}
    tests/soak.sh target/release/drun {{SECONDS}}

# Every command in every circumstance: limits, a full disk, signals, many at once
matrix:
    cargo build {{release}}
    tests/matrix.sh target/release/drun

# The linter and the formatter alone
lint:
    cargo clippy {{release}} --workspace --all-targets -- -D warnings
    cargo fmt --all --check

# Writes all code in one style
fmt:
    cargo fmt --all

# Licences and sources of the dependencies (needs cargo-deny)
deny:
    cargo deny check

# The documentation of all crates, as docs.rs would show it
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --release --locked --workspace --no-deps

# Refuses system calls to the program, some of each kind or `all` of them: no wrong line may come of it
refuse HOW='some':
    DRUN_REFUSE={{HOW}} cargo test {{release}} --test drun -- refused --nocapture
