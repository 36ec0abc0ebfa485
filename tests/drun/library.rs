//! The library in the process of its user: what depends on the thread that calls it, and what it calls by name.

use drun::internals::config::CompilerChoice;
use drun::internals::{Compat, Config, Runner};
use drun::{
    Bytes, InstallMode, MessageResult, Node, Principal, Settings, Submitted, Subnet, Visibility,
};

/// Recurses as deep as the argument says, and for ever if there is none.
const RECURSION: &str = r#"(module
    (import "ic0" "msg_arg_data_size" (func $size (result i32)))
    (import "ic0" "msg_reply" (func $reply))
    (func $down (param $depth i32) (result i32)
        (if (i32.eqz (local.get $depth)) (then (return (i32.const 0))))
        (i32.add (i32.const 1) (call $down (i32.sub (local.get $depth) (i32.const 1)))))
    (func (export "canister_update go")
        (drop (call $down (select (i32.const -1) (i32.const 50000) (i32.eqz (call $size)))))
        (call $reply)))"#;

/// Runs both methods on a thread with so much stack.
fn results(stack: usize, compiler: CompilerChoice) -> [(MessageResult, u64); 2] {
    let run = move || {
        let mut config = Config::new(Compat::Drun);
        config.compiler = compiler;
        let mut subnet = Runner::new(config);
        let canister = Principal::from_text("rwlgt-iiaaa-aaaaa-aaaaa-cai").unwrap();
        let module = wat::parse_str(RECURSION).unwrap();
        subnet.install(InstallMode::Install, canister, &module, b"");
        [&b"x"[..], b""].map(|argument| {
            let outcome = subnet.ingress(canister, "go", argument);
            (outcome.result, outcome.instructions)
        })
    };
    let thread = std::thread::Builder::new().stack_size(stack);
    thread.spawn(run).unwrap().join().unwrap()
}

#[test]
fn canisters_have_their_stack_on_threads_with_little() {
    let expected = results(64 << 20, CompilerChoice::Optimizing);
    assert_eq!(expected[0].0, MessageResult::Replied(Vec::new()));
    let overflow = format!("{:?}", expected[1].0);
    assert!(overflow.contains("stack overflow"), "{overflow}");
    for compiler in [
        CompilerChoice::Interpreter,
        CompilerChoice::Fast,
        CompilerChoice::Optimizing,
    ] {
        assert_eq!(results(1 << 20, compiler), expected);
    }
}

/// A canister whose log everybody may read, and a message to it that is under way.
fn begun(subnet: &mut Subnet) -> (Principal, Submitted) {
    let canister = subnet.create_with(Settings {
        log_visibility: Some(Visibility::Public),
        ..Settings::default()
    });
    let module = wat::parse_str(RECURSION).unwrap();
    let mode = InstallMode::Install;
    let installation = subnet.installation(mode, canister, &module, Bytes(b"no Candid".to_vec()));
    installation.unwrap().outcome().ok().unwrap();
    let call = subnet.call(canister, "go").with(Bytes(b"x".to_vec()));
    (canister, call.unwrap().submit().unwrap())
}

fn visibility(node: &Node, canister: Principal) -> &Visibility {
    &node.canister(&canister).unwrap().settings.log_visibility
}

#[test]
fn what_the_library_takes_and_gives_has_names_in_this_crate() {
    let mut subnet = Subnet::new();
    let (canister, message) = begun(&mut subnet);
    assert_eq!(subnet.answer(message), None);
    subnet.tick(1);
    let answer = subnet.answer(message);
    assert_eq!(answer, Some(MessageResult::Replied(Vec::new())));
    assert_eq!(visibility(subnet.node(), canister), &Visibility::Public);
}
