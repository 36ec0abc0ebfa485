//! One message of a test, built step by step: who sends it, with what, to whom.

use candid::Principal;
use candid::utils::ArgumentDecoder;

use super::{Arguments, CallError, MAX_ROUNDS, MessageResult, Outcome, Subnet};
use crate::canister::queues::{CallerInfo, IngressId};
use crate::errors::{ErrorCode, UserError};
use crate::node::proxy;
use crate::observe::Begun;

/// A message that is not sent yet.
#[must_use = "a call does nothing until it is sent"]
pub struct Call<'a> {
    subnet: &'a mut Subnet,
    canister: Principal,
    method: &'a str,
    sender: Principal,
    info: Option<CallerInfo>,
    cycles: u128,
    argument: Vec<u8>,
}

/// A message that was submitted and not waited for; [`Subnet::answer`] tells how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    pub(super) id: IngressId,
    /// True if the canister of ours makes the call.
    pub(super) with_cycles: bool,
}

impl<'a> Call<'a> {
    pub(super) fn new(subnet: &'a mut Subnet, canister: Principal, method: &'a str) -> Self {
        Call {
            subnet,
            canister,
            method,
            sender: Principal::anonymous(),
            info: None,
            cycles: 0,
            argument: Vec::new(),
        }
    }

    /// Sent by this principal instead of the anonymous one.
    pub fn sent_by(self, sender: Principal) -> Self {
        Call { sender, ..self }
    }

    /// With information about the sender that a canister vouches for, as `ic0.msg_caller_info_data_copy` tells. Nobody checks it
    /// here, so it may be of any sender (since-october-2025.md 3.1).
    pub fn with_caller_info(self, signer: Principal, data: impl Into<Vec<u8>>) -> Self {
        let data = data.into();
        let info = Some(CallerInfo { data, signer });
        Call { info, ..self }
    }

    /// With cycles, which come out of nothing. A canister of ours makes the call, since users cannot send any: it is
    /// what the callee sees as its caller, and the outcome is that of both. Queries take none.
    pub fn with_cycles(self, cycles: u128) -> Self {
        Call { cycles, ..self }
    }

    /// With Candid values.
    ///
    /// # Errors
    /// Values that Candid cannot hold.
    pub fn with(self, argument: impl Arguments) -> Result<Self, CallError> {
        let argument = argument.encode()?;
        Ok(Call { argument, ..self })
    }

    /// With bytes as they are.
    pub fn with_bytes(self, argument: impl Into<Vec<u8>>) -> Self {
        let argument = argument.into();
        Call { argument, ..self }
    }

    /// Sends it as an update and runs rounds until it is answered. A message that fails has an outcome too, with what it printed and
    /// cost until then. After 100,000 rounds without an answer, in which a tenth of a millisecond passes, it ends with IC0202.
    pub fn outcome(mut self) -> Outcome {
        self.prepare();
        let method = self.method;
        let node = &mut self.subnet.node;
        node.begin_message(&|| method.to_owned(), Begun::Message);
        let rounds = node.rounds();
        let result = match self.enter() {
            Ok(message) => self.subnet.wait(message),
            Err(error) => MessageResult::Failed(error),
        };
        let node = &mut self.subnet.node;
        let rounds = node.rounds() - rounds;
        let (usage, prints) = node.end_message();
        Outcome {
            result,
            instructions: usage.instructions,
            rounds,
            cycles: usage.cycles,
            prints,
        }
    }

    /// Submits it as an update for the next round and runs none, so that several messages can be under way at once:
    /// [`Subnet::tick`] and [`Subnet::advance`] run rounds, [`Subnet::answer`] tells how it ended. Only the first message with cycles
    /// takes rounds, in which the canister that calls with them is made.
    ///
    /// # Errors
    /// What a message is refused with before it enters a round (errors.md 5.1), such as IC0301 for want of the canister.
    pub fn submit(mut self) -> Result<Submitted, CallError> {
        self.prepare();
        self.enter().map_err(CallError::Failed)
    }

    /// Makes ready who calls with cycles, if there are any.
    fn prepare(&mut self) {
        if self.cycles > 0 {
            self.subnet.install_proxy(self.cycles);
        }
    }

    /// Hands the message to the node.
    fn enter(&mut self) -> Result<Submitted, UserError> {
        let argument = std::mem::take(&mut self.argument);
        let node = &mut self.subnet.node;
        let with_cycles = self.cycles > 0;
        let id = if with_cycles {
            let argument = proxy::argument(self.canister, self.method, self.cycles, &argument)?;
            node.submit(self.sender, proxy::id(), proxy::METHOD, argument)?
        } else {
            let info = self.info.take();
            node.submit_with_info(
                self.sender,
                info,
                self.canister,
                self.method,
                argument,
                None,
            )?
        };
        Ok(Submitted { id, with_cycles })
    }

