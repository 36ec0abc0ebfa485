//! How results can be told: as Candid, a line for expected outputs, with their place, and what a node does meanwhile.

use std::path::Path;

use crate::support::place::{ID, Place, Ran};

/// A till beside the script.
fn till(script: &str) -> Place {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/till");
    let read = |name| std::fs::read(from.join(name)).expect("the example can be read");
    Place::new()
        .file("till.wat", read("till.wat"))
        .file("till.did", read("till.did"))
        .file("s", script)
}

const SCRIPT: &str = "let alice = identity
as alice
create till
install till till.wat ($alice)
ingress till deposit (200)
as anonymous ingress till deposit (1)
query till balance
query till absent 0x
";

fn lines(ran: &Ran) -> Vec<&str> {
    ran.out.lines().collect()
}

#[test]
fn lines_have_the_words_of_the_script_and_of_expect() {
    let ran = till(SCRIPT).run(&["--format", "lines", "--decode", "s"]);
    let lines = lines(&ran);
    assert_eq!(lines[0], format!("create till: {ID}"));
    assert_eq!(lines[1], "install till: reply ()");
    assert_eq!(lines[2], "ingress till deposit: reply (200 : nat64)");
    assert_eq!(
        lines[3],
        "ingress till deposit: reject \"only the owner deposits\""
    );
    assert_eq!(lines[4], "query till balance: reply (200 : nat64)");
    assert!(
        lines[5].starts_with("query till absent: error IC0536 \"Error from Canister"),
        "{}",
        lines[5]
    );
}

#[test]
fn two_more_lines_of_a_script_are_two_more_lines_of_its_output() {
    let longer = SCRIPT.replace(
        "query till balance\n",
        "query till balance\nquery till balance\ningress till deposit (0)\n",
    );
    let run = |script: &str| {
        till(script)
            .run(&["--format", "lines", "--decode", "s"])
            .out
    };
    let (short, long) = (run(SCRIPT), run(&longer));
    let common: Vec<&str> = long
        .lines()
        .enumerate()
        .filter(|(index, _)| ![5, 6].contains(index))
        .map(|(_, line)| line)
        .collect();
    assert_eq!(short.lines().collect::<Vec<_>>(), common);
}

#[test]
fn prints_have_names_instead_of_times_in_lines() {
    let script = format!("{SCRIPT}advance 1d\n");
    let ran = till(&script).run(&["--format", "lines", "s"]);
    assert_eq!(ran.err, "[Canister till] interest paid\n");
}

#[test]
fn decoded_replies_stand_in_the_place_of_bytes() {
    let ran = till(SCRIPT).run(&["--decode", "s"]);
    let lines = lines(&ran);
    assert_eq!(
        lines[0],
        format!("ingress(0) Completed: (record {{ canister_id = principal \"{ID}\" }})")
    );
    assert_eq!(lines[2], "ingress(2) Completed: (200 : nat64)");
    assert_eq!(lines[4], "Ok: (200 : nat64)");
    let ran = till(SCRIPT).run(&["--decode", "--format", "drun", "s"]);
    assert!(ran.out.contains("\ningress Completed: (200 : nat64)\n"));
}

#[test]
fn the_older_language_is_decoded_with_the_interface_of_its_module() {
    let script = format!("create\ninstall {ID} m.wat 0x\nquery {ID} get 0x\n");
    let module = r#"(module
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
        (memory 1)
        (data (i32.const 0) "DIDL\01\6c\01\99\d2\95\d7\02\7d\01\00\05")
        (@custom "icp:public candid:service" "service : { get : () -> (record { amount : nat }) query }")
        (func (export "canister_query get")
          (call $append (i32.const 0) (i32.const 15))
          (call $reply)))"#;
    let hash = "amount".bytes().fold(0u32, |hash, byte| {
        hash.wrapping_mul(223).wrapping_add(byte.into())
    });
    let mut label = Vec::new();
    let mut rest = hash;
    while rest > 0x7f {
        label.push(rest as u8 & 0x7f | 0x80);
        rest >>= 7;
    }
    label.push(rest as u8);
    let label: String = label.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let length = 4 + 3 + label.len() / 3 + 1 + 3;
    let module = module
        .replace("\\99\\d2\\95\\d7\\02", &label)
        .replace("i32.const 15", &format!("i32.const {length}"));
    let place = Place::new().file("s", script).file("m.wat", module);
    let ran = place.run(&["--decode", "s"]);
    assert_eq!(
        lines(&ran).last(),
        Some(&"Ok: (record { amount = 5 : nat })")
    );
}

