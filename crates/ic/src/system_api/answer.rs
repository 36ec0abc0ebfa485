//! Answering a call: reply data, reply, reject.

use wasmtime::{Caller, Linker};

use super::api::{Address, Api, Host, Ret};
use super::exec::{Answer, Exec};
use super::mode::ANSWER;
use crate::errors::ContractViolation;

/// Instructions for each byte that leaves the canister.
pub(super) const OUTBOUND_BYTE: u64 = 50;

pub fn link<A: Address>(l: &mut Linker<Host>) -> Ret<()> {
    l.func_wrap(
        "ic0",
        "msg_reply_data_append",
        |mut c: Caller<'_, Host>, src: A, size: A| {
            let (src, size) = (src.to_u64(), size.to_u64());
            let outbound = size.saturating_mul(OUTBOUND_BYTE);
            let mut api = Api::enter(&mut c, "msg_reply_data_append", 500, outbound, ANSWER)?;
            if answered(api.exec()) {
                return api.violation(ContractViolation::AlreadyReplied("msg_reply_data_append"));
            }
            let max = api.exec().mode.max_answer_bytes();
            let total = (api.exec().reply_data.len() as u64).saturating_add(size);
            if total > max {
                return api.violation(ContractViolation::ReplyTooLarge { size: total, max });
            }
            let range = api.heap_range("msg.reply", src, size)?;
            let (heap, exec) = api.heap()?;
            exec.reply_data.extend_from_slice(&heap[range]);
            Ok(())
        },
    )?;
    l.func_wrap("ic0", "msg_reply", |mut c: Caller<'_, Host>| {
        let mut api = Api::enter(&mut c, "msg_reply", 500, 0, ANSWER)?;
        if answered(api.exec()) {
            return api.violation(ContractViolation::AlreadyReplied("msg_reply"));
        }
        let exec = api.exec();
        exec.answer = Some(Answer::Reply(std::mem::take(&mut exec.reply_data)));
        Ok(())
    })?;
    l.func_wrap(
        "ic0",
        "msg_reject",
        |mut c: Caller<'_, Host>, src: A, size: A| {
            let (src, size) = (src.to_u64(), size.to_u64());
            let outbound = size.saturating_mul(OUTBOUND_BYTE);
            let mut api = Api::enter(&mut c, "msg_reject", 500, outbound, ANSWER)?;
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
                    api.exec().answer = Some(Answer::Reject(text));
                    Ok(())
                }
                Err(_) => api.violation(ContractViolation::RejectNotUtf8),
            }
        },
    )?;
    Ok(())
}

fn answered(exec: &Exec) -> bool {
    exec.message.answered || exec.answer.is_some()
}
