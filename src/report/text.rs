//! The formats `manual` and `drun`.
//!
//! Owns their wording: which words say that a message replied, was rejected or failed. Texts of canisters and of the
//! replica go through unchanged in `drun`; in `manual`, which is for people, `visible` says how they are shown.

use candid::Principal;

use super::visible;
use crate::runner::outcome::{MessageKind, MessageResult, Outcome, Wording};
use drun_ic::errors::{ErrorCode, RejectCode};
use drun_ic::management::canister_id_reply;
use drun_ic::management::ids::canister_id;

/// One line for people; `number` unless it is a query.
pub(super) fn manual(outcome: &Outcome, number: Option<u64>) -> String {
    let Some(number) = number else {
        return manual_query(outcome);
    };
    match &outcome.result {
        MessageResult::Replied(bytes) if outcome.kind != MessageKind::Ingress => {
            format!(
                "ingress({number}) Completed: Reply: 0x{}",
                hex::encode(bytes)
            )
        }
        MessageResult::Replied(bytes) => {
            format!("ingress({number}) Completed: {}", payload(bytes))
        }
        MessageResult::Rejected(text) => {
            let text = visible::on_one_line(text);
            format!("ingress({number}) Completed: Reject: {text}")
        }
        MessageResult::Failed(error) => {
            let (code, text) = (error.code, visible::error(error));
            format!("ingress({number}) Failed: {code}: {text}")
        }
    }
}

fn manual_query(outcome: &Outcome) -> String {
    match &outcome.result {
        MessageResult::Replied(bytes) => format!("Ok: {}", payload(bytes)),
        MessageResult::Rejected(text) => format!("Ok: Reject: {}", visible::on_one_line(text)),
        // The class of errors that a canister makes itself, in its code or by its state.
        MessageResult::Failed(error) if error.code.reject_code() == RejectCode::CanisterError => {
            format!("CanisterErr: {}: {}", error.code, visible::error(error))
        }
        MessageResult::Failed(error) => {
            format!("Err: {}: {}", error.code, visible::error(error))
        }
    }
}

/// One line as existing suites expect it. They come from two tools, which differ in explicit rejects, and in the starting and stopping of
/// canisters, of which the runner says that it is done whatever became of it.
pub(super) fn drun(outcome: &Outcome, wording: Wording) -> String {
    let (completed, failed) = match outcome.kind {
        MessageKind::Query => ("Ok", "Err"),
        _ => ("ingress Completed", "ingress Err"),
    };
    if wording.starts_and_stops_succeed && starts_or_stops(outcome) {
        return format!("{completed}: Reply: 0x{}", hex::encode(b"DIDL\0\0"));
    }
    match &outcome.result {
        MessageResult::Replied(bytes) => {
            format!("{completed}: Reply: 0x{}", hex::encode(bytes))
        }
        MessageResult::Rejected(text) if wording.rejects_are_errors => {
            format!("{failed}: {}: {text}", ErrorCode::CanisterRejectedMessage)
        }
        MessageResult::Rejected(text) => format!("{completed}: Reject: {text}"),
        MessageResult::Failed(error) => format!("{failed}: {error}"),
    }
}

/// What the runner prints of the first canister that it creates: the reply for number 0, whatever the id is
/// (scheduling.md 7.5).
pub(super) fn first_creation_of_runner() -> String {
    let reply = canister_id_reply(canister_id(0));
    format!("ingress Completed: Reply: 0x{}", hex::encode(reply))
}

fn starts_or_stops(outcome: &Outcome) -> bool {
    outcome.kind == MessageKind::Ingress
        && outcome.canister == Some(Principal::management_canister())
        && matches!(
            outcome.method.as_deref(),
            Some("start_canister" | "stop_canister")
        )
}