    /// Sends it as a query: between rounds, and nothing changes.
    pub fn query_outcome(self) -> Outcome {
        let node = &mut self.subnet.node;
        node.begin_message(&|| self.method.to_owned(), Begun::Query);
        let result = node.query_with_info(
            self.sender,
            self.info,
            self.canister,
            self.method,
            self.argument,
        );
        let (usage, prints) = node.end_message();
        Outcome {
            result,
            instructions: usage.instructions,
            rounds: 0,
            cycles: usage.cycles,
            prints,
        }
    }

    /// Sends it as an update and decodes the reply. A failure is told as the error alone; [`outcome`](Self::outcome) tells
    /// also what was printed and what it cost.
    ///
    /// # Errors
    /// A reject, an error of the network, and a reply of another type.
    pub fn update<R: for<'de> ArgumentDecoder<'de>>(self) -> Result<R, CallError> {
        decoded(&self.outcome())
    }

    /// Sends it as a query and decodes the reply.
    ///
    /// # Errors
    /// A reject, an error of the network, and a reply of another type.
    pub fn query<R: for<'de> ArgumentDecoder<'de>>(self) -> Result<R, CallError> {
        decoded(&self.query_outcome())
    }
}

impl Subnet {
    /// Runs rounds until a message is answered.
    fn wait(&mut self, message: Submitted) -> MessageResult {
        for _ in 0..MAX_ROUNDS {
            self.tick(1);
            if let Some(result) = self.answer(message) {
                return result;
            }
        }
        let text = format!("The message was not answered within {MAX_ROUNDS} rounds");
        MessageResult::Failed(UserError::new(ErrorCode::IngressMessageTimeout, text))
    }
}

fn decoded<R: for<'de> ArgumentDecoder<'de>>(outcome: &Outcome) -> Result<R, CallError> {
    candid::decode_args(outcome.reply()?).map_err(|error| CallError::Candid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells in `take` how many cycles it has accepted: at most 700.
    const CALLEE: &str = r#"(module
        (import "ic0" "msg_cycles_accept128" (func $accept (param i64 i64 i32)))
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
        (memory 1)
        (func (export "canister_update take")
          (call $accept (i64.const 0) (i64.const 700) (i32.const 0))
          (call $append (i32.const 0) (i32.const 8)) (call $reply))
        (func (export "canister_update trap") unreachable))"#;

    /// A subnet with the callee.
    fn callee() -> (Subnet, Principal) {
        let module = wat::parse_str(CALLEE).expect("valid text");
        let mut subnet = Subnet::new();
        let canister = subnet.create();
        subnet.install(canister, &module, ()).expect("it installs");
        (subnet, canister)
    }

    #[test]
    fn a_call_brings_cycles_along_and_the_callees_answer_back() {
        let (mut subnet, canister) = callee();
        let before = subnet.cycles(canister).expect("it exists");
        let taken = subnet.call(canister, "take").with_cycles(1000).outcome();
        assert_eq!(taken.reply().expect("it replies"), 700u64.to_le_bytes());
        assert_eq!(subnet.cycles(canister), Some(before + 700));
        let trapped = subnet.call(canister, "trap").with_cycles(1).outcome();
        let MessageResult::Failed(error) = trapped.result else {
            panic!("a trap is an error");
        };
        assert_eq!(error.code.to_string(), "IC0502");
    }

    #[test]
    fn messages_that_are_submitted_are_answered_by_later_rounds_and_once() {
        let (mut subnet, canister) = callee();
        let taken = |cycles: u64| Some(MessageResult::Replied(cycles.to_le_bytes().to_vec()));
        let before = subnet.node.rounds();
        let first = subnet.call(canister, "take").submit().expect("taken");
        let second = subnet.call(canister, "trap").submit().expect("taken");
        assert_eq!(subnet.node.rounds(), before);
        assert_eq!((subnet.answer(first), subnet.answer(second)), (None, None));
        subnet.tick(1);
        let Some(MessageResult::Failed(error)) = subnet.answer(second) else {
            panic!("both have run in the same round");
        };
        assert_eq!(error.code, ErrorCode::CanisterTrapped);
        assert_eq!(subnet.answer(first), taken(0));
        assert_eq!(subnet.answer(first), None, "it was told");

        let call = subnet.call(canister, "take").with_cycles(1000);
        let paid = call.submit().expect("taken");
        subnet.tick(10);
        assert_eq!(subnet.answer(paid), taken(700));
        let call = subnet.call(canister, "trap").with_cycles(1);
        let trapped = call.submit().expect("taken");
        subnet.tick(10);
        let answer = subnet.answer(trapped);
        assert!(
            matches!(answer, Some(MessageResult::Failed(_))),
            "the callee's error, not the caller's reject: {answer:?}"
        );
    }

    #[test]
    fn a_message_that_cannot_enter_a_round_is_refused_when_it_is_submitted() {
        let mut subnet = Subnet::new();
        let nobody = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 9, 1, 1]);
        let refused = subnet.call(nobody, "go").submit();
        let CallError::Failed(error) = refused.expect_err("there is no such canister") else {
            panic!("the network refuses it");
        };
        assert_eq!(error.code, ErrorCode::CanisterNotFound);
    }
}
