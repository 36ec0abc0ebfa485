//! One message of a test, built step by step: who sends it, with what, to whom.

use candid::Principal;
use candid::utils::ArgumentDecoder;

use super::{Arguments, CallError, MAX_ROUNDS, MessageResult, Outcome, Subnet};
use crate::canister::queues::CallerInfo;
use crate::errors::{ErrorCode, UserError};
use crate::node::{Node, proxy};

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

    /// Sends it as an update and runs rounds until it is answered.
    pub fn outcome(self) -> Outcome {
        if self.cycles > 0 {
            self.subnet.install_proxy(self.cycles);
        }
        let node = &mut self.subnet.node;
        node.begin_message(&|| self.method.to_owned(), false);
        let rounds = node.rounds();
        let result = match self.cycles {
            0 => send(
                node,
                self.sender,
                self.info,
                self.canister,
                self.method,
                self.argument,
            ),
            cycles => proxy::argument(self.canister, self.method, cycles, &self.argument)
                .map_or_else(MessageResult::Failed, |argument| {
                    let result = send(
                        node,
                        self.sender,
                        None,
                        proxy::id(),
                        proxy::METHOD,
                        argument,
                    );
                    proxy::callees(result)
                }),
        };
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

    /// Sends it as a query: between rounds, and nothing changes.
    pub fn query_outcome(self) -> Outcome {
        let node = &mut self.subnet.node;
        node.begin_message(&|| self.method.to_owned(), true);
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

    /// Sends it as an update and decodes the reply.
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

/// Sends an update and runs rounds until it is answered.
fn send(
    node: &mut Node,
    sender: Principal,
    info: Option<CallerInfo>,
    canister: Principal,
    method: &str,
    argument: Vec<u8>,
) -> MessageResult {
    let id = match node.submit_with_info(sender, info, canister, method, argument, None) {
        Ok(id) => id,
        Err(error) => return MessageResult::Failed(error),
    };
    for _ in 0..MAX_ROUNDS {
        node.tick();
        if let Some(result) = node.take_answer(id) {
            return result;
        }
    }
    let text = format!("The message was not answered within {MAX_ROUNDS} rounds");
    MessageResult::Failed(UserError::new(ErrorCode::IngressMessageTimeout, text))
}

fn decoded<R: for<'de> ArgumentDecoder<'de>>(outcome: &Outcome) -> Result<R, CallError> {
    candid::decode_args(outcome.reply()?).map_err(|error| CallError::Candid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_brings_cycles_along_and_the_callees_answer_back() {
        let callee = wat::parse_str(
            r#"(module
              (import "ic0" "msg_cycles_accept128" (func $accept (param i64 i64 i32)))
              (import "ic0" "msg_reply" (func $reply))
              (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
              (memory 1)
              (func (export "canister_update take")
                (call $accept (i64.const 0) (i64.const 700) (i32.const 0))
                (call $append (i32.const 0) (i32.const 8)) (call $reply))
              (func (export "canister_update trap") unreachable))"#,
        )
        .expect("valid text");
        let mut subnet = Subnet::new();
        let canister = subnet.create();
        subnet.install(canister, &callee, ()).expect("it installs");
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
}