#[test]
fn json_tells_line_canister_and_decoded_reply() {
    let objects = |arguments: &[&str]| -> Vec<serde_json::Value> {
        let ran = till(SCRIPT).run(arguments);
        let parse = |line| serde_json::from_str(line).expect("it is JSON");
        ran.out.lines().map(parse).collect()
    };
    let plain = objects(&["--format", "json", "s"]);
    let at: Vec<u64> = plain
        .iter()
        .map(|object| object["line"].as_u64().expect("a line"))
        .collect();
    assert_eq!(at, [3, 4, 5, 6, 7, 8]);
    assert_eq!(plain[0]["canister"], ID);
    assert_eq!(plain[2].get("decoded"), None);
    let decoded = objects(&["--format", "json", "--decode", "s"]);
    assert_eq!(decoded[2]["decoded"], "(200 : nat64)");
    assert_eq!(decoded[2]["reply"], plain[2]["reply"]);
}

#[test]
fn a_trace_tells_events_by_the_depth_of_calls() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let clerk = std::fs::read(root.join("examples/till/clerk.wat")).expect("it can be read");
    let did = std::fs::read(root.join("examples/till/clerk.did")).expect("it can be read");
    let script = "create till\ncreate clerk\ninstall till till.wat ($clerk)\n\
                  install clerk clerk.wat ($till)\ningress clerk work\n";
    let place = till(script).file("clerk.wat", clerk).file("clerk.did", did);
    let ran = place.run(&["--trace", "s"]);
    let told: Vec<&str> = ran
        .err
        .lines()
        .map(|line| {
            let indent = line.len() - line.trim_start().len();
            let words = line.trim_start().split([':', ' ']).next().unwrap_or("");
            &line[..indent + words.len()]
        })
        .collect();
    let last = told
        .iter()
        .rposition(|line| *line == "ingress")
        .expect("the last message");
    let expected = [
        "ingress",
        "round",
        "  update",
        "    calls",
        "    commits",
        "  update",
        "    replies",
        "    commits",
        "  callback",
        "    replies",
        "    commits",
        "ends",
    ];
    let mut rest = told[last..].iter();
    for line in expected {
        let deeper = |found: &&&str| found.trim_start() == line.trim_start();
        assert!(rest.any(|found| deeper(&found)), "{line} in\n{}", ran.err);
    }
    // What the till does for the clerk stands below the clerk's call.
    assert!(told[last..].contains(&"    update"), "{}", ran.err);
    assert_eq!(ran.out, place.run(&["s"]).out);
    for line in place.run(&["--trace=json", "s"]).err.lines() {
        let object: serde_json::Value = serde_json::from_str(line).expect("it is JSON");
        assert!(object["event"].is_string() && object["depth"].is_u64());
    }
}

/// What a line is told by reads back as the words of the script, whatever a method is called.
#[test]
fn a_method_stands_in_a_line_as_the_script_writes_it() {
    let script = "create a\nquery a \"x y\\n\\22\" ()\nquery a plain ()\n";
    let ran = till(script).run(&["--format", "lines", "s"]);
    let lines: Vec<&str> = ran.out.lines().skip(1).collect();
    assert!(
        lines[0].starts_with(r#"query a "x y\n\"": error IC0537 "#)
            && lines[1].starts_with("query a plain: error IC0537 "),
        "{}",
        ran.out
    );
}
