//! One message of a test, built step by step: who sends it, with what, to whom.

use candid::Principal;
use candid::utils::ArgumentDecoder;

use super::{Arguments, CallError, MAX_ROUNDS, MessageResult, Outcome, Subnet};
use crate::canister::queues::CallerInfo;
use crate::errors::{ErrorCode, UserError};

/// A message that is not sent yet.
#[must_use = "a call does nothing until it is sent"]
pub struct Call<'a> {
    subnet: &'a mut Subnet,
    canister: Principal,
    method: &'a str,
    sender: Principal,
    info: Option<CallerInfo>,
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
        let node = &mut self.subnet.node;
        node.begin_message(&|| self.method.to_owned(), false);
        let rounds = node.rounds();
        let submitted = node.submit_with_info(
            self.sender,
            self.info,
            self.canister,
            self.method,
            self.argument,
        );
        let result = match submitted {
            Err(error) => MessageResult::Failed(error),
            Ok(id) => loop {
                node.tick();
                if let Some(result) = node.take_answer(id) {
                    break result;
                }
                if node.rounds() - rounds == MAX_ROUNDS {
                    let text = format!("The message was not answered within {MAX_ROUNDS} rounds");
                    break MessageResult::Failed(UserError::new(
                        ErrorCode::IngressMessageTimeout,
                        text,
                    ));
                }
            },
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

fn decoded<R: for<'de> ArgumentDecoder<'de>>(outcome: &Outcome) -> Result<R, CallError> {
    candid::decode_args(outcome.reply()?).map_err(|error| CallError::Candid(error.to_string()))
}
