//! Answering a call: reply data, reply, reject.

use drun_engine::{Guest, Imports};

use super::api::{Address, Api, Ic};
use super::exec::{Answer, Exec};
use super::mode::ANSWER;
use crate::errors::ContractViolation;

/// Instructions for each byte that leaves the canister.
pub(super) const OUTBOUND_BYTE: u64 = 50;

pub(super) fn link<A: Address>(l: &mut Imports<Ic>) {
    l.function(
        "ic0",
        "msg_reply_data_append",
        |c: &mut Guest<'_, Ic>, src: A, size: A| {
            let (src, size) = (src.to_u64(), size.to_u64());
            let outbound = size.saturating_mul(OUTBOUND_BYTE);
            let mut api = Api::enter(c, "msg_reply_data_append", 500, outbound, ANSWER)?;
            if answered(api.exec()) {
                return api.violation(ContractViolation::AlreadyReplied("msg_reply_data_append"));
            }
            let max = api.exec().mode.max_answer_bytes();
            let total = (api.exec().effects.reply_data.len() as u64).saturating_add(size);
            if total > max {
                return api.violation(ContractViolation::ReplyTooLarge { size: total, max });
            }
            let range = api.heap_range("msg.reply", src, size)?;
            let (bytes, exec) = api.bytes(range);
            exec.effects.reply_data.extend_from_slice(bytes);
            Ok(())
        },
    );
    l.function("ic0", "msg_reply", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "msg_reply", 500, 0, ANSWER)?;
        if answered(api.exec()) {
            return api.violation(ContractViolation::AlreadyReplied("msg_reply"));
        }
        let exec = api.exec();
        exec.effects.answer = Some(Answer::Reply(std::mem::take(&mut exec.effects.reply_data)));
        Ok(())
    });
    l.function(
        "ic0",
        "msg_reject",
        |c: &mut Guest<'_, Ic>, src: A, size: A| {
            let (src, size) = (src.to_u64(), size.to_u64());
            let outbound = size.saturating_mul(OUTBOUND_BYTE);
            let mut api = Api::enter(c, "msg_reject", 500, outbound, ANSWER)?;
            if answered(api.exec()) {
                return api.violation(ContractViolation::AlreadyReplied("msg_reject"));
            }
            let max = api.exec().mode.max_answer_bytes();
            if size > max {
                return api.violation(ContractViolation::RejectTooLarge { size, max });
            }
            let bytes = api.read("ic0.msg_reject", src, size)?;
            match String::from_utf8(bytes) {
                Ok(text) => {
                    api.exec().effects.answer = Some(Answer::Reject(text));
                    Ok(())
                }
                Err(_) => api.violation(ContractViolation::RejectNotUtf8),
            }
        },
    );
}

fn answered(exec: &Exec) -> bool {
    exec.message.answered || exec.effects.answer.is_some()
}
