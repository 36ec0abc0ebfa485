//! The format `json`: one object per message.
//!
//! Owns the object's fields and their order, which `JSON.md` describes. A change that a reader could trip over needs a
//! new [`SCHEMA`] number and a line there.

use serde::Serialize;

use super::Beside;
use crate::runner::outcome::{DebugPrint, MessageResult, Outcome};
use drun_ic::errors::RejectCode;
use drun_ic::observe::Unseen;
use drun_ic::protocol::Date;

/// The version of the object's form.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Object<'a> {
    schema: u32,
    n: Option<u64>,
    kind: &'static str,
    canister: Option<String>,
    method: Option<&'a str>,
    status: &'static str,
    reply: Option<String>,
    reject_code: Option<u32>,
    error_code: Option<String>,
    message: Option<&'a str>,
    instructions: u64,
    rounds: u64,
    cycles: i128,
    heap_pages: u64,
    stable_pages: u64,
    debug: Vec<Print<'a>>,
    protocol: &'static str,
    line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    decoded: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unseen: Vec<Failure<'a>>,
}

#[derive(Serialize)]
struct Failure<'a> {
    line: usize,
    canister: String,
    kind: &'static str,
    method: &'a str,
    error_code: String,
    message: &'a str,
    times: u64,
}

#[derive(Serialize)]
struct Print<'a> {
    time: u64,
    canister: String,
    text: &'a str,
}

/// The object of one message, on one line; `number` unless it is a query.
pub(super) fn object(
    outcome: &Outcome,
    number: Option<u64>,
    date: Date,
    beside: &Beside<'_>,
) -> String {
    let mut object = Object {
        schema: SCHEMA,
        n: number,
        kind: outcome.kind.name(),
        canister: outcome
            .canister
            .or_else(|| super::created(outcome))
            .map(|id| id.to_text()),
        method: outcome.method.as_deref(),
        status: "replied",
        reply: None,
        reject_code: None,
        error_code: None,
        message: None,
        instructions: outcome.instructions,
        rounds: outcome.rounds,
        cycles: outcome.cycles,
        heap_pages: outcome.heap_pages,
        stable_pages: outcome.stable_pages,
        debug: outcome.debug.iter().map(print).collect(),
        protocol: date.name(),
        line: beside.line,
        decoded: beside.text.filter(|_| beside.decoded),
        unseen: beside.unseen.iter().map(failure).collect(),
    };
    match &outcome.result {
        MessageResult::Replied(bytes) => object.reply = Some(hex::encode(bytes)),
        MessageResult::Rejected(text) => {
            object.status = "rejected";
            object.reject_code = Some(RejectCode::CanisterReject.number());
            object.message = Some(text);
        }
        MessageResult::Failed(error) => {
            object.status = "failed";
            object.reject_code = Some(error.code.reject_code().number());
            object.error_code = Some(error.code.to_string());
            object.message = Some(&error.description);
        }
    }
    serde_json::to_string(&object).expect("keys are names and numbers are whole")
}

fn failure((line, unseen): &(usize, Unseen)) -> Failure<'_> {
    Failure {
        line: *line,
        canister: unseen.canister.to_text(),
        kind: unseen.label.kind,
        method: &unseen.label.method,
        error_code: unseen.error.code.to_string(),
        message: &unseen.error.description,
        times: unseen.times,
    }
}

fn print(print: &DebugPrint) -> Print<'_> {
    Print {
        time: print.time,
        canister: print.canister.to_text(),
        text: &print.text,
    }
}

#[cfg(test)]
mod tests {
    use candid::Principal;

    use super::*;
    use crate::runner::outcome::MessageKind;
    use drun_ic::errors::{ErrorCode, UserError};