fn payload(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        "Empty".into()
    } else {
        format!("Payload: 0x{}", hex::encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drun_ic::errors::UserError;

    const INSTALLS: [MessageKind; 4] = [
        MessageKind::Create,
        MessageKind::Install,
        MessageKind::Reinstall,
        MessageKind::Upgrade,
    ];

    fn replied(bytes: &[u8]) -> MessageResult {
        MessageResult::Replied(bytes.to_vec())
    }

    fn rejected() -> MessageResult {
        MessageResult::Rejected("no\nmore".into())
    }

    fn failed(code: ErrorCode) -> MessageResult {
        MessageResult::Failed(UserError {
            code,
            description: "two\nlines".into(),
        })
    }

    fn outcome(kind: MessageKind, result: MessageResult) -> Outcome {
        Outcome {
            kind,
            canister: None,
            method: None,
            result,
            instructions: 0,
            rounds: 0,
            cycles: 0,
            heap_pages: 0,
            stable_pages: 0,
            debug: vec![],
        }
    }

    /// The line in the format `manual`, and in the format `drun` for either tool.
    fn lines(kind: MessageKind, result: MessageResult) -> [String; 3] {
        let outcome = outcome(kind, result);
        let number = (kind != MessageKind::Query).then_some(7);
        [
            manual(&outcome, number),
            drun(&outcome, Wording::ORIGINAL),
            drun(&outcome, Wording::POCKET_IC),
        ]
    }

    #[test]
    fn the_runner_says_of_every_start_and_stop_that_it_is_done() {
        let outcome = Outcome {
            canister: Some(Principal::management_canister()),
            method: Some("stop_canister".into()),
            ..outcome(MessageKind::Ingress, failed(ErrorCode::CanisterNotFound))
        };
        let error = "IC0301: two\nlines";
        assert_eq!(
            drun(&outcome, Wording::POCKET_IC),
            "ingress Completed: Reply: 0x4449444c0000"
        );
        assert_eq!(
            drun(&outcome, Wording::ORIGINAL),
            format!("ingress Err: {error}")
        );
        assert_eq!(
            manual(&outcome, Some(7)),
            format!("ingress(7) Failed: {error}")
        );
    }

    #[test]
    fn create_and_code_installations_reply() {
        for kind in INSTALLS {
            let manual = "ingress(7) Completed: Reply: 0x4449";
            let drun = "ingress Completed: Reply: 0x4449";
            assert_eq!(lines(kind, replied(b"DI")), [manual, drun, drun]);
        }
    }

    #[test]
    fn create_and_code_installations_without_bytes_reply_all_the_same() {
        for kind in INSTALLS {
            let manual = "ingress(7) Completed: Reply: 0x";
            let drun = "ingress Completed: Reply: 0x";
            assert_eq!(lines(kind, replied(b"")), [manual, drun, drun]);
        }
    }

    #[test]
    fn failures_of_all_but_queries_look_alike() {
        for kind in INSTALLS.into_iter().chain([MessageKind::Ingress]) {
            assert_eq!(
                lines(kind, failed(ErrorCode::CanisterNotFound)),
                [
                    "ingress(7) Failed: IC0301: two\nlines",
                    "ingress Err: IC0301: two\nlines",
                    "ingress Err: IC0301: two\nlines",
                ]
            );
        }
    }

    #[test]
    fn an_ingress_replies_with_some_bytes() {
        let drun = "ingress Completed: Reply: 0x2aff";
        assert_eq!(
            lines(MessageKind::Ingress, replied(b"\x2a\xff")),
            ["ingress(7) Completed: Payload: 0x2aff", drun, drun]
        );
    }

    #[test]
    fn an_ingress_replies_with_no_bytes() {
        let drun = "ingress Completed: Reply: 0x";
        assert_eq!(
            lines(MessageKind::Ingress, replied(b"")),
            ["ingress(7) Completed: Empty", drun, drun]
        );
    }

    #[test]
    fn a_rejected_ingress_prints_as_the_tool_prints_it() {
        assert_eq!(
            lines(MessageKind::Ingress, rejected()),
            [
                "ingress(7) Completed: Reject: no\\nmore",
                "ingress Completed: Reject: no\nmore",
                "ingress Err: IC0406: no\nmore",
            ]
        );
    }

    #[test]
    fn a_query_replies_with_some_bytes() {
        let drun = "Ok: Reply: 0x2aff";
        assert_eq!(
            lines(MessageKind::Query, replied(b"\x2a\xff")),
            ["Ok: Payload: 0x2aff", drun, drun]
        );
    }

    #[test]
    fn a_query_replies_with_no_bytes() {
        assert_eq!(
            lines(MessageKind::Query, replied(b"")),
            ["Ok: Empty", "Ok: Reply: 0x", "Ok: Reply: 0x"]
        );
    }

    #[test]
    fn a_rejected_query_prints_as_the_tool_prints_it() {
        assert_eq!(
            lines(MessageKind::Query, rejected()),
            [
                "Ok: Reject: no\\nmore",
                "Ok: Reject: no\nmore",
                "Err: IC0406: no\nmore",
            ]
        );
    }

    #[test]
    fn a_query_that_fails_before_the_canister_runs_is_an_error() {
        let line = "Err: IC0301: two\nlines";
        assert_eq!(
            lines(MessageKind::Query, failed(ErrorCode::CanisterNotFound)),
            [line; 3]
        );
    }

    #[test]
    fn a_query_that_fails_in_the_canister_is_told_apart_in_manual_only() {
        assert_eq!(
            lines(MessageKind::Query, failed(ErrorCode::CanisterCalledTrap)),
            [
                "CanisterErr: IC0503: two\nlines",
                "Err: IC0503: two\nlines",
                "Err: IC0503: two\nlines",
            ]
        );
    }
}
