//! A program that does nothing but parse its arguments: what the start of `drun` is compared with.

use clap::Parser;

/// Does nothing.
#[derive(Parser)]
struct Arguments {
    /// Ignored.
    rest: Vec<String>,
    /// Given by `cargo bench`.
    #[arg(long)]
    bench: bool,
}

fn main() {
    let Arguments { rest, bench } = Arguments::parse();
    std::hint::black_box((rest, bench));
}