    const LINE: Beside<'static> = Beside {
        line: 3,
        words: "",
        text: None,
        decoded: false,
        unseen: &[],
    };

    fn outcome(kind: MessageKind, result: MessageResult) -> Outcome {
        Outcome {
            kind,
            canister: None,
            method: None,
            result,
            instructions: 1,
            rounds: 2,
            cycles: 3,
            heap_pages: 4,
            stable_pages: 5,
            debug: vec![],
        }
    }

    #[test]
    fn a_reply_has_every_field_in_order() {
        let canister = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        let outcome = Outcome {
            canister: Some(canister),
            method: Some("go".into()),
            debug: vec![DebugPrint {
                time: 1_620_328_630_000_000_003,
                canister,
                text: "a\n\"b\"\u{1}".into(),
            }],
            ..outcome(
                MessageKind::Ingress,
                MessageResult::Replied(vec![0x2a, 0xff]),
            )
        };
        assert_eq!(
            object(&outcome, Some(6), Date::October2025, &LINE),
            concat!(
                r#"{"schema":1,"n":6,"kind":"ingress","canister":"rwlgt-iiaaa-aaaaa-aaaaa-cai","method":"go","#,
                r#""status":"replied","reply":"2aff","reject_code":null,"error_code":null,"message":null,"#,
                r#""instructions":1,"rounds":2,"cycles":3,"heap_pages":4,"stable_pages":5,"#,
                r#""debug":[{"time":1620328630000000003,"canister":"rwlgt-iiaaa-aaaaa-aaaaa-cai","#,
                r#""text":"a\n\"b\"\u0001"}],"protocol":"2025-10","line":3}"#
            )
        );
    }

    #[test]
    fn an_explicit_reject_has_code_4_and_no_error_code() {
        let outcome = outcome(MessageKind::Query, MessageResult::Rejected("no".into()));
        assert_eq!(
            object(&outcome, None, Date::October2025, &LINE),
            concat!(
                r#"{"schema":1,"n":null,"kind":"query","canister":null,"method":null,"#,
                r#""status":"rejected","reply":null,"reject_code":4,"error_code":null,"message":"no","#,
                r#""instructions":1,"rounds":2,"cycles":3,"heap_pages":4,"stable_pages":5,"debug":[],"protocol":"2025-10","line":3}"#
            )
        );
    }

    #[test]
    fn a_failure_has_both_codes() {
        let outcome = outcome(
            MessageKind::Upgrade,
            MessageResult::Failed(UserError {
                code: ErrorCode::CanisterCalledTrap,
                description: "trap".into(),
            }),
        );
        assert_eq!(
            object(&outcome, Some(0), Date::October2025, &LINE),
            concat!(
                r#"{"schema":1,"n":0,"kind":"upgrade","canister":null,"method":null,"#,
                r#""status":"failed","reply":null,"reject_code":5,"error_code":"IC0503","message":"trap","#,
                r#""instructions":1,"rounds":2,"cycles":3,"heap_pages":4,"stable_pages":5,"debug":[],"protocol":"2025-10","line":3}"#
            )
        );
    }

    #[test]
    fn cycles_beyond_64_bits_keep_all_their_digits() {
        let outcome = Outcome {
            cycles: i128::MAX,
            ..outcome(MessageKind::Create, MessageResult::Replied(vec![]))
        };
        let object = object(&outcome, Some(0), Date::October2025, &LINE);
        assert!(object.contains(r#""reply":"""#));
        assert!(object.contains(r#""cycles":170141183460469231731687303715884105727,"#));
    }

    #[test]
    fn a_decoded_reply_is_a_further_field_and_a_created_canister_is_named() {
        let id = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        let reply = drun_ic::management::canister_id_reply(id);
        let outcome = outcome(MessageKind::Create, MessageResult::Replied(reply));
        let beside = Beside {
            text: Some("(1)"),
            decoded: true,
            ..LINE
        };
        let object = object(&outcome, Some(0), Date::October2025, &beside);
        assert!(object.contains(r#""kind":"create","canister":"rwlgt-iiaaa-aaaaa-aaaaa-cai""#));
        assert!(object.ends_with(r#""line":3,"decoded":"(1)"}"#), "{object}");
    }
}
