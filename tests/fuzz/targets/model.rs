//! What the canisters of `traffic.rs` hold and answer, by the rules of the interface specification and of scheduling.md, in
//! a few queues: what an execution does is kept unless it traps, what a callee did is kept whatever becomes of the caller, and
//! a timer takes turns with messages. It knows nothing of WebAssembly, instructions or cycles.

use std::collections::VecDeque;

/// Canisters that there are.
pub(super) const CANISTERS: u8 = 3;

/// What a canister can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub count: u32,
    pub stable_pages: u32,
    pub pages: u32,
}

/// How a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Reply(State),
    Reject,
    Trap,
}

/// Who waits for an answer.
#[derive(Clone, Copy, Debug)]
enum Waiting {
    /// The sender of the message.
    User,
    /// A call of this canister, which was made for somebody.
    Call(u8, For),
}

/// What a call is made for.
#[derive(Clone, Copy, Debug)]
enum For {
    /// A message, by its number in `waiting`.
    Message(usize),
    Timer,
}

#[derive(Clone, Debug)]
enum Message {
    Request(Waiting, Vec<u8>),
    Response(For, End),
}

/// What a canister keeps of an execution that does not trap.
#[derive(Clone, Copy, Debug)]
struct Kept {
    state: State,
    /// What the timer does when it fires.
    what: u8,
    /// The timer is set, and due.
    due: bool,
}

#[derive(Clone, Debug)]
struct Canister {
    kept: Kept,
    /// Whether it is the timer's turn where there is a message as well (scheduling.md 4.2).
    timers_turn: bool,
    /// Messages by sender; senders in the order in which they are next.
    inputs: VecDeque<(u8, VecDeque<Message>)>,
    /// Messages to each canister.
    outputs: Vec<VecDeque<Message>>,
}

/// All canisters between two messages.
pub(super) struct Model {
    canisters: Vec<Canister>,
    /// Who waits for the messages that wait for calls themselves.
    waiting: Vec<Waiting>,
    answer: Option<End>,
}

/// The place of users among the senders.
const USER: u8 = u8::MAX;

impl Default for Model {
    fn default() -> Self {
        let kept = Kept {
            state: State {
                count: 0,
                stable_pages: 0,
                pages: 1,
            },
            what: 0,
            due: false,
        };
        let canister = Canister {
            kept,
            timers_turn: true,
            inputs: VecDeque::new(),
            outputs: vec![VecDeque::new(); CANISTERS.into()],
        };
        Model {
            canisters: vec![canister; CANISTERS.into()],
            waiting: Vec::new(),
            answer: None,
        }
    }
}

impl Model {
    /// A message with these operations.
    pub(super) fn run(&mut self, to: u8, operations: &[u8]) -> End {
        let request = Message::Request(Waiting::User, operations.to_vec());
        self.canisters[usize::from(to)].put(USER, request);
        self.round();
        self.answer.take().expect("a message ends within its round")
    }

    /// A query for the state.
    pub(super) fn get(&self, of: u8) -> End {
        End::Reply(self.canisters[usize::from(of)].kept.state)
    }

    /// An upgrade: only stable memory is kept.
    pub(super) fn upgrade(&mut self, which: u8) {
        let fresh = Model::default().canisters[usize::from(which)].clone();
        let canister = &mut self.canisters[usize::from(which)];
        let stable_pages = canister.kept.state.stable_pages;
        *canister = fresh;
        canister.kept.state.stable_pages = stable_pages;
        self.round();
    }

    /// A round: timers that are due, then messages until there are none.
    fn round(&mut self) {
        let fires: Vec<bool> = self.canisters.iter_mut().map(Canister::fires).collect();
        for (id, _) in (0..).zip(&fires).filter(|(_, fires)| **fires) {
            self.timer(id);
        }
        // In the first iteration a timer is something to do, too.
        let mut active = fires.contains(&true);
        loop {
            for id in 0..CANISTERS {
                while let Some(message) = self.canisters[usize::from(id)].take() {
                    active = true;
                    self.execute(id, message);
                }
            }
            if !std::mem::take(&mut active) {
                break;
            }
            self.deliver();
        }
    }

    /// Brings what the canisters have sent to where it goes: by sender, first what is to itself.
    fn deliver(&mut self) {
        for from in 0..CANISTERS {
            let others = (0..CANISTERS).filter(|to| *to != from);
            for to in std::iter::once(from).chain(others) {
                let sent =
                    std::mem::take(&mut self.canisters[usize::from(from)].outputs[usize::from(to)]);
                for message in sent {
                    self.canisters[usize::from(to)].put(from, message);
                }
            }
        }
    }

