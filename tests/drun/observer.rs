//! What a node tells of itself to an observer of one's own.

use std::sync::{Arc, Mutex};

use drun::internals::node::Node;
use drun::internals::observe::{Begun, Cause, Observer, Places, Run};
use drun::internals::outcome::{DebugPrint, MessageResult};
use drun::{Principal, Protocol};
use drun_ic::NodeSettings;
use drun_ic::answer::Usage;
use drun_ic::management::types::install::{CanisterInstallMode, InstallCodeArgs};
use drun_ic::management::types::lifecycle::ProvisionalCreateArgs;
use drun_ic::protocol::SubnetType;

/// Writes down what it is told.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, text: String) {
        self.0.lock().expect("nobody panicked").push(text);
    }
}

fn cause(run: &Run<'_>) -> &'static str {
    match run.cause {
        Cause::Call(_) => "call",
        Cause::Callback(_) => "callback",
        Cause::Query { .. } => "query",
        Cause::Installation => "installation",
    }
}

impl Observer for Diary {
    fn message_begins(&mut self, words: &dyn Fn() -> String, begun: Begun) {
        let query = begun == Begun::Query;
        self.note(format!("{} begins, query: {query}", words()));
    }

    fn message_ends(&mut self, usage: &Usage) {
        self.note(format!("it ends, instructions: {}", usage.instructions > 0));
    }

    fn executed(&mut self, run: &Run<'_>, _: &dyn Fn() -> u128) {
        self.note(format!("{} executed", cause(run)));
    }

    fn concluded(&mut self, run: &Run<'_>) -> Places {
        self.note(format!("{} concluded", cause(run)));
        Places::default()
    }

    fn printed(&mut self, line: &DebugPrint) {
        self.note(format!("printed {}", line.text));
    }
}

#[test]
fn an_observer_is_told_of_messages_executions_and_lines_in_order() {
    let module = wat::parse_str(
        r#"(module
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "debug_print" (func $print (param i32 i32)))
        (memory 1)
        (data (i32.const 0) "startgo")
        (func (export "canister_init") (call $print (i32.const 0) (i32.const 5)))
        (func (export "canister_update go") (call $print (i32.const 5) (i32.const 2)) (call $reply))
        (func (export "canister_query ask") (call $reply)))"#,
    )
    .expect("a valid module");
    let id = Principal::from_text("rwlgt-iiaaa-aaaaa-aaaaa-cai").expect("an id");
    let settings = NodeSettings::new(Protocol::NEWEST, SubnetType::System);
    let mut node = Node::new(settings);
    let diary = Diary::default();
    node.attach(diary.clone());
    let create: ProvisionalCreateArgs = ProvisionalCreateArgs {
        amount: None,
        settings: None,
        specified_id: Some(id),
        sender_canister_version: None,
    };
    let install = InstallCodeArgs {
        mode: CanisterInstallMode::Install,
        canister_id: id,
        wasm_module: module,
        arg: Vec::new(),
        sender_canister_version: None,
    };
    let management = Principal::management_canister();
    let user = Principal::anonymous();
    for (to, method, argument) in [
        (
            management,
            "provisional_create_canister_with_cycles",
            candid::encode_one(create).expect("it encodes"),
        ),
        (
            management,
            "install_code",
            candid::encode_one(install).expect("it encodes"),
        ),
        (id, "go", Vec::new()),
    ] {
        node.begin_message(&|| method.to_owned(), Begun::Message);
        let message = node.submit(user, to, method, argument);
        let message = message.expect("it is taken");
        let result = loop {
            node.tick();
            if let Some(result) = node.take_answer(message) {
                break result;
            }
        };
        assert!(matches!(result, MessageResult::Replied(_)), "{result:?}");
        node.end_message();
    }
    node.begin_message(&|| "ask".to_owned(), Begun::Query);
    node.query(user, id, "ask", Vec::new());
    node.end_message();
    let told = diary.0.lock().expect("nobody panicked").clone();
    assert_eq!(
        told,
        [
            "provisional_create_canister_with_cycles begins, query: false",
            "it ends, instructions: false",
            "install_code begins, query: false",
            "installation executed",
            "installation concluded",
            "printed start",
            "it ends, instructions: true",
            "go begins, query: false",
            "call executed",
            "printed go",
            "call concluded",
            "it ends, instructions: true",
            "ask begins, query: true",
            "query executed",
            "query concluded",
            "it ends, instructions: true",
        ]
    );
}
