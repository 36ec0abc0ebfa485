//! Where the instructions of a run went: stacks from the message of the script through calls between canisters to
//! functions and host functions. Owns the stacks and which execution caused which; who executes tells it. A function pays
//! for a segment of code when it begins, so also for what stands there behind a call.

mod names;

use std::collections::HashMap;

use candid::Principal;

use super::label::Label;
use super::observer::{Begun, Cause, Observer, Places, Preparation, Run};
use crate::canister::contexts::Origin;
use crate::canister::{CallbackId, ContextId};
use crate::execution::{Entry, Recording};

pub use names::Kind;

use drun_engine::record::{Frame, Stack, Tree, TreeFrame};
use names::{Name, Names};

/// The profile of a run.
#[derive(Debug, Default)]
pub struct Profile {
    tree: Tree<Name>,
    names: Names,
    /// The stack of the message under way.
    message: Stack,
    /// Messages, queries, and what has no result, so far.
    counts: [u64; 3],
    /// Where executions of the management canister belong.
    management: Stack,
    /// Methods whose callbacks may be still to come, by the context that these run in.
    contexts: HashMap<(Principal, ContextId), Stack>,
    /// Where calls were made that nobody has executed yet, by the caller's callback.
    calls: HashMap<(Principal, CallbackId), Stack>,
}

/// A stack with what was spent in it itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Frames, outermost first.
    pub frames: Vec<(Kind, &'a str)>,
    /// Instructions.
    pub instructions: u64,
}

impl Profile {
    /// The method of a canister, or the task, by which a context begins: below the call that caused it.
    fn method(
        &mut self,
        canister: Principal,
        what: &str,
        origin: &Origin,
        context: ContextId,
    ) -> Stack {
        let caller = match origin {
            Origin::Canister {
                sender, callback, ..
            } => self.call(*sender, *callback),
            Origin::Ingress { .. } | Origin::SystemTask => self.message,
        };
        let entry = self.entry(caller, canister, what);
        self.contexts.insert((canister, context), entry);
        entry
    }

    /// A callback: below the method that it helps to answer.
    fn callback(&mut self, canister: Principal, what: &str, context: ContextId) -> Stack {
        let method = self.contexts.get(&(canister, context)).copied();
        let method = self.in_message(method.unwrap_or(self.message));
        self.entry(method, canister, what)
    }

    /// An entry point of a canister, called from a given stack.
    fn entry(&mut self, caller: Stack, canister: Principal, what: &str) -> Stack {
        let name = self
            .names
            .name(Kind::Entry, &format!("{what} ({canister})"));
        self.tree.push(caller, name)
    }

    /// Where a call was made that is executed now.
    fn call(&mut self, sender: Principal, callback: CallbackId) -> Stack {
        let place = self.calls.remove(&(sender, callback));
        self.in_message(place.unwrap_or(self.message))
    }

    /// Takes over what was recorded of an entry point; tells where each of its stacks went.
    fn add(&mut self, entry: Stack, recording: &Recording) -> Places {
        let tree = recording.record.tree();
        let mut places = vec![entry];
        self.tree.spend(entry, tree.outside());
        for (_, caller, frame, weight) in tree.stacks() {
            let name = match frame {
                Frame::Function(index) => self.names.function(&recording.names, index),
                Frame::Host(name) => self.names.name(Kind::Host, &format!("ic0.{name}")),
                Frame::HeapPages => self.names.name(Kind::Other, "[heap pages]"),
                Frame::Rest => self.names.name(Kind::Other, "[rest of the limit]"),
                Frame::Deeper => Name::DEEPER,
            };
            let stack = self.tree.push(places[caller.place()], name);
            self.tree.spend(stack, weight);
            places.push(stack);
        }
        Places::new(places)
    }

