//! A program that does nothing but parse its arguments: what the start of `drun` is compared with. With `--compile` it
//! also compiles a module, with the fast code generator and nothing around it.

use clap::Parser;

/// Does next to nothing.
#[derive(Parser)]
struct Arguments {
    /// Ignored.
    rest: Vec<String>,
    /// A module to compile.
    #[arg(long)]
    compile: Option<std::path::PathBuf>,
    /// Given by `cargo bench`.
    #[arg(long)]
    bench: bool,
}

fn main() {
    let Arguments {
        rest,
        compile,
        bench,
    } = Arguments::parse();
    if let Some(path) = compile {
        let mut config = wasmtime::Config::new();
        config
            .strategy(wasmtime::Strategy::Winch)
            .wasm_memory64(true);
        let engine = wasmtime::Engine::new(&config).expect("a valid configuration");
        let module = std::fs::read(path).expect("a file");
        std::hint::black_box(wasmtime::Module::new(&engine, &module).expect("a valid module"));
    }
    std::hint::black_box((rest, bench));
}
