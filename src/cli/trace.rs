//! `--trace`: what a node does, an event a line, indented by the depth of calls; or a JSON object a line.
//!
//! Owns the lines and how deep each stands. It watches; nothing depends on it, and without the option nobody is told.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;

use candid::Principal;
use drun_ic::answer::{DebugPrint, Usage};
use drun_ic::canister::contexts::Origin;
use drun_ic::canister::{CallbackId, ContextId};
use drun_ic::execution::{Entry, Execution};
use drun_ic::ic0::exec::Answer;
use drun_ic::observe::{Begun, Cause, Label, Observer, Places, Preparation, Run, Stack};
use serde_json::{Map, Value, json};

use super::table::grouped;
use crate::idl::quoted;
use crate::report::visible;

/// How events are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TraceFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl std::str::FromStr for TraceFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "text" => Ok(TraceFormat::Text),
            "json" => Ok(TraceFormat::Json),
            _ => Err(format!("`{name}` is neither `text` nor `json`")),
        }
    }
}

/// Watches a node and writes to standard error.
pub(super) struct Trace {
    format: TraceFormat,
    /// How deep the executions of a context stand.
    contexts: HashMap<(Principal, ContextId), usize>,
    /// How deep what answers a callback stands.
    calls: HashMap<(Principal, CallbackId), usize>,
    /// The method whose call a context is.
    methods: HashMap<(Principal, ContextId), String>,
    /// A round in which nothing has happened yet: its number and time.
    round: Option<(u64, u64)>,
    /// How deep the last execution stands.
    depth: usize,
}

impl Trace {
    pub(super) fn new(format: TraceFormat) -> Self {
        Trace {
            format,
            contexts: HashMap::new(),
            calls: HashMap::new(),
            methods: HashMap::new(),
            round: None,
            depth: 0,
        }
    }

    /// One event: its name, its depth, its words, and what machines are told.
    fn tell(&mut self, event: &str, depth: usize, words: &str, fields: Value) {
        if let Some((round, time)) = self.round.take() {
            let at = drun_ic::time::utc(time);
            self.line(
                "round",
                0,
                &format!("round {round} at {at}"),
                json!({ "round": round, "time": time }),
            );
        }
        self.line(event, depth, words, fields);
    }

    fn line(&self, event: &str, depth: usize, words: &str, fields: Value) {
        let line = match self.format {
            TraceFormat::Text => {
                let indent = "  ".repeat(depth);
                let words = visible::in_lines(words).replace('\n', &format!("\n{indent}    "));
                format!("{indent}{words}")
            }
            TraceFormat::Json => {
                let mut object = Map::new();
                object.insert("event".to_owned(), json!(event));
                object.insert("depth".to_owned(), json!(depth));
                if let Value::Object(fields) = fields {
                    object.extend(fields);
                }
                Value::Object(object).to_string()
            }
        };
        // A closed standard error is no reason to stop.
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    /// How deep an execution stands, from its cause.
    fn place(&mut self, run: &Run<'_>) -> usize {
        let id = run.canister.id;
        match run.cause {
            Cause::Call(context) => {
                let origin = run
                    .canister
                    .calls
                    .get(context)
                    .map(|context| &context.origin);
                let depth = match origin {
                    Some(Origin::Canister {
                        sender, callback, ..
                    }) => self.calls.get(&(*sender, *callback)).copied().unwrap_or(1),
                    _ => 1,
                };
                self.contexts.insert((id, context), depth);
                depth
            }
            Cause::Callback(context) => self.contexts.get(&(id, context)).copied().unwrap_or(1),
            Cause::Query { place, .. } => 1 + usize::from(place != Stack::EMPTY),
            Cause::Installation => 2,
        }
    }

    /// What runs.
    fn label(&mut self, run: &Run<'_>) -> Label {
        let id = run.canister.id;
        let label = match (run.cause, &run.execution.entry) {
            (Cause::Callback(context), _) => {
                let method = self.methods.get(&(id, context)).cloned();
                Label::callback(method.unwrap_or_default())
            }
            (Cause::Query { method, .. }, Entry::Table(_)) => Label::callback(method.to_owned()),
            _ => Label::of(&run.execution.entry, run.execution.mode),
        };
        if let Cause::Call(context) = run.cause {
            self.methods.insert((id, context), label.method.clone());
        }
        label
    }

    fn effects(&mut self, run: &Run<'_>, depth: usize) {
        let Run {
            canister,
            execution,
            ..
        } = run;
        let id = canister.id.to_text();
        if execution.message.refunded_cycles > 0 {
            let cycles = execution.message.refunded_cycles;
            let words = format!("refund of {} cycles", grouped(cycles));
            let fields = json!({ "canister": id, "cycles": cycles.to_string() });
            self.tell("refund", depth, &words, fields);
        }
        if let Err(error) = &execution.result {
            let words = format!("fails: {error}");
            self.tell(
                "failure",
                depth,
                &words,
                json!({ "canister": id, "message": error.to_string() }),
            );
            return;
        }
        for performed in &execution.calls {
            let call = &performed.call;
            let mut words = format!(
                "calls {} of {}, {} bytes",
                call.method,
                call.callee,
                call.payload.len()
            );
            if call.cycles > 0 {
                let _ = write!(words, ", with {} cycles", grouped(call.cycles));
            }
            let fields = json!({
                "canister": id,
                "callee": call.callee.to_text(),
                "method": call.method,
                "bytes": call.payload.len(),
                "cycles": call.cycles.to_string(),
            });
            self.tell("call", depth, &words, fields);
        }
        if let Some(time) = execution.timer_set {
            let words = match time {
                0 => "unsets its timer".to_owned(),
                time => format!("sets its timer to {}", drun_ic::time::utc(time)),
            };
            self.tell(
                "timer",
                depth,
                &words,
                json!({ "canister": id, "time": time }),
            );
        }
        match &execution.answer {
            Some(Answer::Reply(reply)) => {
                let words = format!("replies {}", shown(reply));
                let fields = json!({ "canister": id, "reply": hex::encode(reply) });
                self.tell("reply", depth, &words, fields);
            }
            Some(Answer::Reject(text)) => {
                let words = format!("rejects {}", quoted(text));
                self.tell(
                    "reject",
                    depth,
                    &words,
                    json!({ "canister": id, "message": text }),
                );
            }
            None => {}
        }
    }
}

/// A reply in a few words: as Candid if it is short, else its length.
fn shown(reply: &[u8]) -> String {
    const LONGEST: usize = 100;
    let text = crate::idl::decode(reply).map(|args| {
        let names = crate::idl::FieldNames::default();
        crate::idl::print_arguments(&args, &names)
    });
    match text {
        Ok(text) if text.len() <= LONGEST && !text.contains('\n') => text,
        _ => format!("{} bytes", reply.len()),
    }
}

impl Observer for Trace {
    fn message_begins(&mut self, words: &dyn Fn() -> String, begun: Begun) {
        self.round = None;
        let words = words();
        self.tell(
            "message",
            0,
            &words,
            json!({ "message": words, "query": begun == Begun::Query }),
        );
    }