    /// The same stack below the message under way. What another message has caused but not waited for is executed with a
    /// later one, and counts there.
    fn in_message(&mut self, stack: Stack) -> Stack {
        let frames = self.tree.frames(stack);
        let under_way = self.tree.frames(self.message);
        let (Some(first), Some(message)) = (frames.first(), under_way.first()) else {
            return self.message;
        };
        if first == message {
            return stack;
        }
        let mut stack = self.message;
        let second = frames.get(1).map(|second| self.names.text(*second).0);
        if second != Some(Kind::Message) {
            let text = format!("caused by {}", self.names.text(*first).1);
            stack = self.tree.push(stack, self.names.name(Kind::Message, &text));
        }
        for frame in &frames[1..] {
            stack = self.tree.push(stack, *frame);
        }
        stack
    }

    /// All stacks in which instructions were spent: messages in their order, below them by name.
    pub fn lines(&self) -> Vec<Line<'_>> {
        let roots = self.tree.stacks().filter(|root| root.1 == Stack::EMPTY);
        let order: HashMap<Name, usize> = roots.map(|root| root.2).zip(0..).collect();
        let mut lines: Vec<_> = self
            .tree
            .stacks()
            .filter(|(.., instructions)| *instructions > 0)
            .map(|(stack, .., instructions)| {
                let frames = self.tree.frames(stack);
                let line = Line {
                    frames: frames.iter().map(|name| self.names.text(*name)).collect(),
                    instructions,
                };
                (order[&frames[0]], line)
            })
            .collect();
        lines.sort_by(|(message, line), (other, other_line)| {
            (message, &line.frames).cmp(&(other, &other_line.frames))
        });
        lines.into_iter().map(|(_, line)| line).collect()
    }
}

impl Observer for Profile {
    /// Messages have the numbers that results have; queries, which have none, are numbered on their own, and so is the rest.
    fn message_begins(&mut self, words: &dyn Fn() -> String, begun: Begun) {
        let (mark, count) = match begun {
            Begun::Message => ("", 0),
            Begun::Query => ("q", 1),
            Begun::NoResult => ("t", 2),
        };
        let count = &mut self.counts[count];
        let text = format!("{mark}{count} {}", words());
        *count += 1;
        let name = self.names.name(Kind::Message, &text);
        self.message = self.tree.push_always(Stack::EMPTY, name);
        self.management = self.message;
    }

    fn concluded(&mut self, run: &Run<'_>) -> Places {
        let Run {
            canister,
            execution,
            cause,
        } = *run;
        let id = canister.id;
        let callback = execution.mode.callback_name();
        let what = || Label::of(&execution.entry, execution.mode).text();
        let entry = match (cause, &execution.entry) {
            (Cause::Call(context), _) => match canister.calls.get(context) {
                Some(begun) => self.method(id, &what(), &begun.origin, context),
                None => self.callback(id, callback, context),
            },
            (Cause::Callback(context), _) => self.callback(id, callback, context),
            (Cause::Query { place, .. }, entry) => {
                let caller = match place {
                    Stack::EMPTY => self.message,
                    place => place,
                };
                match entry {
                    Entry::Export(_) => self.entry(caller, id, &what()),
                    Entry::Table(_) => self.entry(caller, id, callback),
                }
            }
            (Cause::Installation, _) => self.entry(self.management, id, &what()),
        };
        match &execution.recording {
            Some(recording) => self.add(entry, recording),
            None => Places::new(vec![entry]),
        }
    }

    fn call_sent(&mut self, canister: Principal, callback: CallbackId, place: Stack) {
        self.calls.insert((canister, callback), place);
    }

    /// What is executed from now on belongs to the message, or to the call of a canister.
    fn management_begins(&mut self, call: Option<(Principal, CallbackId)>) {
        self.management = match call {
            Some((sender, callback)) => self.call(sender, callback),
            None => self.message,
        };
    }

    fn prepared(&mut self, canister: Principal, step: Preparation, instructions: u64) {
        if instructions > 0 {
            let step = match step {
                Preparation::Assemble => "[assemble chunks]",
                Preparation::Compile => "[compile]",
            };
            let name = format!("{step} ({canister})");
            let name = self.names.name(Kind::Compile, &name);
            let stack = self.tree.push(self.management, name);
            self.tree.spend(stack, instructions);
        }
    }
}