    fn timer(&mut self, id: u8) {
        let canister = &mut self.canisters[usize::from(id)];
        canister.kept.due = false;
        let what = canister.kept.what;
        if what % 4 == 2 {
            return;
        }
        canister.add(7);
        match what % 4 {
            1 => canister.kept.due = true,
            3 => {
                let callee = (what >> 2) % CANISTERS;
                let request = Message::Request(Waiting::Call(id, For::Timer), vec![1, 5]);
                canister.outputs[usize::from(callee)].push_back(request);
            }
            _ => {}
        }
    }

    fn execute(&mut self, id: u8, message: Message) {
        let canister = &mut self.canisters[usize::from(id)];
        match message {
            Message::Response(what_for, end) => {
                canister.add(match end {
                    End::Reply(_) => 1,
                    End::Reject | End::Trap => 100,
                });
                if let For::Message(number) = what_for {
                    let end = End::Reply(canister.kept.state);
                    self.answer(id, self.waiting[number], end);
                }
            }
            Message::Request(waiting, operations) => match operate(canister.kept, &operations) {
                Err(Trapped) => self.answer(id, waiting, End::Trap),
                Ok((kept, Then::Answer(end))) => {
                    canister.kept = kept;
                    self.answer(id, waiting, end);
                }
                Ok((kept, Then::Call(callee, operations))) => {
                    canister.kept = kept;
                    let call = Waiting::Call(id, For::Message(self.waiting.len()));
                    self.waiting.push(waiting);
                    canister.outputs[usize::from(callee)]
                        .push_back(Message::Request(call, operations));
                }
            },
        }
    }

    fn answer(&mut self, id: u8, waiting: Waiting, end: End) {
        match waiting {
            Waiting::User => self.answer = Some(end),
            Waiting::Call(caller, what_for) => self.canisters[usize::from(id)].outputs
                [usize::from(caller)]
            .push_back(Message::Response(what_for, end)),
        }
    }
}

impl Canister {
    fn add(&mut self, amount: u32) {
        self.kept.state.count = self.kept.state.count.wrapping_add(amount);
    }

    /// Whether the timer fires in this round.
    fn fires(&mut self) -> bool {
        let fires = self.kept.due && (self.timers_turn || self.inputs.is_empty());
        if self.kept.due {
            self.timers_turn = !fires;
        }
        fires
    }

    fn put(&mut self, sender: u8, message: Message) {
        match self.inputs.iter_mut().find(|(from, _)| *from == sender) {
            Some((_, messages)) => messages.push_back(message),
            None => self.inputs.push_back((sender, [message].into())),
        }
    }

    /// The next message: senders take turns.
    fn take(&mut self) -> Option<Message> {
        let (sender, mut messages) = self.inputs.pop_front()?;
        let message = messages
            .pop_front()
            .expect("who is listed has sent something");
        if !messages.is_empty() {
            self.inputs.push_back((sender, messages));
        }
        Some(message)
    }
}

struct Trapped;

/// What follows the operations.
enum Then {
    Answer(End),
    Call(u8, Vec<u8>),
}

/// The operations of a message on what a canister holds.
fn operate(mut kept: Kept, operations: &[u8]) -> Result<(Kept, Then), Trapped> {
    let (mut call, mut rejected) = (None, false);
    let mut rest = operations;
    while let [op, after @ ..] = rest {
        rest = after;
        match op % 10 {
            1 => {
                let [amount, after @ ..] = rest else {
                    return Err(Trapped);
                };
                kept.state.count = kept.state.count.wrapping_add((*amount).into());
                rest = after;
            }
            2 => return Err(Trapped),
            3 => {
                let ([callee, length, after @ ..], None) = (rest, &call) else {
                    return Err(Trapped);
                };
                let length = usize::from(*length).min(after.len());
                call = Some((callee % CANISTERS, after[..length].to_vec()));
                rest = &after[length..];
            }
            4 => rejected = true,
            5 => kept.state.stable_pages += 1,
            6 => kept.state.pages += 1,
            7 => {
                let [what, after @ ..] = rest else {
                    return Err(Trapped);
                };
                (kept.what, kept.due) = (*what, *what < 128);
                rest = after;
            }
            9 => kept.due = false,
            _ => {}
        }
    }
    let then = match (call, rejected) {
        (Some((callee, operations)), _) => Then::Call(callee, operations),
        (None, true) => Then::Answer(End::Reject),
        (None, false) => Then::Answer(End::Reply(kept.state)),
    };
    Ok((kept, then))
}
