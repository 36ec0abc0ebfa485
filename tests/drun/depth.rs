//! The end of the stack: a recursion ends at the same depth in all kinds of code, with the same counts.

use std::fmt::Write;

use drun::Principal;
use drun::internals::canister::InstallMode;
use drun::internals::config::CompilerChoice;
use drun::internals::outcome::{MessageResult, Outcome};
use drun::internals::{Compat, Config, Runner};

/// Functions that call themselves as often as they are told, with more or less that is alive meanwhile.
fn module() -> Vec<u8> {
    let mut functions = String::new();
    for (name, ty, alive) in [
        ("lean", "i32", 0),
        ("wide", "i64", 40),
        ("float", "f64", 17),
        ("vector", "v128", 9),
    ] {
        let from = match ty {
            "i32" => "(local.get 0)",
            "i64" => "(i64.extend_i32_u (local.get 0))",
            "f64" => "(f64.convert_i32_u (local.get 0))",
            _ => "(i32x4.splat (local.get 0))",
        };
        let (xor, to) = match ty {
            "i32" => ("i32.xor", ""),
            "i64" => ("i64.xor", "i32.wrap_i64"),
            "f64" => ("f64.add", "i32.trunc_sat_f64_u"),
            _ => ("v128.xor", "i32x4.extract_lane 0"),
        };
        let mut before = String::new();
        let mut after = from.to_owned();
        for local in 1..=alive {
            let _ = write!(before, "(local.set {local} ({xor} {from} {from}))");
            after = format!("({xor} {after} (local.get {local}))");
        }
        let after = match to {
            "" => after,
            to => format!("({to} {after})"),
        };
        let locals = format!("(local {})", format!("{ty} ").repeat(alive));
        let _ = write!(
            functions,
            "(func ${name} (param i32) (result i32) {locals}
               (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
               {before}
               (i32.add (call ${name} (i32.sub (local.get 0) (i32.const 1))) {after}))
             (func (export \"canister_update {name}\")
               (call $copy (i32.const 0) (i32.const 0) (i32.const 4))
               (i32.store (i32.const 0) (call ${name} (i32.load (i32.const 0))))
               (call $append (i32.const 0) (i32.const 4)) (call $reply))"
        );
    }
    wat::parse_str(format!(
        "(module (import \"ic0\" \"msg_arg_data_copy\" (func $copy (param i32 i32 i32)))
           (import \"ic0\" \"msg_reply_data_append\" (func $append (param i32 i32)))
           (import \"ic0\" \"msg_reply\" (func $reply)) (memory 1) {functions})"
    ))
    .expect("valid text")
}

struct Canister(Runner, Principal);

impl Canister {
    fn new(module: &[u8], compiler: CompilerChoice, profile: bool) -> Self {
        let config = Config {
            compiler,
            profile,
            ..Config::new(Compat::Drun)
        };
        let mut runner = Runner::new(config);
        runner.create();
        let id = runner.canisters().next().expect("it was created").id;
        runner.install(InstallMode::Install, id, module, b"");
        Canister(runner, id)
    }

    fn recurse(&mut self, method: &str, depth: u32) -> Outcome {
        let Canister(runner, id) = self;
        runner.ingress(*id, method, &depth.to_le_bytes())
    }
}

#[test]
fn a_recursion_ends_at_the_same_depth_in_all_kinds_of_code() {
    let module = module();
    let mut optimizing = Canister::new(&module, CompilerChoice::Optimizing, false);
    let mut others = [
        Canister::new(&module, CompilerChoice::Interpreter, false),
        Canister::new(&module, CompilerChoice::Fast, false),
        Canister::new(&module, CompilerChoice::Auto, false),
        Canister::new(&module, CompilerChoice::Auto, true),
    ];
    for method in ["lean", "wide", "float", "vector"] {
        let (mut ends, mut overflows) = (0_u32, 1 << 20);
        while overflows - ends > 1 {
            let depth = ends.midpoint(overflows);
            match optimizing.recurse(method, depth).result {
                MessageResult::Replied(_) => ends = depth,
                _ => overflows = depth,
            }
        }
        assert!(ends > 1000, "{method} ends at {ends}");
        // A fifth of it is more than the fast code has room for.
        for depth in [10, ends / 5, ends - 1, ends, overflows, 2 * overflows] {
            let expected = optimizing.recurse(method, depth);
            for other in &mut others {
                assert_eq!(other.recurse(method, depth), expected, "{method} {depth}");
            }
        }
    }
}
