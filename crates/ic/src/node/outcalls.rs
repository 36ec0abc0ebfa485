//! HTTP requests whose answer is due: through the caller's transform function, and back to the caller.

use super::Node;
use crate::answer::MessageResult;
use crate::canister::consumed::Purpose;
use crate::errors::{ErrorCode, QueryError, UserError};
use crate::management::outcalls::{OtherAnswer, PendingOutcall, TransformCall, transformed};
use crate::management::types::http::{HttpRequestArgs, HttpResponse};
use crate::module::MethodKind;

impl Node {
    /// The HTTP requests without an answer, oldest first.
    pub fn pending_outcalls(&self) -> impl Iterator<Item = PendingOutcall<'_>> {
        self.outcalls.pending()
    }

    /// Answers an HTTP request in the place of the world outside; its canister has the answer in the next round. False if no
    /// request of this number waits.
    pub fn answer_outcall(&mut self, id: u64, response: Result<HttpResponse, UserError>) -> bool {
        self.outcalls.answer(id, response)
    }

    /// Answers a flexible HTTP request node by node: some have an answer, the others stay silent. False if no flexible request of
    /// this number waits.
    pub fn answer_flexible_outcall(
        &mut self,
        id: u64,
        answers: Vec<Result<HttpResponse, UserError>>,
    ) -> bool {
        self.outcalls.answer_flexible(id, answers)
    }

    /// What a node would deliver of a response to a request.
    ///
    /// # Errors
    /// Why it would not.
    pub fn delivered(
        &mut self,
        response: &HttpResponse,
        args: &HttpRequestArgs,
    ) -> Result<Vec<u8>, UserError> {
        let _texts = self.texts();
        self.other_answer(OtherAnswer::of(response, args))
    }

    /// What one of several nodes would deliver.
    fn other_answer(&mut self, other: OtherAnswer) -> Result<Vec<u8>, UserError> {
        let raw = other.raw?;
        let Some(call) = other.transform else {
            return Ok(raw);
        };
        if self.is_composite(&call) {
            return Err(QueryError::CompositeTransform.into());
        }
        match self.transform(call.canister, &call.method, call.argument) {
            MessageResult::Replied(reply) => transformed(reply, other.max_bytes),
            MessageResult::Rejected(text) => {
                Err(UserError::new(ErrorCode::CanisterRejectedMessage, text))
            }
            MessageResult::Failed(error) => Err(error),
        }
    }

    /// Answers the requests that have their answer by now.
    pub(super) fn answer_outcalls(&mut self) {
        if self.outcalls.is_empty() {
            return;
        }
        for (canister, cycles) in self.outcalls.take_credits() {
            self.state.lend(&canister, |state, canister| {
                state.refund_for(Purpose::HttpOutcalls, canister, cycles);
            });
        }
        for mut due in self.outcalls.due(self.state.round, self.state.time) {
            let before = self.state.usage.instructions;
            let answer = match (due.fault(), due.transform.clone()) {
                (Some(fault), _) => Err(fault),
                (None, None) => due.raw(),
                (None, Some(call)) if self.is_composite(&call) => {
                    Err(QueryError::CompositeTransform.into())
                }
                (None, Some(call)) => {
                    match self.transform(call.canister, &call.method, call.argument) {
                        MessageResult::Replied(reply) => transformed(reply, due.max_bytes()),
                        MessageResult::Rejected(text) => {
                            Err(UserError::new(ErrorCode::CanisterRejectedMessage, text))
                        }
                        MessageResult::Failed(error) => Err(error),
                    }
                }
            };
            let instructions = self.state.usage.instructions - before;
            let more = due.take_more().into_iter();
            let more = more.map(|other| self.other_answer(other)).collect();
            let caller = due.caller();
            let (notice, granted, credit) =
                due.conclude(&self.state.fees, instructions, answer, more);
            // What is granted was taken with the call; what is not spent of it comes back in the next round.
            self.state.charged(granted);
            if let Some(caller) = self.state.canisters.get_mut(&caller) {
                caller.consumed.add(Purpose::HttpOutcalls, granted);
            }
            self.outcalls.credit(caller, credit);
            self.deliver_notice(notice);
        }
    }

    fn is_composite(&self, call: &TransformCall) -> bool {
        self.canister(&call.canister)
            .and_then(|canister| canister.code.as_ref())
            .and_then(|code| code.module.facts.methods.get(&call.method))
            .is_some_and(|kind| *kind == MethodKind::CompositeQuery)
    }
}
