//! The scripts of `testdata/words`, as the suite of any other Rust crate.

fn main() -> std::process::ExitCode {
    drun::golden("testdata/words")
}
