//! What executing costs, seen through the whole program: instructions, pages, limits and cycles of small modules, each
//! figure derived by hand from the rules (metering.md) in the comment above it. Every script runs with both code
//! generators and must print the same bytes with each.

mod calls;
mod cycles;
mod host;
mod installing;
mod limits;
mod operators;

use crate::support::place::Place;
use serde_json::Value;

/// The first canister on a system subnet, and of the original program.
const ID: &str = "rwlgt-iiaaa-aaaaa-aaaaa-cai";
/// The runner's canister on an application subnet.
const APPLICATION_ID: &str = "22ajg-aqaaa-aaaap-adukq-cai";

/// The circumstances of a run.
const DRUN: &[&str] = &["--compat", "drun"];
const DRUN_APPLICATION: &[&str] = &["--compat", "drun", "--subnet-type", "application"];
const POCKET_IC: &[&str] = &["--compat", "pocket-ic"];
const POCKET_IC_APPLICATION: &[&str] = &["--compat", "pocket-ic", "--subnet-type", "application"];

/// What became of each line of a script, `ID` in which stands for the canister and `m.wat` for the module.
fn script(module: &str, lines: &str, arguments: &[&str]) -> Vec<Value> {
    let id = match arguments == POCKET_IC_APPLICATION {
        true => APPLICATION_ID,
        false => ID,
    };
    let place = Place::new()
        .file("m.wat", module)
        .file("s.drun", lines.replace("ID", id));
    let outputs = ["fast", "optimizing"].map(|compiler| {
        let mut all = vec!["--format", "json", "--compiler", compiler];
        // The rules of metering.md are those of the recorded replicas.
        if !arguments.contains(&"--compat") {
            all.extend(DRUN);
        }
        all.extend(arguments);
        all.push("s.drun");
        let ran = place.run(&all);
        assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
        ran.out
    });
    assert_eq!(outputs[0], outputs[1], "both compilers count alike");
    let objects = outputs[0].lines().map(serde_json::from_str);
    objects.collect::<Result<_, _>>().unwrap()
}

/// The same with the module installed; the lines for that are left out of the result.
fn messages(module: &str, lines: &str, arguments: &[&str]) -> Vec<Value> {
    let lines = format!("create\ninstall ID m.wat 0x\n{lines}");
    script(module, &lines, arguments).split_off(2)
}

/// A module in which each body is the update method of its number.
fn with_methods<'a>(declarations: &str, bodies: impl Iterator<Item = &'a str>) -> String {
    let methods: String = bodies
        .enumerate()
        .map(|(number, body)| format!("(func (export \"canister_update m{number}\") {body})\n"))
        .collect();
    format!("(module {declarations}\n{methods})")
}

/// Runs each body as an update method of a module with these declarations; it has to use so many instructions.
fn costs(declarations: &str, arguments: &[&str], cases: &[(&str, u64)]) {
    let module = with_methods(declarations, cases.iter().map(|(body, _)| *body));
    let lines: String = (0..cases.len())
        .map(|number| format!("ingress ID m{number} 0x\n"))
        .collect();
    let outcomes = messages(&module, &lines, arguments);
    assert_eq!(outcomes.len(), cases.len());
    for (outcome, (body, expected)) in outcomes.iter().zip(cases) {
        assert_eq!(outcome["instructions"], *expected, "{body}\n{outcome}");
    }
}