    fn message_ends(&mut self, usage: &Usage) {
        self.round = None;
        let words = format!(
            "ends: {} instructions, {} cycles",
            grouped(usage.instructions.into()),
            usage.cycles
        );
        let fields = json!({
            "instructions": usage.instructions,
            "cycles": usage.cycles.to_string(),
            "heap_pages": usage.heap_pages,
            "stable_pages": usage.stable_pages,
        });
        self.tell("end", 0, &words, fields);
    }

    fn round_begins(&mut self, round: u64, time: u64) {
        self.round = Some((round, time));
    }

    fn executed(&mut self, run: &Run<'_>, cycles: &dyn Fn() -> u128) {
        let depth = self.place(run);
        self.depth = depth;
        let label = self.label(run);
        let Execution {
            message,
            instructions,
            slices,
            ..
        } = run.execution;
        let id = run.canister.id;
        let mut words = format!("{} of {id}", label.text());
        if let Some(caller) = message.caller {
            let _ = write!(words, " for {caller}");
        }
        let _ = write!(words, ": {} instructions", grouped((*instructions).into()));
        if slices.len() > 1 {
            let _ = write!(words, " in {} slices", slices.len());
        }
        if message.available_cycles > 0 {
            let _ = write!(
                words,
                ", {} cycles on offer",
                grouped(message.available_cycles)
            );
        }
        let fields = json!({
            "canister": id.to_text(),
            "kind": label.kind,
            "method": label.method,
            "caller": message.caller.map(|caller| caller.to_text()),
            "instructions": instructions,
            "slices": slices.len(),
            "cycles": cycles().to_string(),
        });
        self.tell("execution", depth, &words, fields);
        self.effects(run, depth + 1);
    }

    fn concluded(&mut self, run: &Run<'_>) -> Places {
        let depth = self.place(run) + 1;
        let id = run.canister.id.to_text();
        match (&run.cause, &run.execution.result) {
            (Cause::Query { .. }, _) => {}
            (_, Ok(())) => self.tell("commit", depth, "commits", json!({ "canister": id })),
            (_, Err(_)) => self.tell("rollback", depth, "rolls back", json!({ "canister": id })),
        }
        Places::default()
    }

    fn call_sent(&mut self, canister: Principal, callback: CallbackId, _: Stack) {
        self.calls.insert((canister, callback), self.depth + 1);
    }

    fn management_begins(&mut self, call: Option<(Principal, CallbackId)>) {
        let depth = call
            .and_then(|call| self.calls.get(&call).copied())
            .unwrap_or(1);
        let caller = call.map(|(caller, _)| caller.to_text());
        let words = match &caller {
            Some(caller) => format!("management canister for {caller}"),
            None => "management canister".to_owned(),
        };
        self.tell("management", depth, &words, json!({ "caller": caller }));
    }

    fn prepared(&mut self, _: Principal, _: Preparation, _: u64) {}

    fn compiled(&mut self, canister: Principal, instructions: u64, _: &dyn Fn() -> u128) {
        let words = format!(
            "compiles for {canister}: {} instructions",
            grouped(instructions.into())
        );
        let fields = json!({ "canister": canister.to_text(), "instructions": instructions });
        self.tell("compilation", 2, &words, fields);
    }

    fn printed(&mut self, line: &DebugPrint) {
        let words = format!("prints {}", quoted(&line.text));
        let fields = json!({ "canister": line.canister.to_text(), "text": line.text });
        self.tell("print", self.depth + 1, &words, fields);
    }
}
